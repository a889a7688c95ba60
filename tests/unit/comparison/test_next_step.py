"""What would decide how many latents are enough."""

import numpy as np
import pytest

from elbowroom.comparison.cut_down import Cut
from elbowroom.comparison.enough import Losses, judge_sizes
from elbowroom.comparison.next_step import Findings, NextStep, needed_seeds, next_step
from elbowroom.results.outcomes import State, Step

LOW, MIDDLE, HIGH = [10.0, 10.1, 10.2], [10.3, 10.4, 10.5], [30.0, 30.1, 30.3]
SPREAD = [9.4, 10.3, 10.7]


def advised(
    sizes: list[int],
    test: list[list[float]],
    train: list[list[float]] | None = None,
    unfinished: int | None = None,
    cut: Cut | None = None,
) -> NextStep:
    """The next step if the best size explains 100 nats, with a margin of 1 nat."""
    losses = Losses.of(test)
    judgement = judge_sizes(losses, Losses.of(train or test), losses.mean.min() + 100, 0.01, 0.95)
    flags = [place == unfinished for place in range(len(sizes))]
    return next_step(Findings(sizes, judgement, losses, flags, 0.95, cut))


@pytest.mark.parametrize(
    ("sizes", "test", "expected"),
    [
        ([4, 8], [LOW[:1], LOW[:1]], NextStep(Step.MORE_SEEDS, (4, 8), 3)),
        ([4, 8], [LOW, LOW[:1]], NextStep(Step.MORE_SEEDS, (8,), 3)),
        ([4, 8, 16], [HIGH, [x - 8 for x in HIGH], LOW], NextStep(Step.LARGER, (32,))),
        ([8, 16], [[11.0, 11.2, 12.1], LOW], NextStep(Step.LARGER, (32,))),
        ([8, 16], [SPREAD, [9.4, 10.0, 10.6]], NextStep(Step.MORE_SEEDS, (8, 16), 8)),
        ([8, 32], [[9.0, 10.5, 12.0], [8.5, 10.3, 12.0]], NextStep(Step.BETWEEN, (16,))),
        ([8, 12], [[9.0, 10.5, 12.0], [8.5, 10.3, 12.0]], NextStep(Step.NOTHING)),
        ([8, 16], [MIDDLE, LOW], NextStep(Step.SMALLER, (4,))),
        ([1, 2], [MIDDLE, LOW], NextStep(Step.NOTHING)),
        ([4, 32, 64], [HIGH, MIDDLE, LOW], NextStep(Step.BETWEEN, (11,))),
        ([24, 32, 64], [HIGH, MIDDLE, LOW], NextStep(Step.NOTHING)),
        ([1, 2, 4], [HIGH, MIDDLE, LOW], NextStep(Step.NOTHING)),
        ([128], [LOW], NextStep(Step.SMALLER, (8, 16, 32, 64))),
    ],
)
def test_the_next_step_follows_from_the_states(sizes: list[int], test: list[list[float]], expected: NextStep) -> None:
    assert advised(sizes, test) == expected


@pytest.mark.parametrize(
    ("sizes", "test", "cut", "expected"),
    [
        ([128, 256], [MIDDLE, LOW], Cut(16, 0.5, 12), NextStep(Step.SMALLER, (12, 16))),
        ([128, 256], [MIDDLE, LOW], Cut(1, 0.5, 0), NextStep(Step.SMALLER, (1,))),
        ([128, 256], [MIDDLE, LOW], Cut(128, 0.5, 96), NextStep(Step.SMALLER, (64,))),
        ([4, 64, 128], [HIGH, MIDDLE, LOW], Cut(12, 0.5, 8), NextStep(Step.BETWEEN, (8, 12))),
        ([8, 64, 128], [HIGH, MIDDLE, LOW], Cut(12, 0.5, 8), NextStep(Step.BETWEEN, (12,))),
        ([16, 64, 128], [HIGH, MIDDLE, LOW], Cut(12, 0.5, 8), NextStep(Step.BETWEEN, (32,))),
        ([48, 64, 128], [HIGH, MIDDLE, LOW], Cut(12, 0.5, 8), NextStep(Step.NOTHING)),
        ([128], [LOW], Cut(16, 0.5, 12), NextStep(Step.SMALLER, (12, 16))),
        ([4, 8], [HIGH, LOW], Cut(6, 0.5, 4), NextStep(Step.LARGER, (16,))),
    ],
)
def test_a_model_that_can_be_cut_down_says_which_sizes_to_train(
    sizes: list[int], test: list[list[float]], cut: Cut, expected: NextStep
) -> None:
    assert advised(sizes, test, cut=cut) == expected


def test_an_unfinished_size_is_trained_longer_and_so_is_the_largest() -> None:
    assert advised([4, 8, 16], [MIDDLE, LOW, LOW], unfinished=0) == NextStep(Step.LONGER, (4, 16))


def test_an_undertrained_size_is_trained_longer_and_so_is_the_largest_kept() -> None:
    assert advised([4, 8, 16], [MIDDLE, LOW, LOW], train=[MIDDLE, LOW, HIGH]) == NextStep(Step.LONGER, (8, 16))


def test_if_only_the_smallest_is_kept_smaller_ones_are_next() -> None:
    assert advised([128, 256], [LOW, HIGH]) == NextStep(Step.SMALLER, (8, 16, 32, 64))


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State.BARELY_TRAINED, NextStep(Step.LONGER, (4, 8))),
        (State.STUCK, NextStep(Step.NOTHING)),
        (State.COLLAPSED, NextStep(Step.NOTHING)),
        (State.OVERFITTED, NextStep(Step.NOTHING)),
    ],
)
def test_a_series_that_explains_nothing_is_trained_longer_if_that_may_help(state: State, expected: NextStep) -> None:
    losses = Losses.of([LOW[:1], LOW[:1]])
    judgement = judge_sizes(losses, losses, 5.0, 0.01, 0.95, state)
    assert next_step(Findings([4, 8], judgement, losses, [True, True], 0.95)) == expected


@pytest.mark.parametrize("larger", [1, 3])
@pytest.mark.parametrize("gap", [0.4, 0.8])
def test_planned_seeds_have_the_promised_power(larger: int, gap: float) -> None:
    """A size whose excess is `gap` below the margin of 1 nat is called enough in about 80 % of simulated studies."""
    deviation, generator = 0.4, np.random.default_rng(0)
    spread = Losses(np.zeros(larger + 1), np.full(larger + 1, deviation**2), np.full(larger + 1, 3))
    seeds = needed_seeds(spread, range(larger + 1), gap, 0.95)
    truth = np.array([1.0 - gap, *[0.0] * larger])
    losses = truth[:, None] + generator.normal(0, deviation, (4_000, larger + 1, seeds))
    test = Losses(losses.mean(-1), losses.var(-1, ddof=1), np.full(losses.shape[:-1], seeds))
    calm = Losses(np.zeros_like(test.mean) - np.arange(larger + 1), test.variance, test.seeds)
    judgement = judge_sizes(test, calm, 100 + test.mean.min(-1), 0.01, 0.95)
    named = (judgement.excess_high[:, 0] <= judgement.margin).mean()
    assert 0.75 <= named <= 0.95
