"""How sure a measured difference is: t intervals and p values over seeds, and what may be said of them.

Each seed is one independent training. An interval belongs to one comparison: of many comparisons between equals, one in
twenty excludes 0 by chance. So words like "better" need a p value that is adjusted for the number of comparisons.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit  # type: ignore[import-untyped]  # scipy.stats takes long to import

from elbowroom.results.metrics import Direction
from elbowroom.results.outcomes import Outcome

LEVEL = 0.95  # of an interval, unless `answer.level` sets it


@dataclass(frozen=True)
class Interval:
    """A mean difference, the ends of its interval, all in the metric's unit, and the number of seeds behind them.

    p: how likely a difference as large as this one is among equals, two-sided. low, high and p are nan with fewer than
    2 seeds; difference is nan with none.
    """

    difference: float
    low: float
    high: float
    seeds: int
    p: float


def paired_interval(ours: pd.Series, other: pd.Series, level: float = LEVEL) -> Interval:
    """Return the mean of ours - other and its paired t interval (Student 1908), over the seeds that both have.

    ours, other: a value for each seed, seeds in the index, in any order. level: the share of such intervals that hold
    the true mean if differences are normal. If all differences are the same, the interval has no width. Raises
    ValueError if a seed stands twice.
    """
    for series in (ours, other):
        if not series.index.is_unique:
            raise ValueError(f"found seeds {list(series.index)}, expected every seed once")
    return t_interval((ours - other).dropna().to_numpy(float), level)


def t_interval(values: np.ndarray, level: float = LEVEL) -> Interval:
    """Return the mean of independent values (N,) and its t interval."""
    count = len(values)
    if count < 2:
        return Interval(float(values[0]) if count else math.nan, math.nan, math.nan, count, math.nan)
    return _interval(float(values.mean()), math.sqrt(variance(values) / count), count - 1, count, level)


def welch_interval(ours: pd.Series, other: pd.Series, level: float = LEVEL) -> Interval:
    """Return the difference of the means of two independent samples and its interval (Welch 1947, Biometrika 34).

    seeds: of the smaller sample. If neither sample varies, the interval has no width.
    """
    samples = [series.dropna().to_numpy(float) for series in (ours, other)]
    counts = np.array([len(values) for values in samples])
    fewest = int(counts.min())
    difference = float(samples[0].mean() - samples[1].mean()) if fewest else math.nan
    if fewest < 2:
        return Interval(difference, math.nan, math.nan, fewest, math.nan)
    parts = np.array([variance(values) for values in samples]) / counts
    error = math.sqrt(parts.sum())
    freedom = float(parts.sum() ** 2 / (parts**2 / (counts - 1)).sum()) if error else 1.0
    return _interval(difference, error, freedom, fewest, level)


def _interval(difference: float, error: float, freedom: float, seeds: int, level: float) -> Interval:
    """Return the interval of a difference with this standard error and these degrees of freedom."""
    margin = float(stdtrit(freedom, (1 + level) / 2)) * error
    p = 2 * float(stdtr(freedom, -abs(difference) / error)) if error else float(difference == 0)
    return Interval(difference, difference - margin, difference + margin, seeds, p)


def variance(values: np.ndarray) -> float:
    """Return the variance of a sample (N,) of at least two values; of equal ones exactly 0, in spite of rounding."""
    return float(values.var(ddof=1)) if np.ptp(values) else 0.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values for their number (Holm 1979): to call those below alpha significant errs with at most alpha.

    A nan stays one, and is not counted.
    """
    order = [place for place in np.argsort(p_values) if not math.isnan(p_values[place])]
    adjusted, highest = [math.nan] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def outcome(found: Interval, adjusted_p: float, level: float, better: Direction = Direction.LOWER) -> Outcome:
    """Say what a difference ours - other shows: BETTER or WORSE only if its adjusted p is below 1 - level."""
    if found.seeds < 2:
        return Outcome.ONE_SEED
    if adjusted_p >= 1 - level:
        return Outcome.NO_DIFFERENCE
    return Outcome.BETTER if (found.difference < 0) == (better is Direction.LOWER) else Outcome.WORSE
