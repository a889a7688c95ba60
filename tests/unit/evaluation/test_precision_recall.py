"""Precision and recall of features equal what they are by definition."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from elbowroom.evaluation.precision_recall import precision_recall


def normal(count: int, dims: int, seed: int) -> Tensor:
    return torch.randn(count, dims, generator=torch.Generator().manual_seed(seed))


def by_definition(real: np.ndarray, made: np.ndarray) -> tuple[float, float]:
    """Kynkäänniemi et al. 2019, equations 1 and 2, with k = 3, all distances at once."""

    def covered(points: np.ndarray, centres: np.ndarray) -> float:
        radii = np.sort(cdist(centres, centres), axis=1)[:, 3]
        return (cdist(points, centres) <= radii).any(axis=1).mean()

    return covered(made, real), covered(real, made)


@pytest.mark.parametrize(("real_count", "made_count"), [(1203, 700), (60, 1001), (4, 4)])
@pytest.mark.parametrize("scale", [0.6, 1.5])
def test_precision_and_recall_equal_their_definition(real_count: int, made_count: int, scale: float) -> None:
    """More features than are compared at once, another number of each, samples too narrow and too wide."""
    real, made = normal(real_count, 8, 0) + 3, scale * normal(made_count, 8, 1) + 3
    assert precision_recall(real, made) == pytest.approx(by_definition(real.double().numpy(), made.double().numpy()))


def test_equal_sets_have_both_and_disjoint_sets_neither() -> None:
    real = normal(300, 16, 0)
    assert precision_recall(real, real) == (1, 1)
    assert precision_recall(real, real + 100) == (0, 0)


def test_samples_of_half_the_modes_have_precision_but_half_the_recall() -> None:
    """Two of four modes, drawn anew: nearly all within reach of the real ones, and half of these within theirs."""
    centres = 100 * torch.eye(4, 2)[[0, 0, 1, 1]] * torch.tensor([[1], [-1], [1], [-1]])
    real = torch.cat([centre + normal(500, 2, seed) for seed, centre in enumerate(centres)])
    made = torch.cat([centre + normal(500, 2, 10 + seed) for seed, centre in enumerate(centres[:2])])
    found = precision_recall(real, made)
    assert found.precision > 0.9
    assert found.recall == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("count", [2, 3])
def test_fewer_than_four_features_reach_to_the_last_one(count: int) -> None:
    real = torch.arange(count).unsqueeze(1).float()
    assert precision_recall(real, real + 0.5) == (1, 1)
    assert precision_recall(real, real + 10) == (0, 0)


def test_a_collapsed_model_reaches_nothing() -> None:
    assert precision_recall(normal(100, 4, 0), torch.full((100, 4), 50.0)) == (0, 0)
