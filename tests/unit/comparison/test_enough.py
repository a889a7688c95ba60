"""The rule that says how many latents are enough: its states, and how often it is wrong on simulated truths."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from elbowroom.comparison.enough import Judgement, Losses, judge_sizes
from elbowroom.results.outcomes import State
from tests.support import ROOT

TRUTH = np.array([0.0, -33.0, -57.0, -63.0, -68.0, -70.0, -71.0])  # of 4, 8, ..., 256 latents: 128 is enough, 64 not
MARGIN = 2.7  # nats: 1 % of what the best size explains
MEAN_IMAGE = TRUTH[-1] + 100 * MARGIN
STUDIES = 4_000
# How often the rule names at most 64, 128 and no latents as enough, by standard deviation and number of seeds. The rule
# was chosen for these shares. They are of 20,000 simulated studies, rounded to three places.
NAMED = {
    (0.5, 3): (0.007, 0.916, 0.076),
    (0.5, 5): (0.005, 0.994, 0.001),
    (0.5, 10): (0.001, 0.999, 0.0),
    (0.5, 30): (0.0, 1.0, 0.0),
    (1.0, 3): (0.009, 0.455, 0.536),
    (1.0, 5): (0.012, 0.762, 0.225),
    (1.0, 10): (0.011, 0.968, 0.022),
    (1.0, 30): (0.003, 0.997, 0.0),
    (5.0, 3): (0.001, 0.011, 0.988),
    (5.0, 5): (0.0, 0.032, 0.968),
    (5.0, 10): (0.002, 0.128, 0.871),
    (5.0, 30): (0.009, 0.353, 0.638),
}
ROUNDING = 0.0005


def simulated(truth: np.ndarray, deviation: float | np.ndarray, seeds: int, stream: int) -> Losses:
    """Means and variances (STUDIES, sizes) of the normal losses of so many seeds that scatter around a truth."""
    random, shape = np.random.default_rng(stream), (STUDIES, len(truth))
    means = truth + random.normal(size=shape) * deviation / np.sqrt(seeds)
    variances = random.chisquare(seeds - 1, shape) / (seeds - 1) * np.square(deviation)
    return Losses(means, variances, np.full(shape, seeds))


def judged(test: Losses, train: Losses, mean_image_loss: float = MEAN_IMAGE) -> Judgement:
    return judge_sizes(test, train, mean_image_loss, margin=0.01, level=0.95)


def states(truth: np.ndarray, deviation: float | np.ndarray, seeds: int) -> np.ndarray:
    """What the rule says of each size (STUDIES, sizes) if training losses have the same truth."""
    return judged(simulated(truth, deviation, seeds, 0), simulated(truth, deviation, seeds, 1)).state


@cache
def named(deviation: float, seeds: int) -> tuple[float, float, float]:
    """How often a size up to 64, 128 and none is named, if the training losses are the test losses."""
    losses = simulated(TRUTH, deviation, seeds, 0)
    enough = judged(losses, losses).state == State.ENOUGH
    return enough[:, :5].any(1).mean(), enough[:, 5].mean(), 1 - enough.any(1).mean()


@pytest.mark.parametrize(("deviation", "seeds"), NAMED)
def test_each_size_is_called_enough_as_often_as_recorded(deviation: float, seeds: int) -> None:
    expected = np.array(NAMED[deviation, seeds])
    shares = np.clip(expected, ROUNDING, 1 - ROUNDING)  # 0 and 1 are rounded too
    errors = np.sqrt(shares * (1 - shares) / STUDIES)
    assert (np.abs(np.array(named(deviation, seeds)) - expected) <= 3 * errors + ROUNDING).all()


@pytest.mark.parametrize("deviation", [0.5, 1.0, 5.0])
def test_the_right_size_is_named_more_often_with_more_seeds_and_a_wrong_one_rarely(deviation: float) -> None:
    """128 latents lose 1 nat to 256, less than the margin; 64 lose 3, more than it."""
    wrong, right, _ = zip(*(named(deviation, seeds) for seeds in (3, 5, 10, 30)), strict=True)
    assert max(wrong) <= 0.02
    assert list(right) == sorted(right)
    if deviation <= 1:
        assert right[-1] > 0.99


def wrong_at_the_boundary(spreads: np.ndarray, seeds: int) -> float:
    """How often 128 latents or fewer are called enough if 128 lose exactly the margin to 256, so that this is wrong."""
    truth = np.array([*TRUTH[:4], -66.0, TRUTH[-1] + MARGIN, TRUTH[-1]])
    enough = states(truth, 0.2 * MARGIN * spreads, seeds) == State.ENOUGH
    return float(enough[:, :6].any(1).mean())


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize(
    "spreads",
    [(1, 1, 1, 1, 1, 1, 1), (1, 1, 1, 1, 1, 1, 5), (1, 1, 1, 1, 1, 5, 1)],
    ids=["equal", "best spreads", "boundary spreads"],
)
def test_at_the_boundary_the_rule_is_wrong_as_rarely_as_its_level_says(seeds: int, spreads: tuple[int]) -> None:
    assert 0.01 <= wrong_at_the_boundary(np.array(spreads), seeds) <= 0.06


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize(
    ("name", "sizes"),
    [("mnist-z{}", (8, 12, 16, 24, 32, 128, 256)), ("cifar10-z{}-c32", (8, 16, 24, 32, 48, 64, 128))],
)
def test_at_the_boundary_it_is_wrong_as_rarely_if_sizes_spread_as_in_the_sweep(
    seeds: int, name: str, sizes: tuple[int, ...]
) -> None:
    """Seven sizes, whose mean spread is as in the test above."""
    tables = (ROOT / "studies/room/metrics" / f"{name.format(size)}.csv" for size in sizes)
    spreads = np.array([pd.read_csv(table).test_loss.std() for table in tables])
    assert 0.01 <= wrong_at_the_boundary(spreads / spreads.mean(), seeds) <= 0.06


@pytest.mark.parametrize("deviation", [0.3, 1.0, 3.0])
def test_equal_sizes_are_rarely_called_too_few(deviation: float) -> None:
    assert (states(np.full(8, -71.0), deviation, 3) == State.TOO_FEW).any(1).mean() <= 0.03


def test_equal_sizes_are_hardly_ever_told_apart_if_seeds_vary_less_than_the_margin() -> None:
    found = states(np.full(8, -71.0), MARGIN / 4, 3)
    assert not ((found == State.TOO_FEW) | (found == State.UNDERTRAINED)).any()


def test_the_gate_keeps_undertrained_sizes_from_making_a_small_one_enough() -> None:
    """Three larger sizes were trained too little: their losses stand 1.5 margins above the fourth size's.

    Without the gate the fourth is called enough in 92 % of the studies, though nothing larger shows what it can do.
    """
    undertrained = np.array([0.0, -33.0, -57.0, -71.0, *[-71.0 + 1.5 * MARGIN] * 3])
    test = simulated(undertrained, 0.5, 3, 0)
    falls = np.linspace(0.0, -7.0, 7)  # training losses that the gate lets through
    blind, gated = judged(test, simulated(falls, 1e-6, 3, 1)), judged(test, simulated(undertrained, 0.5, 3, 1))
    assert (blind.state == State.ENOUGH).any(1).mean() > 0.9
    assert (gated.state == State.ENOUGH).any(1).mean() <= 0.04


def test_bounds_are_those_of_a_welch_test() -> None:
    small, large = [1873.39, 1874.0, 1874.5], [1843.3, 1844.2, 1845.1]
    found = judged(Losses.of([small, large]), Losses.of([small, large]), mean_image_loss=2118.0)
    interval = ttest_ind(small, large, equal_var=False).confidence_interval(0.9)
    assert found.excess_high[0] == pytest.approx(interval.high, rel=1e-12)
    assert found.excess_low[0] == pytest.approx(interval.low, rel=1e-12)
    assert found.rise_low[1] == pytest.approx(-interval.high, rel=1e-12)
    assert list(found.state) == [State.TOO_FEW, State.LARGEST]


def test_bounds_for_too_few_are_adjusted_for_the_number_of_larger_sizes() -> None:
    losses = Losses.of([[30.0, 31.0, 32.5], [20.0, 21.5, 22.0], [20.5, 21.0, 23.0]])
    found = judged(losses, losses)
    bounds = [
        ttest_ind([30.0, 31.0, 32.5], larger, equal_var=False).confidence_interval(1 - 2 * 0.05 / 2).low
        for larger in ([20.0, 21.5, 22.0], [20.5, 21.0, 23.0])
    ]
    assert found.excess_low[0] == pytest.approx(max(bounds), rel=1e-12)


def test_studies_judged_at_once_are_judged_as_one_by_one() -> None:
    test, train = simulated(TRUTH, 1.5, 3, 0), simulated(TRUTH, 1.5, 3, 1)
    together = judged(test, train).state
    for study in range(20):
        alone = [Losses(each.mean[study], each.variance[study], each.seeds[study]) for each in (test, train)]
        assert list(judged(*alone).state) == list(together[study])


def test_a_rise_is_above_one_smaller_size_and_its_bound_is_of_the_same() -> None:
    """The third is 1.9 above the second's mean, which scatters, and surely above the first, but by 0.2 only.

    So it is unclear whether it was trained well, and the second is not enough.
    """
    train = Losses.of([[63.95, 64.0, 64.05], [58.0, 63.0, 66.0], [64.15, 64.2, 64.25]])
    found = judged(Losses.of([[10.0, 10.1, 10.2]] * 3), train, mean_image_loss=150.0)
    assert found.rise[2] == pytest.approx(64.2 - 187 / 3)
    bound = ttest_ind([64.15, 64.2, 64.25], [58.0, 63.0, 66.0], equal_var=False).confidence_interval(0.95).low
    assert found.rise_low[2] == pytest.approx(bound)
    assert list(found.state) == [State.UNDECIDED, State.UNDECIDED, State.UNCLEAR]


def test_equal_losses_have_no_spread_in_spite_of_rounding() -> None:
    assert not Losses.of([[0.1] * 3, [9.9] * 3]).replicated.any()


NEAR = [[10.0, 10.1, 10.2], [9.9, 10.0, 10.1], [9.8, 9.9, 10.0]]  # the margin of 1 nat has room for all of these
ENOUGH, ROOMY, TOO_FEW, UNDECIDED = State.ENOUGH, State.ROOMY, State.TOO_FEW, State.UNDECIDED
LARGEST, UNDERTRAINED, UNCLEAR = State.LARGEST, State.UNDERTRAINED, State.UNCLEAR
ONE_SEED, COLLAPSED = State.ONE_SEED, State.COLLAPSED


@pytest.mark.parametrize(
    ("test", "train", "expected"),
    [
        (NEAR, NEAR, [ENOUGH, ROOMY, ROOMY]),
        ([[30.0, 30.1], *NEAR[1:]], [[30.0, 30.1], *NEAR[1:]], [TOO_FEW, ENOUGH, ROOMY]),
        (NEAR, [*NEAR[:2], [15.0, 15.1, 15.2]], [ENOUGH, ROOMY, UNDERTRAINED]),
        (NEAR[:2], [NEAR[0], [15.0, 15.1, 15.2]], [State.LARGEST_KEPT, UNDERTRAINED]),
        ([*[[14.0, 14.1, 14.2]] * 2, NEAR[0]], [*NEAR[:2], [15.0, 15.1, 15.2]], [TOO_FEW, TOO_FEW, UNDERTRAINED]),
        (NEAR, [*NEAR[:2], [9.0, 11.5, 14.0]], [UNDECIDED, UNDECIDED, UNCLEAR]),
        ([[10.0], [9.9], [9.8]], [[10.0], [9.9], [9.8]], [ONE_SEED] * 3),
        ([[10.0, 10.0], [9.9, 9.9]], [[10.0, 10.0], [9.9, 9.9]], [ONE_SEED] * 2),
        ([*NEAR[:2], [9.8]], [*NEAR[:2], [9.8]], [UNDECIDED, UNDECIDED, ONE_SEED]),
        ([NEAR[0], [9.9], NEAR[2]], [NEAR[0], [9.9], NEAR[2]], [UNDECIDED, ONE_SEED, LARGEST]),
        ([[30.0], [20.0, 20.1], NEAR[2]], [[30.0], [20.0, 20.1], NEAR[2]], [ONE_SEED, UNDECIDED, LARGEST]),
        ([[10.0, 10.1]], [[10.0, 10.1]], [State.ONLY]),
        ([NEAR[0], NEAR[0]], [NEAR[0], NEAR[0]], [ENOUGH, ROOMY]),
        ([[8.0, 12.0], [8.0, 12.1]], [[8.0, 12.0], [8.0, 12.1]], [UNDECIDED, LARGEST]),
        ([[120.0, 121.0], [130.0, 131.0]], [[120.0, 121.0], [119.0, 121.0]], [COLLAPSED] * 2),
    ],
    ids=[
        "equal",
        "the smallest is too few",
        "the largest is undertrained",
        "only the smallest is kept",
        "the largest is undertrained, and better",
        "the largest is unclear",
        "one seed",
        "all seeds the same",
        "the largest has one seed",
        "a middle size has one seed",
        "the smallest has one seed",
        "one size",
        "equal losses",
        "two seeds that scatter",
        "collapsed",
    ],
)
def test_losses_give_each_size_its_state(
    test: list[list[float]], train: list[list[float]], expected: list[State]
) -> None:
    found = judged(Losses.of(test), Losses.of(train), mean_image_loss=min(map(np.mean, test)) + 100)
    if expected[0] is COLLAPSED:
        found = judged(Losses.of(test), Losses.of(train), mean_image_loss=110.0)
    assert list(found.state) == expected
