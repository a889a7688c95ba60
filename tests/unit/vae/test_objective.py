"""Distortion and rate are those of torch.distributions, and means over a split depend on no batch size."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from elbowroom.core.random_streams import Stream
from elbowroom.datasets.images import Images, scale
from elbowroom.vae.model import VAE, reparameterize
from elbowroom.vae.objective import (
    distortion,
    effective_beta,
    kl,
    optimal_sigma2,
    pixel_mean,
    split_means,
    split_noise,
    terms,
)
from tests.support.images import CPU
from tests.support.settings import cifar_variant, variant


def test_kl_is_that_of_torch_distributions() -> None:
    torch.manual_seed(0)
    mu, logvar = torch.randn(50, 7).double(), torch.randn(50, 7).double() * 3
    expected = kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(torch.zeros_like(mu), torch.ones_like(mu)))
    torch.testing.assert_close(kl(mu, logvar), expected)
    assert (kl(mu, logvar) >= 0).all()
    assert kl(torch.zeros(1, 3), torch.zeros(1, 3)).tolist() == [[0, 0, 0]]


def test_gaussian_is_a_gaussian_of_variance_one_half() -> None:
    """Without its constant: -log p(x|z) = squared error + D/2 ln(pi)."""
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


def test_continuous_bernoulli_has_its_normaliser() -> None:
    """log C(l) = log[2 atanh(1 - 2l) / (1 - 2l)], log 2 at l = 1/2 (Loaiza-Ganem and Cunningham 2019). To 1e-5."""
    torch.manual_seed(0)
    x, output = torch.rand(9, 3, 8, 8).double(), 3 * torch.randn(9, 3, 8, 8).double()
    output[0] = 0.0
    rate = torch.sigmoid(output)
    gap = 1 - 2 * rate
    normaliser = torch.where(output == 0, math.log(2), (2 * torch.atanh(gap) / gap).log())
    cross_entropy = -(x * rate.log() + (1 - x) * (1 - rate).log())
    expected = (cross_entropy - normaliser).sum((1, 2, 3))
    settings = cifar_variant(likelihood="continuous_bernoulli")
    torch.testing.assert_close(distortion(settings, x, output), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("logit", [-4.0, 0.0, 0.7, 6.0])
def test_continuous_bernoulli_is_a_density(logit: float) -> None:
    """Over the grey values of one pixel it integrates to 1, to 1e-6, and its mean is pixel_mean."""
    settings = cifar_variant(likelihood="continuous_bernoulli")
    x = ((torch.arange(20_000).double() + 0.5) / 20_000).reshape(-1, 1, 1, 1)
    output = torch.full_like(x, logit)
    density = (-distortion(settings, x, output)).exp()
    assert density.mean().item() == pytest.approx(1, rel=1e-6)
    mean = (density * x.flatten()).mean().item()
    assert pixel_mean(settings, output[:1]).item() == pytest.approx(mean, rel=1e-5)


def test_the_optimal_variance_is_that_of_torchs_normal() -> None:
    """-log p(x|z) is torch's, with its constant, and no other variance makes the images likelier."""
    torch.manual_seed(0)
    settings = variant(likelihood="gaussian_optimal")
    x, output = torch.rand(9, 1, 28, 28).double() * 2 - 1, torch.randn(9, 1, 28, 28).double()
    best = (torch.tanh(output) - x).square().mean()
    expected = -Independent(Normal(torch.tanh(output), best.sqrt()), 3).log_prob(x)
    torch.testing.assert_close(distortion(settings, x, output, best), expected)
    for other in (0.98 * best, 1.02 * best):
        assert distortion(settings, x, output, other).sum() > distortion(settings, x, output, best).sum()


def test_with_the_optimal_variance_the_train_distortion_has_a_closed_form(small: dict[str, Images]) -> None:
    """It is D/2 (ln(2 pi sigma^2) + 1), to 1e-5 relative, for the same noise and any batch size."""
    torch.manual_seed(0)
    settings, images = variant(likelihood="gaussian_optimal"), small["mnist"].train.images
    model, noise = VAE(settings, (1, 28, 28)), split_noise(300, 6, 1, Stream.TRAIN_NOISE, CPU)
    assert model.sigma2 is not None
    model.sigma2.copy_(optimal_sigma2(settings, model, images, noise, 64))
    means = split_means(settings, model, images, noise, 7)
    expected = 784 / 2 * (math.log(2 * math.pi * model.sigma2.item()) + 1)
    assert means.distortion.item() == pytest.approx(expected, rel=1e-5)


def test_in_training_the_loss_has_the_batchs_optimal_variance_and_the_logarithms_gradient() -> None:
    """With sigma*, the distortion is D/2 ln(mean squared error) plus a constant: the gradients are the same."""
    torch.manual_seed(0)
    settings = variant(likelihood="gaussian_optimal")
    model, x, noise = VAE(settings, (1, 28, 28)).train(), torch.rand(5, 1, 28, 28), torch.randn(5, 6)
    loss = terms(settings, model, x, noise).distortion.mean()
    mu, logvar = model.encode(x)
    output = model.decode(reparameterize(mu, logvar, noise))
    direct = 784 / 2 * ((torch.tanh(output) - x).square().mean() * 2 * math.pi * math.e).log()
    assert loss.item() == pytest.approx(direct.item(), rel=1e-5)
    ours, theirs = (torch.autograd.grad(value, model.decoder.linear.weight)[0] for value in (loss, direct))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_effective_beta() -> None:
    """The notebook's squared error in [-1, 1] is four times that in [0, 1], so its KL weighs a quarter."""
    assert effective_beta(variant(), 0.5) == 0.25
    assert effective_beta(variant(pixel_range=[0, 1]), 0.5) == 1
    assert effective_beta(variant(pixel_range=[0, 1], beta=4.0), 0.05) == pytest.approx(0.4)


def test_a_linear_network_has_no_link() -> None:
    settings = variant(network="linear", channels=1, likelihood="gaussian")
    output = torch.linspace(-3, 3, 7).reshape(-1, 1, 1, 1)
    torch.testing.assert_close(distortion(settings, torch.zeros_like(output), output), output.flatten().square())


@pytest.mark.parametrize("settings", [variant(), variant(pixel_range=[0, 1]), cifar_variant()])
def test_pixel_mean_is_the_best_reconstruction(settings: object) -> None:
    """The picture that equals the image has the least distortion of all constant pictures in [0, 1]."""
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
    """With 130 images, the last batch of 64 has 2: a mean of batch means would be wrong. To 1e-5 relative."""
    torch.manual_seed(0)
    settings = cifar_variant()
    model = VAE(settings, (3, 32, 32))
    images = small["cifar10"].test.images
    noise = split_noise(130, 6, 5, Stream.TEST_NOISE, CPU)
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
    noise = (split_noise(130, 6, seed, Stream.TEST_NOISE, CPU) for seed in (0, 1))
    first, second = (split_means(variant(), model, images, each, 64) for each in noise)
    assert first.distortion != second.distortion
    assert first.rate == second.rate
