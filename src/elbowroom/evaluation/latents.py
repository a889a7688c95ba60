"""Measure latents: how many are active, how well they predict labels, how evenly pictures change along paths."""

import sys
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from tqdm import tqdm

from elbowroom.core.settings import ACTIVE_THRESHOLD

MAX_STEPS = 2000
APART = 1e-4  # ends of a path nearer than this share of the features' length differ by rounding only


def active_units(mu: Tensor) -> int:
    """The number of latents whose mu (N, latent_dim) varies over images by more than ACTIVE_THRESHOLD."""
    return int((mu.double().var(0, correction=0) > ACTIVE_THRESHOLD).sum())


def probe_accuracy(mu: np.ndarray, labels: np.ndarray, test_mu: np.ndarray, test_labels: np.ndarray) -> float:
    """The share of test labels that logistic regression predicts from mu (N, latent_dim), trained on train mu.

    scikit-learn's, on standardised mu, with its default penalty (C = 1). If it does not converge, a line on stderr says
    so. nan if the train labels are all the same.
    """
    if len(np.unique(labels)) < 2:
        return float("nan")
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=MAX_STEPS))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        probe.fit(mu, labels)
    for warning in caught:
        if issubclass(warning.category, ConvergenceWarning):
            tqdm.write(f"probe_accuracy: not converged after {MAX_STEPS} steps, so it may be too low", file=sys.stderr)
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return float(probe.score(test_mu, test_labels))


def knn_accuracy(mu: np.ndarray, labels: np.ndarray, test_mu: np.ndarray, test_labels: np.ndarray) -> float:
    """The share of test labels that the majority of the 10 nearest train mu (N, latent_dim) predicts."""
    neighbours = KNeighborsClassifier(min(10, len(mu))).fit(mu, labels)
    return float(neighbours.score(test_mu, test_labels))


def evenness(features: Tensor) -> tuple[float, float]:
    """How much longer than straight a path is, and how uneven its steps are: means over features (paths, steps, D).

    The first is a path's length over the distance of its ends, the second its largest step over its mean step: both are
    1 for a straight path of even steps. Paths whose ends coincide are left out; nan if all do.
    """
    features = features.double()
    steps = features.diff(dim=1).norm(dim=2)  # (paths, steps - 1)
    distance = (features[:, -1] - features[:, 0]).norm(dim=1)
    apart = distance > APART * features.norm(dim=2).amax(1)
    length = (steps.sum(1) / distance)[apart].mean().item()
    return length, (steps.amax(1) / steps.mean(1))[apart].mean().item()
