"""Is a larger network worth having? Gains judged against the margin, adjusted for how many are judged.

Each pair compares a setting with one that contains it: channels with twice the channels, say. The gain is the smaller
network's test loss less the larger one's. Two questions are asked of each pair by one-sided Welch tests: is the gain
surely above the margin, and is it surely below? Each question is adjusted over the table by Holm's method. The larger
network can do all that the smaller one can, so a higher training loss means too little training: such a pair is left
out. So is a pair with a network that was trained too little for its latent size.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit  # type: ignore[import-untyped]  # scipy.stats takes long to import

from elbowroom.comparison.enough import Losses, rises
from elbowroom.comparison.intervals import holm
from elbowroom.results.outcomes import Worth


@dataclass(frozen=True)
class NetworkPair:
    """Losses of a smaller network and of a larger one that contains it, and the gain that one would not miss (nats).

    test, train: two entries each, the smaller network first. undertrained: whether the training loss of one of both is
    above that of a model with fewer latents.
    """

    test: Losses
    train: Losses
    margin: float
    undertrained: bool = False


@dataclass(frozen=True)
class Gain:
    """A gain in nats per image, its upper bound and both p values, all adjusted for the number of pairs judged.

    above: p of the gain being the margin or less. below: p of its being the margin or more. All but the gain are nan
    with one seed and for an undertrained network.
    """

    gain: float
    upper: float
    above: float
    below: float
    worth: Worth


@dataclass(frozen=True)
class _MeasuredGain:
    """The gain of a pair, its standard error and Welch's degrees of freedom."""

    gain: float
    error: float
    freedom: float


def judge_gains(pairs: Sequence[NetworkPair], level: float) -> list[Gain]:
    """Judge the gain of each pair against its margin. level: the confidence of the whole table, such as 0.95."""
    judged = {place: _measure(pair.test) for place, pair in enumerate(pairs) if _obstacle(pair, level) is None}
    p_below = [
        float(stdtr(found.freedom, (found.gain - pairs[place].margin) / found.error)) for place, found in judged.items()
    ]
    below = dict(zip(judged, holm(p_below), strict=True))
    above = dict(zip(judged, holm([1 - p for p in p_below]), strict=True))
    share = 1 - (1 - level) / max(1, len(judged))
    gains = []
    for place, pair in enumerate(pairs):
        if obstacle := _obstacle(pair, level):
            gain = float(pair.test.mean[0] - pair.test.mean[1])
            gains.append(Gain(gain, math.nan, math.nan, math.nan, obstacle))
            continue
        found = judged[place]
        upper = found.gain + float(stdtrit(found.freedom, share)) * found.error
        worth = _worth(above[place], below[place], level)
        gains.append(Gain(found.gain, upper, above[place], below[place], worth))
    return gains


def _obstacle(pair: NetworkPair, level: float) -> Worth | None:
    """Return what keeps a pair from being judged, if anything does."""
    if not (pair.test.replicated & pair.train.replicated).all():
        return Worth.ONE_SEED
    rise, low = rises(pair.train, level, np.asarray(pair.margin))
    return Worth.UNDERTRAINED if pair.undertrained or (rise[1] > pair.margin and low[1] > 0) else None


def _worth(above: float, below: float, level: float) -> Worth:
    if above < 1 - level:
        return Worth.WORTH_HAVING
    return Worth.NO_GAIN if below < 1 - level else Worth.UNDECIDED


def _measure(test: Losses) -> _MeasuredGain:
    parts = test.variance / test.seeds
    freedom = parts.sum() ** 2 / (parts**2 / (test.seeds - 1)).sum()
    return _MeasuredGain(float(test.mean[0] - test.mean[1]), math.sqrt(parts.sum()), float(freedom))
