"""The covariance that principal components are computed from is exact."""

import numpy as np
import torch

from elbowroom.datasets.images import Images
from elbowroom.yardsticks.principal_components import covariance


def test_the_order_of_images_changes_no_bit_of_the_covariance(published: dict[str, Images]) -> None:
    """All sums are whole numbers below 2^53."""
    train = published["mnist"].train.images[:5000].flatten(1)
    assert torch.equal(covariance(train), covariance(train.flip(0)))


def test_the_covariance_equals_numpys_in_extended_precision(published: dict[str, Images]) -> None:
    """To 1e-15, which torch.cov itself misses on some machines."""
    train = published["mnist"].train.images[:1000].flatten(1)
    x = train.numpy().astype(np.longdouble) / 255
    centred = x - x.mean(0)
    expected = (centred.T @ centred / len(x)).astype(np.float64)
    np.testing.assert_allclose(covariance(train).numpy(), expected, rtol=0, atol=1e-15)
