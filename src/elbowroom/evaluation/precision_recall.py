"""Precision and recall of samples (Kynkäänniemi et al. 2019, arXiv:1904.06991): how real they are, how varied."""

from typing import NamedTuple

import torch
from torch import Tensor

NEIGHBOURS = 3  # the paper's k
ROWS = 500  # distances from this many features at once: memory grows with N, not with N^2


class PrecisionRecall(NamedTuple):
    """precision: the share of made pictures that look real. recall: the share of real ones that made ones come near."""

    precision: float
    recall: float


def precision_recall(real: Tensor, made: Tensor) -> PrecisionRecall:
    """Compare features (N, D) of real pictures with features (M, D) of made ones; N and M at least 2.

    Around each feature of a set lies a ball that reaches to its third nearest neighbour in that set (to the last, if
    there are fewer). Precision is the share of made features in some ball of the real ones, recall the share of real
    features in some ball of the made ones (equations 1 and 2). Both depend on N and M, and are below 1 even if both
    sets are of the same distribution. Computed in float64.
    """
    real, made = real.double(), made.double()
    real_reach, made_reach = _squared_reach(real), _squared_reach(made)
    is_real = torch.zeros(len(made), dtype=torch.bool, device=made.device)
    reached = 0
    for rows, reach in zip(real.split(ROWS), real_reach.split(ROWS), strict=True):
        distances = _squared_distances(rows, made)
        is_real |= (distances <= reach.unsqueeze(1)).any(0)
        reached += int((distances <= made_reach).any(1).sum())
    return PrecisionRecall(is_real.double().mean().item(), reached / len(real))


def _squared_reach(features: Tensor) -> Tensor:
    """The squared distance of each feature (N, D) to its third nearest neighbour: (N,)."""
    nearest = min(NEIGHBOURS + 1, len(features))  # the nearest is the feature itself
    parts = [
        _squared_distances(rows, features).topk(nearest, largest=False).values[:, -1] for rows in features.split(ROWS)
    ]
    return torch.cat(parts)


def _squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """|a - b|^2 of features (N, D) and (M, D): (N, M)."""
    return torch.addmm(b.square().sum(1), a, b.T, alpha=-2).add_(a.square().sum(1, keepdim=True))
