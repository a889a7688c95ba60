"""How sure a number is: intervals over seeds, and the words that they allow.

Every interval is a t interval over seeds, each seed one independent training, and is of one comparison: of many between
equals, one in twenty excludes 0 by chance.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit  # type: ignore[import-untyped]  # scipy.stats takes long to import


class Interval(NamedTuple):
    """A mean difference with its interval, in the metric's unit, and how many seeds they are of.

    low and high are nan with fewer than 2 seeds, and difference too with none.
    """

    difference: float
    low: float
    high: float
    seeds: int


def paired_interval(ours: pd.Series, other: pd.Series, level: float = 0.95) -> Interval:
    """Mean of ours - other and its paired t interval (Student 1908), over the seeds that both have a number for.

    ours, other: a value for each seed, seeds in the index, in any order. level: the share of such intervals that hold
    the true mean, where differences are normal. Differences that are all the same give an interval of no width. Raises
    ValueError where a seed stands twice.
    """
    for series in (ours, other):
        if not series.index.is_unique:
            raise ValueError(f"found seeds {list(series.index)}, expected every seed once")
    return t_interval((ours - other).dropna().to_numpy(float), level)


def t_interval(values: np.ndarray, level: float = 0.95) -> Interval:
    """Of the mean of independent values (N,)."""
    count = len(values)
    if count < 2:
        return Interval(float(values[0]) if count else np.nan, np.nan, np.nan, count)
    mean = float(values.mean())
    deviation = float(values.std(ddof=1)) if np.ptp(values) else 0.0  # rounding of the mean is no deviation
    margin = float(stdtrit(count - 1, (1 + level) / 2)) * deviation / count**0.5
    return Interval(mean, mean - margin, mean + margin, count)


def wording(interval: Interval, lower_is_better: bool = True) -> str:
    """What may be said of ours against the other: "better" or "worse" only where the interval excludes 0."""
    if interval.seeds < 2:
        return "one seed, no interval" if interval.seeds else "no seed in common"
    if interval.low > 0:
        return "worse" if lower_is_better else "better"
    if interval.high < 0:
        return "better" if lower_is_better else "worse"
    return "no difference measured"
