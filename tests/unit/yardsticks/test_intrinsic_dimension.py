"""Estimates of the intrinsic dimension are those of known data, and distances those of scikit-learn."""

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from elbowroom.datasets.images import Images
from elbowroom.results.yardstick_rows import Estimator
from elbowroom.yardsticks.intrinsic_dimension import dimensions, distinct, levina_bickel, nearest_distances, two_nn


def gaussian_distances(directions: int) -> Tensor:
    """Of 5,000 points in 40 numbers each, which vary in a few directions."""
    random = np.random.default_rng(0)
    points = random.normal(size=(5000, directions)) @ np.linalg.qr(random.normal(size=(40, directions)))[0].T
    distances, _ = NearestNeighbors(n_neighbors=20).fit(points).kneighbors()
    return torch.from_numpy(distances)


def test_a_gaussian_of_few_directions_is_found_and_one_of_many_is_biased_low() -> None:
    found = {directions: gaussian_distances(directions) for directions in (2, 10, 20)}
    estimates = {directions: two_nn(distances) for directions, distances in found.items()}
    assert estimates == pytest.approx({2: 2.0, 10: 9.8, 20: 17.0}, rel=0.04)
    biased = {directions: levina_bickel(distances) for directions, distances in found.items()}
    assert biased == pytest.approx({2: 2.0, 10: 9.4, 20: 16.0}, rel=0.04)
    for estimate in (two_nn, levina_bickel):
        assert estimate(3 * found[10]) == pytest.approx(estimate(found[10]))


def test_levina_and_bickels_formula() -> None:
    """Written out for two images and three neighbours."""
    inverses = [(math.log(4 / 1) + math.log(4 / 2)) / 2, (math.log(9 / 3) + math.log(9 / 3)) / 2]
    assert levina_bickel(torch.tensor([[1.0, 2, 4], [3, 3, 9]])) == pytest.approx(1 / np.mean(inverses))


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_distances_are_exact(published: dict[str, Images], name: str) -> None:
    """To the bit, against whole numbers one image at a time, for a number of images that is no multiple of ROWS."""
    images = published[name].train.images[:1203].flatten(1)
    found = nearest_distances(images, 5)
    pixels = images.numpy().astype(np.int64)
    for place in (0, 499, 500, 1202):
        squared = ((pixels - pixels[place]) ** 2).sum(1)
        expected = np.sqrt(np.sort(np.delete(squared, place))[:5].astype(float))
        np.testing.assert_array_equal(found[place].numpy(), expected)
    theirs, _ = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(pixels.astype(float)).kneighbors()
    np.testing.assert_allclose(found.numpy(), theirs, rtol=1e-9)


def test_mnist_has_these_dimensions(published: dict[str, Images]) -> None:
    found = list(dimensions("mnist", published["mnist"].train.images.flatten(1)))
    assert [row.estimator for row in found] == [*Estimator]
    assert [row.dimension for row in found] == pytest.approx([13.34, 11.87], abs=0.01)
    assert {row.images for row in found} == {10_000}
    assert [row.neighbours for row in found] == [2, 20]


def test_repeated_images_count_once(small: dict[str, Images]) -> None:
    images = small["mnist"].train.images.flatten(1)
    repeated = torch.cat([images, images[:100], images[:1]])
    assert torch.equal(distinct(repeated), images)
    assert list(dimensions("mnist", repeated)) == list(dimensions("mnist", images))


@pytest.mark.parametrize("count", [1, 2])
def test_two_images_have_no_dimension(count: int, small: dict[str, Images]) -> None:
    found = list(dimensions("mnist", small["mnist"].train.images[:count].flatten(1)))
    assert all(math.isnan(row.dimension) for row in found)
    assert {row.images for row in found} == {count}


def test_a_few_images_have_as_many_neighbours_as_there_are(small: dict[str, Images]) -> None:
    first, second = dimensions("mnist", small["mnist"].train.images[:9].flatten(1))
    assert (first.neighbours, second.neighbours) == (2, 8)
    assert first.dimension > 0
    assert second.dimension > 0
