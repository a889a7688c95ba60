"""Whether a larger network is worth having."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_ind

from elbowroom.comparison.enough import Losses
from elbowroom.comparison.worth import NetworkPair, judge_gains
from elbowroom.results.outcomes import Worth

NARROW, WIDE = [10.0, 10.1, 10.3], [9.8, 10.0, 9.9]


def pair(
    smaller: list[float], larger: list[float], margin: float, train: list[list[float]] | None = None
) -> NetworkPair:
    test = Losses.of([smaller, larger])
    return NetworkPair(test, test if train is None else Losses.of(train), margin)


@pytest.mark.parametrize(
    ("smaller", "larger", "margin", "expected"),
    [
        (NARROW, WIDE, 2.0, Worth.NO_GAIN),
        ([20.0, 20.1, 20.3], WIDE, 2.0, Worth.WORTH_HAVING),
        (NARROW, WIDE, 0.3, Worth.UNDECIDED),
        ([10.0], WIDE, 2.0, Worth.ONE_SEED),
        ([10.0, 10.0], [9.0, 9.0], 2.0, Worth.ONE_SEED),
    ],
)
def test_a_gain_is_judged_against_the_margin(
    smaller: list[float], larger: list[float], margin: float, expected: Worth
) -> None:
    (gain,) = judge_gains([pair(smaller, larger, margin)], 0.95)
    assert gain.worth is expected
    assert gain.gain == pytest.approx(np.mean(smaller) - np.mean(larger))
    assert math.isnan(gain.upper) == (expected is Worth.ONE_SEED)


def test_p_values_and_the_bound_are_those_of_welch_tests() -> None:
    (gain,) = judge_gains([pair(NARROW, WIDE, 0.3)], 0.95)
    test = ttest_ind(np.subtract(NARROW, 0.3), WIDE, equal_var=False, alternative="greater")
    assert gain.above == pytest.approx(test.pvalue)
    assert gain.below == pytest.approx(1 - test.pvalue)
    assert gain.upper == pytest.approx(ttest_ind(NARROW, WIDE, equal_var=False).confidence_interval(0.9).high)


def test_a_larger_network_that_trains_worse_is_left_out() -> None:
    poor = pair(NARROW, [12.0, 12.1, 12.3], 0.5, train=[NARROW, [12.0, 12.1, 12.3]])
    left_out, judged = judge_gains([poor, pair(NARROW, WIDE, 2.0)], 0.95)
    assert left_out.worth is Worth.UNDERTRAINED
    assert judged == judge_gains([pair(NARROW, WIDE, 2.0)], 0.95)[0]


def test_many_pairs_widen_the_bound_and_raise_p() -> None:
    (alone,) = judge_gains([pair(NARROW, WIDE, 2.0)], 0.95)
    among = judge_gains([pair(NARROW, WIDE, 2.0)] * 5, 0.95)
    assert among[0].upper > alone.upper
    assert among[0].below == pytest.approx(5 * alone.below)


@pytest.mark.parametrize("gain", [0.0, 1.0, 2.0])
def test_a_table_of_gains_at_or_on_either_side_of_the_margin_rarely_makes_a_false_claim(gain: float) -> None:
    """With a margin of 1 and six pairs, a gain of 1 is neither worth having nor not."""
    generator = np.random.default_rng(0)
    false = {0.0: (Worth.WORTH_HAVING,), 1.0: (Worth.WORTH_HAVING, Worth.NO_GAIN), 2.0: (Worth.NO_GAIN,)}[gain]
    wrong = 0
    for _ in range(300):
        table = [pair(list(generator.normal(gain, 0.5, 3)), list(generator.normal(0, 0.5, 3)), 1.0) for _ in range(6)]
        wrong += any(found.worth in false for found in judge_gains(table, 0.95))
    assert wrong / 300 <= (0.13 if gain == 1 else 0.07)  # two families of 5 % each at the margin itself
