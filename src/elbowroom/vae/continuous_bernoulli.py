"""The continuous Bernoulli in closed form (Loaiza-Ganem and Cunningham 2019, arXiv:1907.06845), in float64.

Its parameter is given by its logit, as a decoder gives it. torch.distributions.ContinuousBernoulli is not used: in
float32 it clamps the parameter, so a pixel's value is off by more than 1 nat at a logit of 50, and near a logit of 0
its series is cut off early. Here nothing is clamped.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812 (its customary name)
from torch import Tensor

NEAR = 1e-3  # logits nearer to 0 have a series, exact to 1e-11, also in its gradient


def negative_log_density(logit: Tensor, x: Tensor) -> Tensor:
    """Compute -log p(x) of pixels x in [0, 1]: same shape as both, float64, nats.

    It has no lower bound: at x = 0 it falls as -log|logit| when the logit goes to -infinity.
    """
    logit = logit.double()
    cross_entropy = F.binary_cross_entropy_with_logits(logit, x.double(), reduction="none")
    return cross_entropy - log_normaliser(logit)


def log_normaliser(logit: Tensor) -> Tensor:
    """log C(l) = log[2 atanh(1 - 2l) / (1 - 2l)] for the parameter l with this logit; any shape. log 2 at l = 1/2."""
    logit = logit.double()
    near = logit.abs() < NEAR
    safe = logit.masked_fill(near, 1)
    return (math.log(2) + logit.square() / 12).where(near, torch.log(safe / torch.tanh(safe / 2)))


def mean(logit: Tensor) -> Tensor:
    """Compute the mean 1/(1 - exp(-logit)) - 1/logit; any shape, float64."""
    logit = logit.double()
    near = logit.abs() < NEAR
    safe = logit.masked_fill(near, 1)
    return (0.5 + logit / 12).where(near, -1 / torch.expm1(-safe) - 1 / safe)
