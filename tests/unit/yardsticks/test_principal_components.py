"""Principal components are exact if they can be, from either matrix; else they are as near as they are said to be."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from elbowroom.datasets.images import Images
from elbowroom.results.schema import to_table
from elbowroom.results.yardstick_rows import NoiseLevel
from elbowroom.yardsticks import principal_components as components_of
from elbowroom.yardsticks.baselines import baselines
from elbowroom.yardsticks.noise_levels import noise_levels
from elbowroom.yardsticks.principal_components import (
    Components,
    covariance,
    gram,
    principal_components,
    reconstruction_cross_entropies,
)
from tests.support.images import first_images


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


def test_the_gram_matrix_equals_numpys_in_extended_precision(published: dict[str, Images]) -> None:
    """To 1e-15 of its largest entry; the order of pixels changes no bit. Of 3072 pixels, in three parts."""
    train = published["cifar10"].train.images[:300].flatten(1)
    x = train.numpy().astype(np.longdouble) / 255
    centred = x - x.mean(0)
    expected = (centred @ centred.T / len(x)).astype(np.float64)
    np.testing.assert_allclose(gram(train).numpy(), expected, rtol=0, atol=1e-15 * expected.max())
    assert torch.equal(gram(train), gram(train.flip(1)))


@pytest.mark.parametrize("count", [200, 500])
def test_either_matrix_gives_the_components_of_scikit_learn(published: dict[str, Images], count: int) -> None:
    """From 200 images of 400 pixels that of images, from 500 that of pixels. To 1e-9 of the largest variance."""
    train = published["cifar10"].train.images[:count, 0, :20, :20].flatten(1)
    found = principal_components(train)
    reference = PCA(svd_solver="full").fit(train.numpy() / 255)
    variances = torch.from_numpy(reference.explained_variance_ * (count - 1) / count)
    limit = 1e-9 * variances[0].item()
    torch.testing.assert_close(found.spectrum, variances, rtol=0, atol=limit)
    assert found.total == pytest.approx(variances.sum().item(), rel=1e-12)
    assert found.errors is None
    leading = torch.from_numpy(reference.components_[:50].T)
    signs = (found.axes[:, :50] * leading).sum(0).sign()
    torch.testing.assert_close(found.axes[:, :50] * signs, leading, rtol=0, atol=1e-6)


def test_large_images_are_projected_and_reconstructed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 300 of 1,000 pixels give what all at once do: sums in another order, to 1e-12."""
    images = torch.randint(256, (40, 1000), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    components = principal_components(images)
    whole = components_of.project(images, components), reconstruction_cross_entropies(images, components, [1, 4, 39])
    monkeypatch.setattr(components_of, "PIXELS", 300 * components_of.BATCH)
    parts = components_of.project(images, components), reconstruction_cross_entropies(images, components, [1, 4, 39])
    for found, expected in zip(parts[0], whole[0], strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12 * expected.abs().max().item())
    assert parts[1] == pytest.approx(whole[1], rel=1e-12)


@pytest.fixture(scope="module")
def both_ways(published: dict[str, Images]) -> tuple[Images, Components, Components]:
    """600 images of 640 pixels: their 16 leading components, exact and approximate."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(components_of, "MOST_COMPONENTS", 16)
        patch.setattr(components_of, "SPARE", 4)
        images = cut(first_images(published["cifar10"], 600, 50))
        train = images.train.images.flatten(1)
        return images, principal_components(train), principal_components(train, most_exact=599)


def cut(images: Images) -> Images:
    parts = (part._replace(images=part.images[:, :1, :20, :]) for part in (images.train, images.test))
    return Images(*parts, classes=images.classes)


def held(components: Components) -> Tensor:
    """The variance that the first d components hold, for every d."""
    return components.variances.cumsum(0)


def test_components_are_approximate_only_if_there_are_too_many_pixels_and_images(
    both_ways: tuple[Images, Components, Components],
) -> None:
    images, exact, approximate = both_ways
    train = images.train.images.flatten(1)
    assert exact.errors is None
    assert approximate.errors is not None
    assert components_of.MOST_EXACT >= 5000  # images of any size are exact up to so many
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(components_of, "_leading", None)
        assert principal_components(train, most_exact=600).errors is None
        assert principal_components(train[:10], most_exact=10).errors is None


def test_approximate_components_hold_as_much_variance_as_the_error_says(
    both_ways: tuple[Images, Components, Components],
) -> None:
    """Never more than the exact ones, and at most the error less; the error is below 1e-3 of what they leave."""
    _, exact, approximate = both_ways
    assert approximate.errors is not None
    missed = held(exact) - held(approximate)
    assert (missed > -1e-12 * exact.total).all()
    assert (missed <= approximate.errors + 1e-12 * exact.total).all()
    assert (approximate.errors < 1e-3 * (exact.total - held(exact))).all()
    assert approximate.total == pytest.approx(exact.total, rel=1e-12)
    torch.testing.assert_close(approximate.axes.T @ approximate.axes, torch.eye(16).double(), rtol=0, atol=1e-12)


def test_the_error_of_a_poor_approximation_is_a_bound_too(
    both_ways: tuple[Images, Components, Components], monkeypatch: pytest.MonkeyPatch
) -> None:
    images, exact, _ = both_ways
    for name, value in (("MOST_COMPONENTS", 16), ("SPARE", 4), ("BLOCKS", 1)):
        monkeypatch.setattr(components_of, name, value)
    poor = principal_components(images.train.images.flatten(1), most_exact=599)
    assert poor.errors is not None
    missed = held(exact) - held(poor)
    assert missed[-1] > 1e-3 * exact.total
    assert (missed <= poor.errors).all()


def test_rows_of_approximate_components_say_their_error(both_ways: tuple[Images, Components, Components]) -> None:
    """Rows without a latent size have none, and there is no such column for exact components."""
    images, exact, approximate = both_ways
    table = baselines("mnist", images, approximate)
    assert table.axes_error.notna().equals(table.latent_dim.notna())
    assert (table.axes_error[table.latent_dim.notna()] > 0).all()
    expected = baselines("mnist", images, exact)
    assert "axes_error" not in expected
    common = table.drop(columns="axes_error")
    pd.testing.assert_frame_equal(common, expected, check_dtype=False, rtol=1e-4)
    assert ((common.train_loss - expected.train_loss).abs() <= 4 * table.axes_error.fillna(1e-9) + 1e-9).all()


def test_noise_levels_that_need_unknown_components_are_left_out(
    both_ways: tuple[Images, Components, Components],
) -> None:
    _, exact, approximate = both_ways
    every, known = (
        to_table(NoiseLevel, noise_levels("mnist", each.spectrum, each.known_from)) for each in (exact, approximate)
    )
    assert 2 < len(known) < len(every)
    pd.testing.assert_frame_equal(known, every[-len(known) :].reset_index(drop=True))
    assert every.active[len(every) - len(known) - 1] > 16
