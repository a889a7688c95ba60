"""PSNR, SSIM, Fréchet and kernel distance equal torchmetrics' bit for bit, and what the papers define."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor, nn
from torchmetrics.functional.image import peak_signal_noise_ratio as torchmetrics_psnr
from torchmetrics.functional.image import structural_similarity_index_measure as torchmetrics_ssim
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from elbowroom.evaluation.image_metrics import (
    KERNEL_SUBSET_SIZE,
    KERNEL_SUBSETS,
    frechet_distance,
    kernel_distance,
    peak_signal_noise_ratio,
    structural_similarity,
)

SHAPES = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32)}


@pytest.fixture(scope="module")
def features() -> tuple[Tensor, Tensor]:
    """Two sets of correlated features (500, 16) and (400, 16)."""
    generator = torch.Generator().manual_seed(0)
    real, made = (torch.randn(n, 16, generator=generator) for n in (500, 400))
    return real @ torch.randn(16, 16, generator=generator), made @ torch.randn(16, 16, generator=generator) + 0.3


def pairs(name: str, count: int) -> tuple[Tensor, Tensor]:
    """Grey levels (N, C, H, W) in [0, 1], and the same with noise."""
    generator = torch.Generator().manual_seed(count)
    real = torch.randint(0, 256, (count, *SHAPES[name]), generator=generator) / 255
    noise = torch.randn(real.shape, generator=generator)
    return (real + 0.2 * noise).clamp(0, 1), real


class Identity(nn.Identity):
    """Pass features through: torchmetrics asks for a network that extracts them."""

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.num_features = features.shape[1]


# --- pictures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["rows", "channels_last"])
@pytest.mark.parametrize("count", [1, 7, 130])
@pytest.mark.parametrize("name", SHAPES)
def test_psnr_and_ssim_equal_torchmetrics_bit_for_bit(name: str, count: int, layout: torch.memory_format) -> None:
    made, real = pairs(name, count)
    made = made.to(memory_format=layout)
    psnr = torchmetrics_psnr(made, real, data_range=1.0, reduction="none", dim=(1, 2, 3))
    ssim = torchmetrics_ssim(made, real, data_range=1.0, reduction="none")
    assert torch.equal(peak_signal_noise_ratio(made, real), psnr)
    assert isinstance(ssim, Tensor)
    assert torch.equal(structural_similarity(made, real), ssim)


def test_equal_pictures_have_infinite_psnr_and_an_ssim_of_one() -> None:
    _, real = pairs("cifar10", 5)
    assert peak_signal_noise_ratio(real, real).tolist() == [math.inf] * 5
    assert structural_similarity(real, real).tolist() == pytest.approx([1] * 5, abs=1e-6)


# --- distances between features --------------------------------------------------------------------------------------


SIZES = [(2, 2), (40, 40), (500, 400), (1200, 1500), (1000, 1000)]


@pytest.mark.parametrize(("count", "others"), SIZES)
def test_frechet_distance_equals_torchmetrics_bit_for_bit(count: int, others: int) -> None:
    real, made = skewed(count, others)
    metric = FrechetInceptionDistance(Identity(real))
    metric.update(real.double(), real=True)
    metric.update(made.double(), real=False)
    assert frechet_distance(real, made) == metric.compute().item()


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save")
@pytest.mark.parametrize(("count", "others"), SIZES)
def test_kernel_distance_equals_torchmetrics_bit_for_bit(count: int, others: int) -> None:
    """It draws the same random subsets. If each subset would hold all pictures, there is only one."""
    real, made = skewed(count, others)
    size = min(KERNEL_SUBSET_SIZE, count, others)
    subsets = 1 if size == count == others else KERNEL_SUBSETS
    metric = KernelInceptionDistance(Identity(real), subsets, size)
    metric.update(real.double(), real=True)
    metric.update(made.double(), real=False)
    torch.manual_seed(3)
    mean, _ = metric.compute()
    assert kernel_distance(real, made, seed=3) == mean.item()


def skewed(count: int, others: int) -> tuple[Tensor, Tensor]:
    """Two sets of 64 features, none below 0, like a judge's."""
    generator = torch.Generator().manual_seed(0)
    real, made = (torch.randn(n, 64, generator=generator) for n in (count, others))
    return real.relu(), (1.1 * made + 0.1).relu()


def test_frechet_distance_is_the_closed_form(features: tuple[Tensor, Tensor]) -> None:
    real, made = (part.double().numpy() for part in features)
    cov_real, cov_made = np.cov(real, rowvar=False), np.cov(made, rowvar=False)
    root = scipy.linalg.sqrtm(cov_real @ cov_made).real
    means = np.square(real.mean(0) - made.mean(0)).sum()
    assert frechet_distance(*features) == pytest.approx(means + np.trace(cov_real + cov_made - 2 * root), rel=1e-4)


def test_frechet_distance_of_shifted_features_is_the_squared_shift(features: tuple[Tensor, Tensor]) -> None:
    real, _ = features
    shift = torch.linspace(-1, 2, 16)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(real, real + shift) == pytest.approx(shift.square().sum().item(), rel=1e-4)


def unbiased_mmd(real: np.ndarray, made: np.ndarray) -> float:
    """The estimate of Binkowski et al. 2018, with their cubic kernel, written out."""

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T / a.shape[1] + 1) ** 3

    within = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (kernel(real, real), kernel(made, made))]
    return sum(within) - 2 * kernel(real, made).mean()


def test_kernel_distance_is_the_unbiased_mmd(features: tuple[Tensor, Tensor]) -> None:
    real, made = (part[:400] for part in features)
    expected = unbiased_mmd(real.double().numpy(), made.double().numpy())
    assert kernel_distance(real, made) == pytest.approx(expected, rel=1e-4)


def test_kernel_distance_depends_on_no_global_generator(features: tuple[Tensor, Tensor]) -> None:
    torch.manual_seed(1)
    first = kernel_distance(*features)
    torch.manual_seed(2)
    expected = torch.rand(1)
    torch.manual_seed(2)
    assert kernel_distance(*features) == first
    assert torch.equal(torch.rand(1), expected)
    assert kernel_distance(*features, seed=1) != first
    assert kernel_distance(*features, seed=1) == pytest.approx(first, rel=0.1)
