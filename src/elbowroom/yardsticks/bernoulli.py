"""Closed forms for a constant picture whose pixels are Bernoulli or continuous Bernoulli, in terms of their logits."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from elbowroom.vae.continuous_bernoulli import mean as continuous_bernoulli_mean

# A constant's parameter stays this far from 0 and 1, where torch.distributions clamps it in float32. Some of MNIST's
# pixels are black in all training images: the best parameter for these is 0, under which a test image that is not black
# there would be impossible.
CLAMP = torch.finfo(torch.float32).eps


def bernoulli_logit(mean: Tensor) -> Tensor:
    """The logits of the Bernoullis with these means, within the clamp; any shape."""
    return mean.clamp(CLAMP, 1 - CLAMP).logit()


def cross_entropy(logit: Tensor, mean: Tensor) -> float:
    """Mean cross-entropy between images and a constant picture of these logits (D,), summed over pixels, nats.

    mean: the mean of the images (D,). No more is needed, since the cross-entropy is linear in each pixel.
    """
    return (softplus(logit, threshold=700) - logit * mean).sum().item()


def continuous_bernoulli_logit(mean: Tensor) -> Tensor:
    """The logits of the continuous Bernoullis with these means, within the clamp; any shape.

    Solved by bisection, since the mean 1/(1 - exp(-logit)) - 1/logit rises with the logit (Loaiza-Ganem and Cunningham
    2019, eq. 8, in terms of the logit). The likelihood of a pixel that is always black rises without bound as its
    parameter falls to 0, so the clamp decides: all means below 0.063 have the same logit, -15.9.
    """
    high = torch.full_like(mean, CLAMP).logit().neg()
    low = -high
    for _ in range(64):
        middle = (low + high) / 2
        below = continuous_bernoulli_mean(middle) < mean
        low, high = low.where(~below, middle), high.where(below, middle)
    return (low + high) / 2
