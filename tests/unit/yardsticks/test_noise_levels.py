"""The linear VAE's latents at each noise level are the published datasets' eigenvalues above it."""

import torch

from elbowroom.datasets.images import Images
from elbowroom.yardsticks.noise_levels import FINEST, noise_level, noise_levels
from elbowroom.yardsticks.principal_components import covariance


def test_mnist_has_as_many_directions_above_the_noise(published: dict[str, Images]) -> None:
    """The table has the levels that are powers of two, to the first without a latent."""
    name, expected = "mnist", {2: 6, 0.5: 23, 0.125: 62, 0.0166: 188}
    spectrum = torch.linalg.eigvalsh(covariance(published[name].train.images.flatten(1)))
    assert {sigma2: noise_level(name, spectrum, sigma2).active for sigma2 in expected} == expected
    table = {round(row.sigma2, 9): row for row in noise_levels(name, spectrum)}
    assert {sigma2: table[sigma2].active for sigma2 in (0.5, 0.125)} == {0.5: expected[0.5], 0.125: expected[0.125]}
    actives = [row.active for row in table.values()]
    assert actives == sorted(actives, reverse=True)
    assert actives[-1] == 0 < actives[-2]
    assert all(row.used <= row.active for row in table.values())


def test_used_latents_are_those_of_the_closed_form() -> None:
    """KL = 1/2 ln(variance / sigma^2): 3, 2 and 0.1 times 1/2; 95 % of 5.1 / 2 is in the first two."""
    found = noise_level("mnist", torch.tensor([3.0, 0.1, 2.0, -1.0]).exp(), 1.0)
    assert (found.active, found.used) == (3, 2)


def test_images_that_do_not_vary_use_no_latent_at_any_level() -> None:
    (row,) = noise_levels("mnist", torch.zeros(1))
    assert (row.sigma2, row.active, row.used) == (FINEST, 0, 0)
