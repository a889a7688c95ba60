"""How sure a measured difference is: t intervals over seeds, and what may be said of them.

Each seed is one independent training. An interval belongs to one comparison: of many comparisons between equals, one in
twenty excludes 0 by chance.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit  # type: ignore[import-untyped]  # scipy.stats takes long to import

from elbowroom.results.metrics import Direction
from elbowroom.results.outcomes import Outcome


@dataclass(frozen=True)
class Interval:
    """A mean difference, the ends of its interval, all in the metric's unit, and the number of seeds behind them.

    low and high are nan with fewer than 2 seeds; difference is nan with none.
    """

    difference: float
    low: float
    high: float
    seeds: int


def paired_interval(ours: pd.Series, other: pd.Series, level: float = 0.95) -> Interval:
    """Return the mean of ours - other and its paired t interval (Student 1908), over the seeds that both have.

    ours, other: a value for each seed, seeds in the index, in any order. level: the share of such intervals that hold
    the true mean if differences are normal. If all differences are the same, the interval has no width. Raises
    ValueError if a seed stands twice.
    """
    for series in (ours, other):
        if not series.index.is_unique:
            raise ValueError(f"found seeds {list(series.index)}, expected every seed once")
    return t_interval((ours - other).dropna().to_numpy(float), level)


def t_interval(values: np.ndarray, level: float = 0.95) -> Interval:
    """Return the mean of independent values (N,) and its t interval."""
    count = len(values)
    if count < 2:
        return Interval(float(values[0]) if count else np.nan, np.nan, np.nan, count)
    mean = float(values.mean())
    deviation = float(values.std(ddof=1)) if np.ptp(values) else 0.0  # rounding of the mean is no deviation
    margin = float(stdtrit(count - 1, (1 + level) / 2)) * deviation / count**0.5
    return Interval(mean, mean - margin, mean + margin, count)


def outcome(interval: Interval, better: Direction = Direction.LOWER) -> Outcome:
    """Say what an interval of ours - other shows: BETTER or WORSE only if it excludes 0."""
    if interval.seeds < 2:
        return Outcome.ONE_SEED if interval.seeds else Outcome.NO_COMMON_SEED
    if interval.low <= 0 <= interval.high:
        return Outcome.NO_DIFFERENCE
    is_lower = interval.high < 0
    return Outcome.BETTER if is_lower == (better is Direction.LOWER) else Outcome.WORSE
