"""Planes are those of scikit-learn's PCA, and paths have the shape and ends that they should."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from elbowroom.vae.latent_space import interpolate, principal_plane, prior_samples, slerp


def test_the_plane_is_that_of_scikit_learns_pca() -> None:
    mu = np.random.default_rng(0).normal(size=(200, 9)) * np.linspace(3, 0.1, 9) + 5
    centre, axes, explained = principal_plane(mu.astype(np.float32))
    reference = PCA(2).fit(mu)
    assert explained == pytest.approx(reference.explained_variance_ratio_.sum(), rel=1e-5)
    ours, theirs = (mu - centre) @ axes.T, reference.transform(mu)
    signs = np.sign((ours * theirs).sum(0))
    np.testing.assert_allclose(ours, theirs * signs, atol=1e-4)


def test_the_plane_does_not_depend_on_the_sign_of_a_decomposition() -> None:
    mu = np.random.default_rng(0).normal(size=(50, 4))
    _, axes, _ = principal_plane(mu)
    assert all(axis[np.abs(axis).argmax()] > 0 for axis in axes)


@pytest.mark.parametrize(("mu", "explained"), [(np.arange(6.0)[:, None], 1.0), (np.zeros((6, 3)), 0.0)])
def test_one_latent_or_dead_latents_have_a_plane_too(mu: np.ndarray, explained: float) -> None:
    centre, axes, share = principal_plane(mu)
    assert axes.shape == (2, mu.shape[1])
    assert np.isfinite((mu - centre) @ axes.T).all()
    assert share == explained


def test_interpolation_takes_even_steps_and_includes_its_ends() -> None:
    start, end = torch.tensor([0.0, 4.0]), torch.tensor([9.0, -5.0])
    path = interpolate(start, end, 10)
    assert torch.equal(path[0], start)
    assert torch.equal(path[-1], end)
    torch.testing.assert_close(path.diff(dim=0), torch.tensor([[1.0, -1.0]]).expand(9, 2))


@pytest.mark.parametrize("count", [1, 15, 16, 25])
def test_variants_are_shown_the_same_noise(count: int) -> None:
    small, large = prior_samples(count, 4, seed=7), prior_samples(count, 9, seed=7)
    assert torch.equal(small, large[:, :4])
    assert not torch.equal(small, prior_samples(count, 4, seed=8))


def test_prior_samples_are_standard_normal() -> None:
    z = prior_samples(100_000, 3, seed=0)
    torch.testing.assert_close(z.mean(0), torch.zeros(3), atol=0.02, rtol=0)
    torch.testing.assert_close(torch.cov(z.T), torch.eye(3), atol=0.02, rtol=0)


def test_slerp_turns_evenly_and_includes_its_ends() -> None:
    """A quarter circle is four equal angles; lengths on the way lie between those of the ends. To 1e-6."""
    start, end = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0])
    path = slerp(start, end, 5)
    angles = torch.linspace(0, torch.pi / 2, 5)
    expected = torch.stack([angles.cos(), angles.sin(), torch.zeros(5)], dim=1)
    torch.testing.assert_close(path, expected, rtol=0, atol=1e-6)
    torch.manual_seed(0)
    start, end = torch.randn(2, 30)
    path = slerp(start, 3 * end, 9)
    torch.testing.assert_close(path[[0, -1]], torch.stack([start, 3 * end]), rtol=0, atol=1e-6)
    unit = slerp(start / start.norm(), end / end.norm(), 9)
    torch.testing.assert_close(unit.norm(dim=1), torch.ones(9))
    assert (unit.diff(dim=0).norm(dim=1).diff().abs() < 1e-6).all()


@pytest.mark.parametrize(
    ("start", "end"),
    [([1.0, 2.0], [2.0, 4.0]), ([1.0, 2.0], [1.0, 2.0]), ([1.0, 2.0], [-1.0, -2.0]), ([0.0, 0.0], [1.0, 2.0])],
    ids=["parallel", "equal", "opposite", "zero"],
)
def test_slerp_is_straight_if_there_is_no_angle(start: list[float], end: list[float]) -> None:
    path = slerp(torch.tensor(start), torch.tensor(end), 4)
    assert torch.equal(path, interpolate(torch.tensor(start), torch.tensor(end), 4))


def test_slerp_is_nearly_straight_for_a_small_angle() -> None:
    """There is no jump at the angle from which it turns: to 1e-4 of the length."""
    start, end = torch.tensor([1.0, 0.0]), torch.tensor([1.0, 3e-4])
    torch.testing.assert_close(slerp(start, end, 7), interpolate(start, end, 7), rtol=0, atol=1e-4)
