"""How many latents are enough: the rule that judges the latent sizes of a series.

A series is a set of VAEs that differ in their latent size alone. A larger latent space contains the smaller ones, so
two things follow. Only a larger size can show that a size is too small, so the largest size tried can never be called
enough. And a larger size whose *training* loss is higher was not trained well enough (the gate): that its loss is high
says nothing about room, so beside such sizes alone no size is called enough. That its test loss is low does.

A size is enough if no larger one can be better by more than the margin, at the stated level. The margin is a share of
what the best size explains: the loss of always showing the mean image, less the best loss. Bounds on test losses are
one-sided Welch bounds, taken in a fixed order: the rule stops at the first size that fails, so the chance of a false
"enough" stays at about 1 - level without an adjustment for the number of sizes (docs/adr/0012-the-answer.md).

The last axis of every array holds the sizes in ascending order. Leading axes are studies: a simulation judges thousands
at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import stdtrit  # type: ignore[import-untyped]  # scipy.stats takes long to import

from elbowroom.comparison.intervals import variance
from elbowroom.results.outcomes import State


@dataclass(frozen=True)
class Losses:
    """The loss of each size over its seeds: mean, sample variance (nan with one seed) and number of seeds.

    Each is (..., sizes); losses are in nats per image.
    """

    mean: np.ndarray
    variance: np.ndarray
    seeds: np.ndarray

    @classmethod
    def of(cls, by_size: Iterable[Sequence[float]]) -> Self:
        """Summarise the losses of one study: a sequence of seeds for each size."""
        columns = [np.asarray(losses, float) for losses in by_size]
        variances = [variance(column) if len(column) > 1 else np.nan for column in columns]
        return cls(np.array([c.mean() for c in columns]), np.array(variances), np.array([len(c) for c in columns]))

    @property
    def replicated(self) -> np.ndarray:
        """Whether a size has two seeds or more that differ, so that its spread is known: (..., sizes)."""
        return (self.seeds > 1) & (self.variance > 0)

    @property
    def differences(self) -> np.ndarray:
        """The mean of each size less that of each other one: (..., sizes, sizes)."""
        return self.mean[..., :, None] - self.mean[..., None, :]

    def half_widths(self, level: float | np.ndarray) -> np.ndarray:
        """Return the half-widths of one-sided Welch bounds on `differences`: (..., sizes, sizes).

        level: one for all, or one for each size (..., sizes) when compared with others. nan where one of the two sizes
        is not replicated. Welch 1947, Biometrika 34.
        """
        part = np.where(self.replicated, self.variance / self.seeds, np.nan)
        square = part**2 / np.where(self.replicated, self.seeds - 1, np.nan)
        both = part[..., :, None] + part[..., None, :]
        freedom = both**2 / (square[..., :, None] + square[..., None, :])
        levels = np.broadcast_to(level, part.shape)[..., :, None]
        return stdtrit(freedom, levels) * np.sqrt(both)


@dataclass(frozen=True)
class Judgement:
    """What the rule finds, in nats per image: (..., sizes) unless noted, nan where there is nothing to compare with.

    explained: (...), the loss of the mean image less the best test loss. margin: (...), the part of it that one is
    willing to leave on the table. rise, rise_low: the training loss less that of a smaller size, and its lower bound
    (`rises`). excess, excess_low, excess_high: the test loss less the lowest of a larger size, and its bounds.
    """

    state: np.ndarray
    explained: np.ndarray
    margin: np.ndarray
    rise: np.ndarray
    rise_low: np.ndarray
    excess: np.ndarray
    excess_low: np.ndarray
    excess_high: np.ndarray


def judge_sizes(
    test: Losses,
    train: Losses,
    mean_image_loss: float,
    margin: float,
    level: float,
    unexplained: State = State.COLLAPSED,
) -> Judgement:
    """Judge every size of a series.

    test, train: losses with the final weights. mean_image_loss: the test loss of always showing the mean training
    image. margin: a share of what the best size explains. level: the confidence of each statement, such as 0.95.
    unexplained: the state of all sizes if none has a lower test loss than that image; comparison.unexplained finds it.
    """
    count = test.mean.shape[-1]
    explained = np.asarray(mean_image_loss - test.mean.min(-1))
    tolerated = margin * explained
    one_seed = ~(test.replicated & train.replicated)

    rise, rise_low = rises(train, level, tolerated)
    risen = ~one_seed & (rise > tolerated[..., None])
    undertrained = risen & (rise_low > 0)
    unclear = risen & ~undertrained
    kept = ~undertrained
    largest = _last(kept)

    larger = np.broadcast_to(np.triu(np.ones((count, count), bool), 1), test.differences.shape)
    with_spread = larger & test.replicated[..., None, :]
    adjusted = 1 - (1 - level) / np.maximum(with_spread.sum(-1), 1)
    excess = _highest(test.differences, larger)
    excess_high = _highest(test.differences + test.half_widths(level), larger)
    excess_low = _highest(test.differences - test.half_widths(adjusted), with_spread)

    passes = ~one_seed & ~unclear & (largest | (excess_high <= tolerated[..., None]))
    enough = _first(kept & ~largest & _all_from_the_right(passes | ~kept))
    roomy = kept & ~enough & (np.cumsum(enough, -1) > 0)

    last = np.arange(count) == count - 1
    below = kept & ~last
    fails = ~one_seed & (excess_low > tolerated[..., None])
    too_few = below & ~unclear & np.logical_and.accumulate(fails | ~below, -1)

    states = [
        ((explained <= 0)[..., None], unexplained),
        (undertrained, State.UNDERTRAINED),
        (one_seed, State.ONE_SEED),
        (unclear, State.UNCLEAR),
        (too_few, State.TOO_FEW),
        (enough, State.ENOUGH),
        (roomy, State.ROOMY),
        (largest & last, State.LARGEST if count > 1 else State.ONLY),
        (largest, State.LARGEST_KEPT),
    ]
    state = np.select([where for where, _ in states], [found for _, found in states], State.UNDECIDED)
    return Judgement(state, explained, tolerated, rise, rise_low, excess, excess_low, excess_high)


def rises(train: Losses, level: float, tolerated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much each size's training loss exceeds that of one smaller size, and the lower bound of that.

    That one is the lowest of those that it surely exceeds, on average by more than `tolerated` (...); if there are
    none, of all. The bound is adjusted (Bonferroni) for the number of smaller sizes. nan for the smallest size; a bound
    is nan beside a single seed.
    """
    count = train.mean.shape[-1]
    smaller = np.tril(np.ones((count, count), bool), -1)
    adjusted = 1 - (1 - level) / np.maximum(smaller.sum(-1), 1)
    low = np.where(smaller, train.differences - train.half_widths(adjusted), np.nan)
    sure = (low > 0) & (train.differences > tolerated[..., None, None])
    counted = np.where(sure.any(-1, keepdims=True), sure, smaller)
    place = np.where(counted, train.differences, -np.inf).argmax(-1)[..., None]
    rise, rise_low = (np.take_along_axis(found, place, -1)[..., 0] for found in (train.differences, low))
    return np.where(smaller.any(-1), rise, np.nan), rise_low


def _highest(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """The highest counted value in each row; nan if one of them is nan or none counts."""
    highest = np.where(counted, values, -np.inf).max(-1)
    return np.where(np.isneginf(highest), np.nan, highest)


def _first(flags: np.ndarray) -> np.ndarray:
    return flags & (np.cumsum(flags, -1) == 1)


def _last(flags: np.ndarray) -> np.ndarray:
    return _first(flags[..., ::-1])[..., ::-1]


def _all_from_the_right(flags: np.ndarray) -> np.ndarray:
    """Whether a place and all places right of it are true."""
    return np.logical_and.accumulate(flags[..., ::-1], -1)[..., ::-1]
