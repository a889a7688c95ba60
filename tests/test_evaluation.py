"""Measurements against what they must equal."""

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import EVALUATION, cifar_variant, variant
from torch.distributions import Normal, kl_divergence
from tqdm import tqdm

from elbowroom.data import Images, scale
from elbowroom.evaluation import HEADLINE, evaluate, headline
from elbowroom.model import VAE


@pytest.mark.parametrize("settings", [variant(), cifar_variant()])
def test_the_spectrum_is_torchs_kl_of_each_latent(small: dict[str, Images], settings: object) -> None:
    """Largest first; and it sums to the rate, which does not depend on the noise. Both to 1e-5."""
    images = small[settings.dataset]
    torch.manual_seed(0)
    model = VAE(settings, images.shape)
    metrics, spectrum, _ = evaluate(settings, model, images, 0, EVALUATION, tqdm(disable=True))
    with torch.no_grad():
        mu, logvar = model.encode(scale(images.test.images, settings.pixel_range))
    each = kl_divergence(Normal(mu, (0.5 * logvar).exp()), Normal(0.0, 1.0)).mean(0)
    np.testing.assert_allclose(spectrum, each.sort(descending=True).values.numpy(), rtol=1e-5, atol=1e-7)
    assert spectrum.sum() == pytest.approx(metrics["test_rate"], rel=1e-5)


def test_an_autoencoder_has_no_kl(small: dict[str, Images]) -> None:
    settings = variant(model="ae", beta=0.0)
    metrics, spectrum, _ = evaluate(
        settings, VAE(settings, (1, 28, 28)), small["mnist"], 0, EVALUATION, tqdm(disable=True)
    )
    assert metrics["test_rate"] == 0
    assert spectrum.tolist() == [0.0] * settings.latent_dim


def test_the_headline_is_the_mean_over_seeds_to_six_digits() -> None:
    seeds = pd.DataFrame([dict.fromkeys(HEADLINE.values(), value) for value in (1912.34567, 1912.34569)])
    seeds["parameters"] = 3_342_305
    numbers = headline(seeds)
    assert numbers["loss"] == 1912.35
    assert numbers["parameters"] == 3_342_305
    assert isinstance(numbers["parameters"], int)
