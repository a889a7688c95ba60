"""How many latents carry nearly all of the KL."""

import numpy as np

from elbowroom.comparison.used_latents import used_latents


def test_the_count_is_that_of_the_linear_vaes_closed_form() -> None:
    """Latent j of the exact linear VAE has a KL of log(eigenvalue / sigma^2) / 2, if that is above 0 (Lucas 2019)."""
    eigenvalues, sigma2 = 64.0 / np.arange(1, 41) ** 2, 0.5
    kl = 0.5 * np.log(np.maximum(eigenvalues, sigma2) / sigma2)
    shares = np.cumsum(kl) / kl.sum()
    found = used_latents(np.random.default_rng(0).permutation(kl))
    assert found == np.argmax(shares >= 0.95) + 1
    assert found < (kl > 0).sum() == 11


def test_equal_latents_are_all_but_a_twentieth_used() -> None:
    assert used_latents([1.0] * 20) == 19
    assert used_latents([1.0] * 4) == 4


def test_a_single_latent_carries_all_and_a_collapsed_model_uses_none() -> None:
    assert used_latents([3.0, 1e-6, 0.0]) == 1
    assert used_latents([0.0, 0.0]) == 0
