"""Intervals agree with scipy.stats and with simulation; outcomes say only what they show."""

import math
from dataclasses import astuple

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel

from elbowroom.comparison.intervals import Interval, outcome, paired_interval
from elbowroom.results.metrics import Direction
from elbowroom.results.outcomes import Outcome


def series(*values: float, first_seed: int = 0) -> pd.Series:
    return pd.Series(values, index=range(first_seed, first_seed + len(values)))


@pytest.mark.parametrize("seeds", [2, 3, 5, 30])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_the_interval_is_that_of_the_paired_t_test(seeds: int, level: float) -> None:
    rng = np.random.default_rng(seeds)
    ours, other = rng.normal(1900, 3, seeds), rng.normal(1899, 2, seeds)
    expected = ttest_rel(ours, other).confidence_interval(level)
    interval = paired_interval(series(*ours), series(*other), level)
    assert astuple(interval) == pytest.approx(((ours - other).mean(), expected.low, expected.high, seeds), rel=1e-9)


def test_the_interval_covers_the_truth_as_often_as_its_level_says() -> None:
    rng = np.random.default_rng(0)
    truth, held = 0.7, 0
    for _ in range(2000):
        shared = rng.normal(0, 5, 3)  # the seed's own luck, the same for both
        interval = paired_interval(series(*shared + truth + rng.normal(0, 1, 3)), series(*shared + rng.normal(0, 1, 3)))
        held += interval.low <= truth <= interval.high
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


def test_only_seeds_that_both_have_are_paired_in_any_order() -> None:
    ours = pd.Series({2: 5.0, 0: 1.0, 1: 2.0, 7: 100.0, 4: math.nan})
    other = pd.Series({9: -100.0, 0: 0.0, 1: 0.0, 2: 0.0, 4: 0.0})
    assert paired_interval(ours, other) == paired_interval(series(1, 2, 5), series(0, 0, 0))
    assert paired_interval(ours, other).seeds == 3


def test_one_seed_has_no_interval() -> None:
    one = paired_interval(series(3.0), series(1.0))
    assert one.difference == 2
    assert one.seeds == 1
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    none = paired_interval(series(3.0), series(1.0, first_seed=5))
    assert none.seeds == 0
    assert math.isnan(none.difference)


def test_identical_differences_give_an_interval_without_width() -> None:
    assert paired_interval(series(128, 128, 128), series(120, 120, 120)) == Interval(8, 8, 8, 3)
    assert paired_interval(series(0.3, 0.3, 0.3), series(0.2, 0.2, 0.2)).low > 0


def test_a_repeated_seed_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"found seeds \[0, 0\], expected every seed once"):
        paired_interval(pd.Series([1.0, 2.0], index=[0, 0]), series(1.0, 2.0))


@pytest.mark.parametrize(
    ("low", "high", "seeds", "better", "expected"),
    [
        (-2, -1, 3, Direction.LOWER, Outcome.BETTER),
        (-2, -1, 3, Direction.HIGHER, Outcome.WORSE),
        (1, 2, 3, Direction.LOWER, Outcome.WORSE),
        (1, 2, 3, Direction.HIGHER, Outcome.BETTER),
        (-1, 2, 3, Direction.LOWER, Outcome.NO_DIFFERENCE),
        (-1, 2, 3, Direction.HIGHER, Outcome.NO_DIFFERENCE),
        (0, 2, 3, Direction.LOWER, Outcome.NO_DIFFERENCE),  # touches 0
        (-2, 0, 3, Direction.LOWER, Outcome.NO_DIFFERENCE),
        (0, 0, 3, Direction.LOWER, Outcome.NO_DIFFERENCE),
        (math.nan, math.nan, 1, Direction.LOWER, Outcome.ONE_SEED),
        (math.nan, math.nan, 0, Direction.HIGHER, Outcome.NO_COMMON_SEED),
    ],
)
def test_an_outcome_is_what_the_interval_shows(
    low: float, high: float, seeds: int, better: Direction, expected: Outcome
) -> None:
    assert outcome(Interval((low + high) / 2, low, high, seeds), better) is expected
