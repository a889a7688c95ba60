"""Layers in bfloat16 give the gradients of float64, rounded once; a whole model's are as near as autocast's."""

import copy

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from elbowroom.core.published_sets import PUBLISHED
from elbowroom.core.settings import Variant
from elbowroom.vae import fast_bf16
from elbowroom.vae.fast_bf16 import Bf16Conv2d
from elbowroom.vae.fast_cpu import FastConvTranspose2d, bf16_copy
from elbowroom.vae.model import VAE
from elbowroom.vae.objective import terms
from tests.support.settings import cifar_variant, variant

SHAPES = {name: PUBLISHED[name].shape for name in ("mnist", "cifar10")}
ONCE = 2.0**-8  # of a number: what rounding it to bfloat16 changes, at most
on_a_cpu_that_adds_in_float32 = pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() == "AVX2",
    reason="without AVX512, PyTorch's own convolutions in bfloat16 round each partial sum",
)
SMALL_CONVOLUTIONS = [  # channels in and out, kernel, stride, pixels on a side
    (12, 20, 4, 2, 7),  # the notebook's third: 3 x 3 outputs
    (20, 24, 3, 1, 3),
    (12, 20, 3, 2, 8),  # the report's third: 4 x 4 outputs
]


def rounded(*shape: int, seed: int) -> Tensor:
    """Draw numbers that bfloat16 can hold, with channels last."""
    drawn = torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).bfloat16()
    return drawn.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else drawn


def assert_rounded_once(layer: nn.Module, exact: nn.Module, x: Tensor) -> None:
    """Compare output and gradients of a layer in bfloat16 with float64's, from the same numbers."""
    found, expected = [], []
    for module, numbers, results in ((layer, x, found), (exact, x.double(), expected)):
        numbers = numbers.detach().requires_grad_()
        output = module(numbers)
        gradient = rounded(*output.shape, seed=1).to(output.dtype)
        wanted = [numbers, module.weight, module.bias]
        results += [output, *torch.autograd.grad(output, wanted, gradient)]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == torch.bfloat16
        torch.testing.assert_close(ours.double(), theirs, rtol=ONCE, atol=1e-5 * theirs.abs().max().item())


@on_a_cpu_that_adds_in_float32
@pytest.mark.parametrize(("inputs", "outputs", "kernel", "stride", "size"), SMALL_CONVOLUTIONS)
def test_a_convolution_with_a_small_output_is_rounded_once(
    inputs: int, outputs: int, kernel: int, stride: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=1).bfloat16().double()
    layer = Bf16Conv2d(copy.deepcopy(exact).bfloat16().to(memory_format=torch.channels_last))
    used = []
    original = fast_bf16.windows_of
    monkeypatch.setattr(fast_bf16, "windows_of", lambda *given: (used.append(1), original(*given))[1])
    assert_rounded_once(layer, exact, rounded(10, inputs, size, size, seed=0))
    assert used == [1]


@on_a_cpu_that_adds_in_float32
def test_a_convolution_with_a_large_output_is_pytorchs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_bf16, "windows_of", None)
    exact = nn.Conv2d(3, 8, 3, stride=2, padding=1).bfloat16().double()
    layer = Bf16Conv2d(copy.deepcopy(exact).bfloat16().to(memory_format=torch.channels_last))
    assert_rounded_once(layer, exact, rounded(10, 3, 10, 10, seed=0))


@on_a_cpu_that_adds_in_float32
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize(("inputs", "outputs", "size"), [(256, 64, 3), (6, 5, 4), (6, 3, 4)])
def test_a_transposed_convolution_is_rounded_once(inputs: int, outputs: int, size: int, last: bool) -> None:
    """By windows, by PyTorch, and as a convolution whose outputs are shuffled. The first's input may lie either way."""
    exact = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1).bfloat16().double()
    layer = FastConvTranspose2d(copy.deepcopy(exact).bfloat16().to(memory_format=torch.channels_last))
    x = rounded(10, inputs, size, size, seed=0)
    assert_rounded_once(layer, exact, x if last else x.contiguous())


def test_windows_are_those_of_unfold() -> None:
    """Rows are pixels, images first; columns are the kernel's rows, its columns, channels."""
    x = torch.arange(2 * 3 * 5 * 6.0).view(2, 3, 5, 6)
    expected = F.unfold(x, (3, 2), stride=(2, 1), padding=(1, 0))  # (B, C * kernel, pixels)
    expected = expected.view(2, 3, 6, -1).permute(0, 3, 2, 1).flatten(0, 1).flatten(1)
    assert torch.equal(fast_bf16.windows_of(x, (3, 2), (2, 1), (1, 0)), expected)


MODELS = {
    "notebook, by windows": variant(channels=32, latent_dim=60),
    "report, folded": cifar_variant(channels=16),
    "optimal variance": cifar_variant(likelihood="gaussian_optimal", channels=16),
    "autoencoder": variant(model="ae", beta=0.0, channels=8),
    "linear": variant(network="linear", channels=1),
}


def gradient_of(settings: Variant, model: VAE, x: Tensor, noise: Tensor, autocast: bool = False) -> Tensor:
    """Return the gradient of the loss in all parameters, one after another, float64."""
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        measured = terms(settings, model, x, noise)
    assert measured.distortion.dtype == measured.rate.dtype == x.dtype
    measured.loss(1.0).mean().backward()
    return torch.cat([parameter.grad.double().flatten() for parameter in model.parameters() if parameter.numel()])


@pytest.mark.parametrize("name", MODELS)
def test_a_models_gradient_is_as_near_to_float64_as_autocasts(name: str) -> None:
    settings = MODELS[name]
    shape = SHAPES[settings.dataset]
    torch.manual_seed(0)
    model = VAE(settings, shape).to(memory_format=torch.channels_last)
    x, noise = torch.rand(32, *shape), torch.randn(32, settings.latent_dim)
    exact = gradient_of(settings, copy.deepcopy(model).double(), x.double(), noise.double())
    autocast = gradient_of(settings, copy.deepcopy(model), x, noise, autocast=True)
    found = gradient_of(settings, bf16_copy(model), x, noise)
    assert torch.cosine_similarity(found, exact, 0) > 0.997
    assert (found - exact).norm() < 1.2 * (autocast - exact).norm() < 0.02 * exact.norm()


@pytest.mark.parametrize("name", MODELS)
def test_a_copys_parameters_are_the_models_one_by_one(name: str) -> None:
    """In the same order and memory layout, so that gradients can be handed over; none is shared."""
    settings = MODELS[name]
    model = VAE(settings, SHAPES[settings.dataset]).to(memory_format=torch.channels_last)
    for theirs, ours in zip(model.parameters(), bf16_copy(model).parameters(), strict=True):
        assert theirs.dtype == torch.float32
        assert ours.stride() == theirs.stride()
        assert torch.equal(ours, theirs.bfloat16())
