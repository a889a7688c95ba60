"""What a test of a published claim asks of the measured numbers: a quantity over seeds beside a threshold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pandas as pd

from elbowroom.comparison.claims import Claimed, Inequality, Limit, Order, Ratio, VariantNumber
from elbowroom.comparison.intervals import Interval, paired_interval, welch_interval


@dataclass(frozen=True)
class Function:
    """A function of numbers, or of their series by seed, and the unit of its value."""

    of: Callable[..., Any]
    unit: str


FUNCTIONS = {
    "value": Function(lambda number: number, ""),
    "relative_change": Function(lambda old, new: 100 * (new - old) / old, " %"),
    "ratio": Function(lambda whole, part: whole / part, " times"),
}


@dataclass(frozen=True)
class Question:
    """Is a measured quantity on the claimed side of a threshold, and how sure is that?

    means: of the numbers that it is made of. value: of the quantity, over seeds. p: of its lying on the threshold,
    two-sided; nan with one seed.
    """

    means: Sequence[float]
    value: Interval
    as_claimed: bool
    p: float


def ask(test: Claimed | Order | Limit, table: pd.DataFrame, level: float) -> list[Question]:
    """Ask what a test asks. table: a row for each variant and seed, which is its index. level: of intervals."""
    if isinstance(test, Claimed):
        return [_near(test, table, level)]
    if isinstance(test, Order):
        return [_in_order(claimed, table, level) for claimed in test.comparisons]
    return [_below(ratio, test.at_most, table, level) for ratio in test.ratios]


def _near(test: Claimed, table: pd.DataFrame, level: float) -> Question:
    """Ask whether a function of measured numbers, worked out seed by seed, is within the margin of what is claimed."""
    paired = by_seed(test.numbers, table)
    values = FUNCTIONS[test.function].of(*(paired[place] for place in paired))
    bounds = (test.claimed - test.margin, test.claimed + test.margin)
    nearest = min(bounds, key=lambda bound: abs(values.mean() - bound))
    return _against(nearest, bounds[0] <= values.mean() <= bounds[1], paired, values, level)


def _below(ratio: Ratio, limit: float, table: pd.DataFrame, level: float) -> Question:
    """Ask whether the ratio of two numbers of each trained model is at most the limit."""
    paired = by_seed([ratio.of, ratio.to], table)
    values = paired[0] / paired[1]
    return _against(limit, values.mean() <= limit, paired, values, level)


def _against(
    threshold: float, as_claimed: bool, paired: pd.DataFrame, values: "pd.Series[float]", level: float
) -> Question:
    value, p = paired_interval(values, 0 * values, level), paired_interval(values, 0 * values + threshold).p
    return Question(paired.mean().tolist(), value, bool(as_claimed), p)


def _in_order(claimed: Inequality, table: pd.DataFrame, level: float) -> Question:
    """Ask whether a number of one variant is lower or higher than that of another.

    The variants differ in their size, so a seed gives them nothing in common, and is not paired (comparison.pairs).
    """
    first, second = measured_values(claimed.first, table), measured_values(claimed.second, table)
    found = welch_interval(first, second, level)
    as_claimed = (found.difference > 0) == (claimed.relation == "higher")
    return Question([float(first.mean()), float(second.mean())], found, as_claimed, found.p)


def measured_values(number: VariantNumber, table: pd.DataFrame) -> "pd.Series[float]":
    """Return a measured number by seed; empty if it was not measured."""
    rows = table[table.variant == number.variant]
    columns = [rows.get(metric, pd.Series(dtype=float)) for metric in (number.metric, number.minus) if metric]
    return reduce(pd.Series.sub, map(pd.to_numeric, columns)).dropna()


def by_seed(numbers: Sequence[VariantNumber], table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each seed that all of these have, a column for each: 0, 1, ..."""
    return pd.concat([measured_values(number, table) for number in numbers], axis=1, join="inner", ignore_index=True)
