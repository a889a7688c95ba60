"""Intervals agree with scipy.stats and with simulation; outcomes say only what they show."""

import math
from dataclasses import astuple

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, ttest_ind, ttest_rel

from elbowroom.comparison.intervals import Interval, holm, outcome, paired_interval, welch_interval
from elbowroom.results.metrics import Direction
from elbowroom.results.outcomes import Outcome


def series(*values: float, first_seed: int = 0) -> pd.Series:
    return pd.Series(values, index=range(first_seed, first_seed + len(values)))


@pytest.mark.parametrize("seeds", [2, 3, 5, 30])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_the_interval_is_that_of_the_paired_t_test(seeds: int, level: float) -> None:
    rng = np.random.default_rng(seeds)
    ours, other = rng.normal(1900, 3, seeds), rng.normal(1899, 2, seeds)
    test = ttest_rel(ours, other)
    expected = test.confidence_interval(level)
    interval = paired_interval(series(*ours), series(*other), level)
    assert astuple(interval) == pytest.approx(
        ((ours - other).mean(), expected.low, expected.high, seeds, test.pvalue), rel=1e-9
    )


@pytest.mark.parametrize(("ours", "other"), [(2, 2), (3, 3), (3, 5), (30, 4)])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_the_unpaired_interval_is_that_of_welchs_test(ours: int, other: int, level: float) -> None:
    rng = np.random.default_rng(ours)
    samples = rng.normal(1900, 3, ours), rng.normal(1899, 1, other)
    test = ttest_ind(*samples, equal_var=False)
    expected = test.confidence_interval(level)
    interval = welch_interval(series(*samples[0]), series(*samples[1], first_seed=7), level)
    mean = samples[0].mean() - samples[1].mean()
    assert astuple(interval) == pytest.approx((mean, expected.low, expected.high, min(ours, other), test.pvalue))


def test_unpaired_samples_without_spread_or_with_one_seed() -> None:
    assert welch_interval(series(2, 2, 2), series(1, 1, 1)) == Interval(1, 1, 1, 3, 0.0)
    assert welch_interval(series(2, 2, 2), series(2, 2, 2)).p == 1
    assert welch_interval(series(3, 1, 2), series(1, 1, 1)).p == pytest.approx(ttest_rel([3, 1, 2], [1, 1, 1]).pvalue)
    one = welch_interval(series(2, 3, math.nan), series(1))
    assert (one.difference, one.seeds) == (1.5, 1)
    assert math.isnan(one.low)
    assert math.isnan(one.p)
    assert welch_interval(series(), series(1, 2)).seeds == 0


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
    assert paired_interval(series(128, 128, 128), series(120, 120, 120)) == Interval(8, 8, 8, 3, 0.0)
    assert paired_interval(series(0.3, 0.3, 0.3), series(0.2, 0.2, 0.2)).low > 0


def test_a_repeated_seed_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"found seeds \[0, 0\], expected every seed once"):
        paired_interval(pd.Series([1.0, 2.0], index=[0, 0]), series(1.0, 2.0))


def difference(value: float, p: float, seeds: int = 3) -> Interval:
    return Interval(value, value - 1, value + 1, seeds, p)


@pytest.mark.parametrize(
    ("value", "adjusted", "better", "expected"),
    [
        (-2, 0.01, Direction.LOWER, Outcome.BETTER),
        (-2, 0.01, Direction.HIGHER, Outcome.WORSE),
        (2, 0.01, Direction.LOWER, Outcome.WORSE),
        (2, 0.01, Direction.HIGHER, Outcome.BETTER),
        (-2, 0.06, Direction.LOWER, Outcome.NO_DIFFERENCE),
        (2, 1.0, Direction.HIGHER, Outcome.NO_DIFFERENCE),
    ],
)
def test_the_adjusted_p_alone_decides_an_outcome(
    value: float, adjusted: float, better: Direction, expected: Outcome
) -> None:
    assert outcome(difference(value, p=0.001), adjusted, 0.95, better) is expected


def test_the_level_decides_what_is_sure() -> None:
    assert outcome(difference(-2, 0.02), 0.02, 0.95) is Outcome.BETTER
    assert outcome(difference(-2, 0.02), 0.02, 0.99) is Outcome.NO_DIFFERENCE
    assert outcome(difference(-2, math.nan, seeds=1), math.nan, 0.95) is Outcome.ONE_SEED


def test_holm_adjusts_as_worked_out_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([math.nan, 0.02, math.nan, 0.01]) == pytest.approx([math.nan, 0.02, math.nan, 0.02], nan_ok=True)


def test_holm_is_never_below_a_false_discovery_adjustment() -> None:
    values = np.random.default_rng(0).uniform(size=12)
    assert np.all(np.array(holm(list(values))) >= false_discovery_control(values) - 1e-12)
