"""How many latents a model uses."""

import numpy as np
import pytest

from elbowroom.results.used_latents import effective_latents, used_latents


def test_the_count_is_that_of_the_linear_vaes_closed_form() -> None:
    """Latent j of the exact linear VAE has a KL of log(eigenvalue / sigma^2) / 2, if that is above 0 (Lucas 2019)."""
    eigenvalues, sigma2 = 64.0 / np.arange(1, 41) ** 2, 0.5
    kl = 0.5 * np.log(np.maximum(eigenvalues, sigma2) / sigma2)
    shares = np.cumsum(kl) / kl.sum()
    found = used_latents(np.random.default_rng(0).permutation(kl))
    assert found == np.argmax(shares >= 0.95) + 1
    assert found < (kl > 0).sum() == 11


def test_of_equal_latents_95_percent_are_used() -> None:
    assert used_latents([1.0] * 20) == 19
    assert used_latents([1.0] * 4) == 4


def test_a_single_latent_carries_all_and_a_collapsed_model_uses_none() -> None:
    assert used_latents([3.0, 1e-6, 0.0]) == 1
    assert used_latents([0.0, 0.0]) == 0
    assert effective_latents([3.0, 0.0]) == 1
    assert effective_latents([0.0, 0.0]) == 0


def test_effective_latents_are_the_perplexity_of_the_shares() -> None:
    """n equal latents count as n. Shares of 1/2, 1/4 and 1/4 have an entropy of 1.5 ln 2, in any unit of KL."""
    assert effective_latents([0.7] * 5 + [0.0] * 9) == pytest.approx(5)
    assert effective_latents([2.0, 4.0, 2.0]) == pytest.approx(2**1.5)
