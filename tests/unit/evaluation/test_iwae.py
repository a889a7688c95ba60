"""Importance sampling finds log p(x) of models whose log p(x) is known exactly."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, LowRankMultivariateNormal, Normal, kl_divergence

from elbowroom.core.published_sets import PUBLISHED
from elbowroom.core.random_streams import Stream, generator
from elbowroom.core.settings import Variant
from elbowroom.datasets.images import Images, scale
from elbowroom.evaluation.iwae import bound_names, bounds, log_weights
from elbowroom.vae.model import VAE
from elbowroom.vae.trained import TrainedVAE
from tests.support.settings import cifar_variant, variant

LINEAR = variant(network="linear", channels=1, latent_dim=3)
PIXELS = 28 * 28
NO_CONSTANT = PIXELS / 2 * math.log(math.pi)  # what the likelihood `gaussian` leaves out
SCALES = torch.tensor([6.0, 3.0, 0.5])  # of the decoder's three directions


def linear_gaussian(off: float = 0.0) -> TrainedVAE:
    """x = W z + b + noise of variance 1/2. W's columns are orthogonal, so that the posterior's latents are independent.

    The encoder is the exact posterior, with its mu moved by `off` standard deviations and its variance times exp(off).
    """
    torch.manual_seed(0)
    network = VAE(LINEAR, (1, 28, 28))
    directions = torch.linalg.qr(torch.randn(PIXELS, 3)).Q
    precision = 1 + 2 * SCALES**2
    encoder, decoder = network.encoder, network.decoder
    with torch.no_grad():
        decoder.linear.weight.copy_(directions * SCALES)
        decoder.linear.bias.copy_(torch.linspace(-0.9, -0.5, PIXELS))
        encoder.mu.weight.copy_((2 * SCALES / precision).unsqueeze(1) * directions.T)
        encoder.mu.bias.copy_(off * precision**-0.5 - encoder.mu.weight @ decoder.linear.bias)
        encoder.logvar.weight.zero_()
        encoder.logvar.bias.copy_(off - precision.log())
    return TrainedVAE("linear", LINEAR, 0, (1, 28, 28), network)


def untrained(settings: Variant) -> TrainedVAE:
    torch.manual_seed(0)
    shape = PUBLISHED[settings.dataset].shape
    return TrainedVAE("v", settings, 0, shape, VAE(settings, shape))


def exact_nll(model: TrainedVAE, images: Tensor) -> Tensor:
    """-log N(x; b, W W^T + I/2) of each image, without the constant that the likelihood leaves out: (N,)."""
    linear = model.network.decoder.linear
    p = LowRankMultivariateNormal(
        linear.bias.double(), linear.weight.double(), torch.full((PIXELS,), 0.5, dtype=torch.float64)
    )
    return (-p.log_prob(scale(images, [-1, 1]).flatten(1).double()) - NO_CONSTANT).detach()


def exact_negative_elbo(model: TrainedVAE, images: Tensor) -> Tensor:
    """The squared error expected under q, in closed form, plus KL by torch.distributions: (N,)."""
    x = scale(images, [-1, 1])
    with torch.no_grad():
        mu, logvar = model.network.encode(x)
        error = (model.network.decode(mu) - x).double().flatten(1).square().sum(1)
        spread = (logvar.exp() * model.network.decoder.linear.weight.square().sum(0)).double().sum(1)
        q = Independent(Normal(mu.double(), (0.5 * logvar.double()).exp()), 1)
        return error + spread + kl_divergence(q, Independent(Normal(torch.zeros(3), torch.ones(3)), 1))


def test_with_the_exact_posterior_every_weight_is_p_of_x(small: dict[str, Images]) -> None:
    """One sample is enough, and K samples have an effective number of K. Both to 1e-5 relative."""
    images = small["mnist"].test.images
    model = linear_gaussian()
    log_w = log_weights(model, images, 20, 50)
    torch.testing.assert_close(-log_w, exact_nll(model, images).unsqueeze(1).expand(-1, 20), rtol=1e-5, atol=0)
    found = bounds(log_w, [1, 20])
    assert found["iwae_nll_1"] == pytest.approx(exact_nll(model, images).mean().item(), rel=1e-5)
    assert found["iwae_nll_1"] == pytest.approx(found["iwae_nll_20"], rel=1e-6)
    assert found["effective_samples"] == pytest.approx(20, rel=1e-5)


def test_with_another_posterior_it_converges_from_above(small: dict[str, Images]) -> None:
    """The bound never rises with K. It is more than half a nat too high at K = 1, and within 0.02 nats at K = 2000."""
    images = small["mnist"].test.images[:40]
    model = linear_gaussian(off=0.7)
    exact = exact_nll(model, images).mean().item()
    ladder = [1, 2, 10, 100, 2000]
    found = bounds(log_weights(model, images, 2000, 500), ladder)
    nll = [found[f"iwae_nll_{k}"] for k in ladder]
    assert nll == sorted(nll, reverse=True)
    assert nll[0] > exact + 0.5
    assert nll[-1] == pytest.approx(exact, abs=0.02)
    assert found["iwae_nll"] == nll[-1]
    assert 1 < found["effective_samples"] < 2000


def test_one_sample_is_the_negative_elbo(small: dict[str, Images]) -> None:
    """Within 4 standard errors, about 0.03 nats, of its closed form. A KL of the wrong sign, a mean KL over latents, or
    z = mu would each be off by more than 1.
    """
    images = small["mnist"].test.images
    model = linear_gaussian(off=0.7)
    log_w = log_weights(model, images, 500, 500)
    error = log_w.std(1).square().mean().sqrt().item() / math.sqrt(log_w.numel())
    assert error < 0.01
    expected = exact_negative_elbo(model, images).mean().item()
    assert bounds(log_w, [1, 500])["iwae_nll_1"] == pytest.approx(expected, abs=4 * error)


@pytest.mark.parametrize("likelihood", ["gaussian_optimal", "bernoulli", "continuous_bernoulli"])
def test_weights_equal_those_of_torch_distributions(
    likelihood: str, small: dict[str, Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    """log p(x|z) + log p(z) - log q(z|x) written out, for the z that were drawn. 1e-5 relative."""
    settings = cifar_variant(likelihood=likelihood)
    model = untrained(settings)
    network = model.network
    if network.sigma2 is not None:
        network.sigma2.fill_(0.03)
    images = small["cifar10"].test.images[:4]
    drawn: list[Tensor] = []
    distortion = TrainedVAE.distortion

    def watched(model: TrainedVAE, images: Tensor, z: Tensor) -> Tensor:
        drawn.append(z)
        return distortion(model, images, z)

    monkeypatch.setattr(TrainedVAE, "distortion", watched)
    log_w = log_weights(model, images, 6, 10)
    x = scale(images, [0, 1])
    draws = generator(0, Stream.IMPORTANCE)
    with torch.no_grad():
        mu, logvar = network.encode(x)
        q = Normal(mu.unsqueeze(1), (0.5 * logvar).exp().unsqueeze(1))
        z = q.mean + q.stddev * torch.stack([torch.randn(6, 6, generator=draws) for _ in x])
        output = network.decode(z.flatten(0, 1))
        torch.testing.assert_close(torch.cat(drawn), z.flatten(0, 1))
        mean, x = output.double().sigmoid().unflatten(0, (4, 6)), x.double().unsqueeze(1)
        if likelihood == "gaussian_optimal":
            log_p = Normal(mean, 0.03**0.5).log_prob(x)
        elif likelihood == "bernoulli":
            log_p = x * mean.log() + (1 - x) * (1 - mean).log()
        else:
            log_p = torch.distributions.ContinuousBernoulli(mean).log_prob(x)
        expected = log_p.double().sum((2, 3, 4)) + (Normal(0.0, 1.0).log_prob(z) - q.log_prob(z)).double().sum(2)
    torch.testing.assert_close(log_w, expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    ("samples", "batch_size", "calls"),
    [
        (5, 50, [50, 50, 50]),  # ten images at once
        (1, 20, [20, 10]),
        (40, 10, [10] * 4 * 30),  # K is not the batch size
        (12, 10, [10, 2] * 30),
    ],
)
def test_decoding_is_batched_whatever_k_is(
    samples: int, batch_size: int, calls: list[int], small: dict[str, Images]
) -> None:
    """A small K decodes several images at once; no K decodes more pictures at once than the batch size."""
    images = small["mnist"].test.images[:30]
    model = untrained(variant())
    decoded: list[int] = []
    counted: list[int] = []
    model.network.decoder.layers[-1].register_forward_hook(lambda _, __, output: decoded.append(len(output)))
    log_w = log_weights(model, images, samples, batch_size, counted.append)
    assert decoded == counted == calls
    assert log_w.shape == (30, samples)
    assert len(log_w.unique()) > 0.9 * log_w.numel()  # z is sampled: no weight is another's


@pytest.mark.parametrize("batch_size", [1, 7, 50, 1000])
@pytest.mark.parametrize("settings", [variant(), cifar_variant()], ids=["mnist", "cifar10"])
def test_weights_do_not_depend_on_the_batch_size(settings: Variant, batch_size: int, small: dict[str, Images]) -> None:
    """1e-5 relative. 23 images with 10 samples each, so that last batches are smaller."""
    images = small[settings.dataset].test.images[:23]
    model = untrained(settings)
    expected = log_weights(model, images, 10, 40)
    torch.testing.assert_close(log_weights(model, images, 10, batch_size), expected, rtol=1e-5, atol=0)


def test_bounds_are_means_over_groups_of_samples() -> None:
    """By hand, from the weights 1, 3, 2 and 2. Every bound uses all four."""
    log_w = torch.tensor([[1.0, 3.0, 2.0, 2.0]], dtype=torch.float64).log()
    found = bounds(log_w, [1, 2, 4])
    assert list(found) == bound_names([1, 2, 4])
    assert found["iwae_nll_1"] == pytest.approx(-math.log(12) / 4)
    assert found["iwae_nll_2"] == pytest.approx(-math.log(2))
    assert found["iwae_nll_4"] == found["iwae_nll"] == pytest.approx(-math.log(2))
    assert found["effective_samples"] == pytest.approx(64 / 18)


def test_bounds_never_rise_however_uneven_the_weights() -> None:
    log_w = torch.randn(200, 120, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 300
    ladder = [1, 2, 6, 24, 120]
    found = bounds(log_w, ladder)
    nll = [found[f"iwae_nll_{k}"] for k in ladder]
    assert nll == sorted(nll, reverse=True)
    assert found["effective_samples"] == pytest.approx(1, abs=0.05)
