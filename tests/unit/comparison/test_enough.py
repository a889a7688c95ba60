"""The rule that says how many latents are enough: its states, and how often it is wrong on simulated truths."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from elbowroom.comparison.enough import Judgement, Losses, judge_sizes
from elbowroom.results.outcomes import State

TRUTH = np.array([0.0, -33.0, -57.0, -63.0, -68.0, -70.0, -71.0])  # of 4, 8, ..., 256 latents
MARGIN = 2.7  # nats: 1 % of what the best size explains
MEAN_IMAGE = TRUTH[-1] + 100 * MARGIN
STUDIES = 4_000
SEEDS = (3, 5, 10, 30)


def simulated(truth: np.ndarray, deviation: float | np.ndarray, seeds: int, stream: int) -> Losses:
    """Losses (STUDIES, sizes) of seeds that scatter around a truth."""
    noise = np.random.default_rng(stream).normal(size=(STUDIES, len(truth), seeds))
    losses = (truth + noise.swapaxes(1, 2) * deviation).swapaxes(1, 2)
    return Losses(losses.mean(-1), losses.var(-1, ddof=1), np.full(losses.shape[:-1], seeds))


def judged(test: Losses, train: Losses, mean_image_loss: float = MEAN_IMAGE) -> Judgement:
    return judge_sizes(test, train, mean_image_loss, margin=0.01, level=0.95)


def states(truth: np.ndarray, deviation: float | np.ndarray, seeds: int) -> np.ndarray:
    """What the rule says of each size (STUDIES, sizes) if training losses have the same truth."""
    return judged(simulated(truth, deviation, seeds, 0), simulated(truth, deviation, seeds, 1)).state


@pytest.mark.parametrize("deviation", [0.5, 1.0, 5.0])
def test_the_right_size_is_named_more_often_with_more_seeds_and_a_wrong_one_rarely(deviation: float) -> None:
    """128 latents lose 1 nat to 256, less than the margin; 64 lose 3, more than it."""
    enough = {seeds: states(TRUTH, deviation, seeds) == State.ENOUGH for seeds in SEEDS}
    assert max(found[:, :5].any(1).mean() for found in enough.values()) <= 0.02
    right = [found[:, 5].mean() for found in enough.values()]
    assert right == sorted(right)
    if deviation <= 1:
        assert right[-1] > 0.99


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize(
    "deviations", [(1, 1, 1, 1), (1, 1, 1, 5), (1, 1, 5, 1)], ids=["equal", "best spreads", "boundary spreads"]
)
def test_at_the_boundary_the_rule_is_wrong_as_rarely_as_its_level_says(seeds: int, deviations: tuple[int]) -> None:
    """The last but one size loses exactly the margin to the largest, so calling it enough is wrong."""
    truth = np.array([0.0, -60.0, -71.0 + MARGIN, -71.0])
    assert (states(truth, 0.2 * MARGIN * np.array(deviations), seeds)[:, 2] == State.ENOUGH).mean() <= 0.06


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
        (NEAR[:2], [NEAR[0], [15.0, 15.1, 15.2]], [LARGEST, UNDERTRAINED]),
        (NEAR, [*NEAR[:2], [9.0, 11.5, 14.0]], [UNDECIDED, UNDECIDED, UNCLEAR]),
        ([[10.0], [9.9], [9.8]], [[10.0], [9.9], [9.8]], [ONE_SEED] * 3),
        ([[10.0, 10.0], [9.9, 9.9]], [[10.0, 10.0], [9.9, 9.9]], [ONE_SEED] * 2),
        ([*NEAR[:2], [9.8]], [*NEAR[:2], [9.8]], [UNDECIDED, UNDECIDED, ONE_SEED]),
        ([NEAR[0], [9.9], NEAR[2]], [NEAR[0], [9.9], NEAR[2]], [UNDECIDED, ONE_SEED, LARGEST]),
        ([[30.0], [20.0, 20.1], NEAR[2]], [[30.0], [20.0, 20.1], NEAR[2]], [ONE_SEED, UNDECIDED, LARGEST]),
        ([[10.0, 10.1]], [[10.0, 10.1]], [LARGEST]),
        ([NEAR[0], NEAR[0]], [NEAR[0], NEAR[0]], [ENOUGH, ROOMY]),
        ([[8.0, 12.0], [8.0, 12.1]], [[8.0, 12.0], [8.0, 12.1]], [UNDECIDED, LARGEST]),
        ([[120.0, 121.0], [130.0, 131.0]], [[120.0, 121.0], [119.0, 121.0]], [COLLAPSED] * 2),
    ],
    ids=[
        "equal",
        "the smallest is too few",
        "the largest is undertrained",
        "only the smallest is kept",
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
def test_states(test: list[list[float]], train: list[list[float]], expected: list[State]) -> None:
    found = judged(Losses.of(test), Losses.of(train), mean_image_loss=min(map(np.mean, test)) + 100)
    if expected[0] is COLLAPSED:
        found = judged(Losses.of(test), Losses.of(train), mean_image_loss=110.0)
    assert list(found.state) == expected
