"""Distortion and rate against torch.distributions, and means over whole splits."""

import math

import pytest
import torch
from conftest import CPU, cifar_variant, variant
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from elbowroom.data import Images, scale
from elbowroom.model import VAE
from elbowroom.objective import distortion, kl, pixel_mean, split_means, split_noise, terms


def test_kl_is_that_of_torch_distributions() -> None:
    torch.manual_seed(0)
    mu, logvar = torch.randn(50, 7).double(), torch.randn(50, 7).double() * 3
    expected = kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(torch.zeros_like(mu), torch.ones_like(mu)))
    torch.testing.assert_close(kl(mu, logvar), expected)
    assert (kl(mu, logvar) >= 0).all()
    assert kl(torch.zeros(1, 3), torch.zeros(1, 3)).tolist() == [[0, 0, 0]]


def test_gaussian_is_a_gaussian_of_variance_one_half() -> None:
    """Less its constant: -log p(x|z) = squared error + D/2 ln(pi)."""
    torch.manual_seed(0)
    x, output = torch.rand(9, 1, 28, 28).double() * 2 - 1, torch.randn(9, 1, 28, 28).double()
    likelihood = Independent(Normal(torch.tanh(output), math.sqrt(0.5)), 3)
    expected = -likelihood.log_prob(x) - 28 * 28 / 2 * math.log(math.pi)
    torch.testing.assert_close(distortion(variant(), x, output), expected)


def test_gaussian_in_0_1_has_a_sigmoid() -> None:
    x, output = torch.rand(9, 1, 28, 28), torch.randn(9, 1, 28, 28)
    expected = (torch.sigmoid(output) - x).square().sum((1, 2, 3))
    torch.testing.assert_close(distortion(variant(pixel_range=[0, 1]), x, output), expected)


def test_bernoulli_is_the_cross_entropy() -> None:
    torch.manual_seed(0)
    x, output = torch.rand(9, 3, 32, 32).double(), torch.randn(9, 3, 32, 32).double()
    expected = -Independent(Bernoulli(logits=output, validate_args=False), 3).log_prob(x)
    torch.testing.assert_close(distortion(cifar_variant(), x, output), expected)


@pytest.mark.parametrize("settings", [variant(), variant(pixel_range=[0, 1]), cifar_variant()])
def test_pixel_mean_is_the_best_reconstruction(settings: object) -> None:
    """A picture in [0, 1] that has, of all constants, the least distortion where it equals the image."""
    output = torch.linspace(-3, 3, 61).reshape(-1, 1, 1, 1)
    pictures = pixel_mean(settings, output)  # type: ignore[arg-type]
    assert 0 < pictures.min() < pictures.max() < 1
    low, high = settings.pixel_range  # type: ignore[attr-defined]
    target = torch.full_like(output, low + 0.3 * (high - low))
    best = distortion(settings, target, output).argmin()  # type: ignore[arg-type]
    assert pictures[best].item() == pytest.approx(0.3, abs=0.02)


def test_loss_is_distortion_plus_beta_times_rate() -> None:
    torch.manual_seed(0)
    model = VAE(variant(), (1, 28, 28))
    measured = terms(variant(), model, torch.rand(5, 1, 28, 28), torch.randn(5, 6))
    assert measured.rate.shape == measured.distortion.shape == (5,)
    torch.testing.assert_close(measured.loss(0.0), measured.distortion)
    torch.testing.assert_close(measured.loss(4.0), measured.distortion + 4 * measured.rate)


def test_an_autoencoder_has_no_rate_and_no_noise() -> None:
    settings = variant(model="ae", beta=0.0)
    model = VAE(settings, (1, 28, 28))
    x = torch.rand(5, 1, 28, 28)
    first, second = (terms(settings, model, x, torch.randn(5, 6)) for _ in range(2))
    assert first.rate.tolist() == [0] * 5
    assert torch.equal(first.distortion, second.distortion)


@pytest.mark.parametrize("batch_size", [1, 7, 64, 130, 1000])
def test_means_do_not_depend_on_the_batch_size(small: dict[str, Images], batch_size: int) -> None:
    """130 images: with 64 the last batch has 2, and a mean of batch means would be off. To 1e-5 relative."""
    torch.manual_seed(0)
    settings = cifar_variant()
    model = VAE(settings, (3, 32, 32))
    images = small["cifar10"].test.images
    noise = split_noise(130, 6, 5, CPU)
    with torch.no_grad():
        expected = terms(settings, model, scale(images, [0, 1]), noise)
    counted: list[int] = []
    means = split_means(settings, model, images, noise, batch_size, counted.append)
    assert means.distortion.item() == pytest.approx(expected.distortion.double().mean().item(), rel=1e-5)
    assert means.rate.item() == pytest.approx(expected.rate.double().mean().item(), rel=1e-5)
    assert sum(counted) == 130


def test_z_is_sampled_in_split_means(small: dict[str, Images]) -> None:
    torch.manual_seed(0)
    model = VAE(variant(), (1, 28, 28))
    images = small["mnist"].test.images
    first, second = (split_means(variant(), model, images, split_noise(130, 6, seed, CPU), 64) for seed in (0, 1))
    assert first.distortion != second.distortion
    assert first.rate == second.rate
