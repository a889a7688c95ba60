"""A fitted prior saves nothing where N(0, I) is right, and what is known where it is wrong."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from torch import Tensor

from elbowroom.datasets.images import Images, Split
from elbowroom.evaluation.fitted_prior import fit_prior
from elbowroom.vae.latent_space import prior_samples
from tests.support.models import exact_linear_vae, lively, measure
from tests.support.settings import variant

KL = torch.tensor([2.0, 1.0])  # both latents are modelled


def two_modes(count: int, seed: int) -> Tensor:
    """z in two latents: the first at -a or a with deviation s, where a^2 + s^2 = 1, the second N(0, 1)."""
    z = prior_samples(count, 2, seed)
    sign = torch.where(torch.arange(count) % 2 == 0, 1.0, -1.0)
    z[:, 0] = 0.995**0.5 * sign + 0.005**0.5 * z[:, 0]
    return z


def test_nothing_is_saved_if_the_latents_are_standard_normal() -> None:
    """Only what 5,000 z cost to estimate two means and two variances from: 4 / 2 / 5000 nats."""
    prior = fit_prior(prior_samples(5000, 2, 0), KL)
    saved = prior.log_ratio(prior_samples(20_000, 2, 1))
    assert prior.mixture.n_components == 1
    assert saved.mean().item() == pytest.approx(0, abs=0.003)


@pytest.mark.parametrize("count", [300, 1000])
def test_few_z_of_many_latents_are_not_overfitted(count: int) -> None:
    """Of N(0, I) in 128 latents, 256 means and variances are estimated: 128 / N nats are lost, and not more."""
    prior = fit_prior(prior_samples(count, 128, 0), torch.ones(128))
    assert prior.log_ratio(prior_samples(5000, 128, 1)).mean().item() == pytest.approx(-128 / count, rel=0.3)


def test_a_prior_of_two_modes_saves_the_known_rate() -> None:
    """log p(z) - log N(z; 0, I), with the true density of two modes. Their mean and variance are those of N(0, I), so
    one Gaussian saves nothing.
    """
    test = two_modes(20_000, 1)
    first = test[:, 0].double().numpy()
    sides = [np.exp(-((first - sign * 0.995**0.5) ** 2) / 0.01) / (2 * math.pi * 0.005) ** 0.5 for sign in (1, -1)]
    known = np.log(sum(sides) / 2) + first**2 / 2 + math.log(2 * math.pi) / 2
    prior = fit_prior(two_modes(5000, 0), KL)
    assert prior.mixture.n_components == 2
    assert prior.log_ratio(test).mean().item() == pytest.approx(known.mean(), abs=0.01)
    assert known.mean() > 1.9  # log(1 / s) - log 2, nearly


def test_the_density_is_the_mixtures_over_modelled_latents_and_normal_over_others() -> None:
    z = torch.cat([two_modes(500, 0), 5 * prior_samples(500, 1, 3)], 1)[:, [0, 2, 1]]
    prior = fit_prior(z, torch.tensor([1.0, 0.001, 0.5]))
    assert prior.modelled.tolist() == [True, False, True]
    mixture, points = prior.mixture, z[:, [0, 2]].double().numpy()
    covariances = mixture.covariances_
    density = sum(
        weight * multivariate_normal(mean, np.diag(spread) if spread.ndim == 1 else spread).pdf(points)
        for weight, mean, spread in zip(mixture.weights_, mixture.means_, covariances, strict=True)
    )
    expected = np.log(density) - multivariate_normal(np.zeros(2)).logpdf(points)
    np.testing.assert_allclose(prior.log_ratio(z).numpy(), expected, rtol=1e-6)


def test_samples_are_of_the_mixture_and_keep_the_noise_of_other_latents() -> None:
    z = torch.cat([two_modes(5000, 0), torch.zeros(5000, 1)], 1)
    prior = fit_prior(z, torch.tensor([1.0, 0.5, 0.0]))
    noise = prior_samples(4000, 3, 7)
    made = prior.sample(noise)
    assert made.dtype == noise.dtype
    assert torch.equal(made[:, 2], noise[:, 2])
    assert torch.equal(made, prior.sample(noise))
    assert made[:, 0].abs().mean().item() == pytest.approx(0.995**0.5, abs=0.01)
    assert (made[:, 0] > 0).double().mean().item() == pytest.approx(0.5, abs=0.05)
    assert made[:, 1].std().item() == pytest.approx(1, abs=0.05)


def test_correlated_latents_get_full_covariances() -> None:
    """N(0, S) with correlation 0.9 saves KL(N(0, S) || N(0, I)) = -log(1 - 0.81) / 2."""
    noise = prior_samples(25_000, 2, 0)
    z = torch.stack([noise[:, 0], 0.9 * noise[:, 0] + 0.19**0.5 * noise[:, 1]], 1)
    prior = fit_prior(z[:5000], KL)
    assert prior.mixture.covariance_type == "full"
    assert prior.log_ratio(z[5000:]).mean().item() == pytest.approx(-math.log(0.19) / 2, abs=0.02)


def test_the_linear_vae_of_gaussian_data_has_no_hole() -> None:
    """Its q(z|x) of all images together are N(0, I), though no q(z|x) is: its rate is far from 0."""
    generator = torch.Generator().manual_seed(0)
    patterns = torch.randn(3, 784, generator=generator).sign() * torch.tensor([[18.0], [12.0], [8.0]])
    values = (128 + torch.randn(6000, 3, generator=generator) @ patterns).clamp(0, 255).round()
    pictures, labels = values.to(torch.uint8).view(-1, 1, 28, 28), torch.arange(6000, dtype=torch.uint8) % 10
    images = Images(Split(pictures[:5000], labels[:5000]), Split(pictures[5000:], labels[5000:]), [])
    model, _ = exact_linear_vae(images, 3, [0, 1])
    metrics = measure(model, images, probe_images=5000, sample_images=10).metrics
    assert metrics["test_rate"] > 1.5
    assert metrics["rate_fit"] == pytest.approx(metrics["test_rate"], abs=0.02)


def test_the_rate_falls_by_what_the_prior_saves(small: dict[str, Images]) -> None:
    """An untrained encoder is far from N(0, I), so a fitted prior saves much of its rate, though never all."""
    metrics = measure(lively(variant(), small["mnist"]), small["mnist"]).metrics
    assert 0 < metrics["rate_fit"] < metrics["test_rate"]


@pytest.mark.parametrize("count", [2, 3, 7])
def test_a_few_z_are_enough(count: int) -> None:
    prior = fit_prior(prior_samples(count, 4, 0), torch.zeros(4))
    assert prior.modelled.all()  # none is above the threshold: then those with the largest KL
    assert prior.log_ratio(prior_samples(10, 4, 1)).isfinite().all()
