"""Turn the loss of another code base into this project's beta and sigma^2 (docs/loss-scales.md).

Codes sum or average the two terms of the loss over different things, and multiply them by different weights. A factor
that both terms have in common changes no optimum, so one number is left: beta, how much the KL, summed over latents,
weighs against the error, summed over pixels.
"""

from dataclasses import dataclass
from typing import Literal

from elbowroom.core.pixel_range import UNIT, PixelRange, error_factor

Axis = Literal["batch", "pixels", "latents"]


@dataclass(frozen=True)
class Term:
    """A term of a loss: its weight, and what it is divided by the number of.

    mean_over: "batch", "pixels" (channels x height x width), "latents"; what is not named is summed. The mean of
    `F.mse_loss` is over batch and pixels.
    """

    weight: float = 1.0
    mean_over: tuple[Axis, ...] = ()


def equivalent_beta(
    error: Term, kl: Term, sizes: dict[Axis, int], *, span: float = 1.0, pixel_range: PixelRange = UNIT
) -> float:
    """Return the beta with which `squared error + beta KL`, both summed, has the optima of `error + kl`.

    It holds for a cross-entropy as the error, too, whose pixels are always in [0, 1].

    sizes: how many images a batch has, pixels an image (with channels) and latents the model; only those that a term
    names count. span: the difference between white and black in that code: 1 for pixels in [0, 1], 2 in [-1, 1], 1/std
    if they are divided by std. pixel_range: of the variant that gets this beta. Raises KeyError for a missing size and
    ZeroDivisionError for an error of weight 0, which has no equivalent.
    """
    return _scale(kl, sizes) / _scale(error, sizes) * error_factor(pixel_range) / span**2


def equivalent_sigma2(beta: float, pixel_range: PixelRange) -> float:
    """Return the variance of the Gaussian that makes `squared error + beta KL` an ELBO, for pixels in [0, 1].

    -log N(x; mean, sigma^2) is squared error / (2 sigma^2) and a constant, so sigma^2 = beta / 2 in the range's units.
    """
    return beta / 2 / error_factor(pixel_range)


def _scale(term: Term, sizes: dict[Axis, int]) -> float:
    """Return what the term is as a multiple of its sum over everything."""
    scale = term.weight
    for axis in term.mean_over:
        scale /= sizes[axis]
    return scale
