"""Active units, label readout and evenness of paths, on latents made up for it."""

import math

import numpy as np
import pytest
import torch

from elbowroom.evaluation.latents import active_units, evenness, knn_accuracy, probe_accuracy


def test_the_threshold_is_a_variance_of_one_hundredth() -> None:
    unit = torch.tensor([1.0, -1.0]).repeat(50)
    mu = torch.stack([unit * 0.0099**0.5, unit * 0.0101**0.5, unit, unit * 0 + 5], dim=1)
    assert active_units(mu) == 2
    assert active_units(mu + 100) == 2


@pytest.fixture(scope="module")
def clusters() -> list[np.ndarray]:
    """Train mu and labels, test mu and labels: ten clusters, far apart."""
    random = np.random.default_rng(0)
    labels, test_labels = (random.integers(0, 10, n) for n in (500, 400))
    centres = random.normal(size=(10, 12)) * 5
    mu, test_mu = (centres[part] + random.normal(size=(len(part), 12)) * 0.1 for part in (labels, test_labels))
    return [mu, labels, test_mu, test_labels]


@pytest.mark.parametrize("accuracy", [probe_accuracy, knn_accuracy])
def test_labels_are_predicted_if_mu_tells_them_apart(accuracy: object, clusters: list[np.ndarray]) -> None:
    mu, labels, test_mu, test_labels = clusters
    assert accuracy(mu, labels, test_mu, test_labels) == 1
    assert accuracy(mu, (labels + 1) % 10, test_mu, test_labels) == 0  # it learns from train labels
    shuffled = np.random.default_rng(1).permutation(labels)
    assert accuracy(mu, shuffled, test_mu, test_labels) == pytest.approx(0.1, abs=0.08)
    assert accuracy(mu * 1e-3 + 7, labels, test_mu * 1e-3 + 7, test_labels) == 1


def test_a_probe_of_one_class_is_nan() -> None:
    assert math.isnan(probe_accuracy(np.zeros((5, 2)), np.ones(5), np.zeros((5, 2)), np.ones(5)))


def test_a_probe_that_did_not_converge_says_so(
    clusters: list[np.ndarray], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    probe_accuracy(*clusters)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("elbowroom.evaluation.latents.MAX_STEPS", 1)
    probe_accuracy(*clusters)
    assert "not converged after 1 steps" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "length", "step"),
    [
        ([[0, 0], [1, 0], [2, 0], [3, 0]], 1, 1),
        ([[0, 0], [1, 0], [1, 1]], math.sqrt(2), 1),
        ([[0, 0], [1, 0], [4, 0]], 1, 1.5),
        ([[0, 0], [2, 0], [1, 0]], 3, 4 / 3),
    ],
    ids=["even", "bent", "uneven", "back"],
)
def test_evenness_of_known_paths(path: list[list[float]], length: float, step: float) -> None:
    features = torch.tensor([path, path], dtype=torch.float32) + 3
    assert evenness(features) == pytest.approx((length, step))
    coinciding = torch.full_like(features, 7.0)
    coinciding[:, 1] = 8.0
    assert evenness(torch.cat([features, coinciding])) == pytest.approx((length, step))
    assert all(math.isnan(value) for value in evenness(coinciding))
