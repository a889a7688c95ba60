"""What the latents hold: how many are in use, how well labels are read out of them, how evenly paths run."""

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
APART = 1e-4  # of the features' length: ends nearer than this are the same but for rounding


def active_units(mu: Tensor) -> int:
    """The number of latents whose mu (N, latent_dim) varies over images by more than ACTIVE_THRESHOLD."""
    return int((mu.double().var(0, correction=0) > ACTIVE_THRESHOLD).sum())


def probe_accuracy(mu: np.ndarray, labels: np.ndarray, test_mu: np.ndarray, test_labels: np.ndarray) -> float:
    """The share of test labels that logistic regression finds, learnt from train mu (N, latent_dim), standardised.

    scikit-learn's, with its penalty (C = 1). Where it has not converged, a line on stderr says so. nan where the train
    labels are all the same.
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
    """The share of test labels that most of the 10 nearest train mu (N, latent_dim) have."""
    neighbours = KNeighborsClassifier(min(10, len(mu))).fit(mu, labels)
    return float(neighbours.score(test_mu, test_labels))


def evenness(features: Tensor) -> tuple[float, float]:
    """Of paths' features (paths, steps, D), means over paths: length over distance, largest step over mean step.

    The distance is that of a path's ends; both are 1 for a straight path of even steps. Paths whose ends coincide are
    left out; nan where all do.
    """
    features = features.double()
    steps = features.diff(dim=1).norm(dim=2)  # (paths, steps - 1)
    distance = (features[:, -1] - features[:, 0]).norm(dim=1)
    apart = distance > APART * features.norm(dim=2).amax(1)
    length = (steps.sum(1) / distance)[apart].mean().item()
    return length, (steps.amax(1) / steps.mean(1))[apart].mean().item()
