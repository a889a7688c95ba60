"""What would decide how many latents are enough: the training that a study should run next."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri  # type: ignore[import-untyped]  # scipy.stats takes long to import

from elbowroom.comparison.cut_down import Cut
from elbowroom.comparison.enough import Judgement, Losses
from elbowroom.results.outcomes import State, Step
from elbowroom.results.rows import SizeAnswer

FEWEST_SEEDS, MOST_SEEDS = 3, 10
POWER = 0.8  # the chance that a size that is enough is then called so
BRACKET = 1.5  # neighbouring sizes of a smaller ratio leave nothing worth finding between them


@dataclass(frozen=True)
class NextStep:
    """A step, the latent sizes to train (again), and the number of seeds if the step is MORE_SEEDS."""

    step: Step
    sizes: tuple[int, ...] = ()
    seeds: int | None = None


@dataclass(frozen=True)
class Findings:
    """What is known of a series: latent sizes, ascending, and what the rule says of them.

    unfinished: for each size, whether twice the epochs are predicted to gain more than the margin, on test images, too.
    cut: how few latents a trained model of the best size needs.
    """

    sizes: Sequence[int]
    judgement: Judgement
    test: Losses
    unfinished: Sequence[bool]
    level: float
    cut: Cut | None = None

    @property
    def states(self) -> list[State]:
        return [State(found) for found in self.judgement.state]

    @property
    def kept(self) -> list[int]:
        """Places of the sizes that were trained well enough to be judged."""
        return [place for place, state in enumerate(self.states) if state is not State.UNDERTRAINED]


def next_step(found: Findings) -> NextStep:
    """Say what would decide how many latents are enough, or that nothing is left to decide.

    A single size that is kept has nothing to be compared with: smaller ones need no more training than it had.
    """
    states, kept, sizes = found.states, found.kept, found.sizes
    if State.BARELY_TRAINED in states:
        return NextStep(Step.LONGER, tuple(sizes))
    if {State.STUCK, State.COLLAPSED, State.OVERFITTED} & {*states}:
        return NextStep(Step.NOTHING)
    if single := [place for place in kept if states[place] is State.ONE_SEED]:
        return NextStep(Step.MORE_SEEDS, tuple(sizes[place] for place in single), FEWEST_SEEDS)
    alone = len(kept) == 1 and not found.judgement.excess[kept[0]] > found.judgement.margin  # nor is a larger better
    if alone and sizes[0] > 1:
        return NextStep(Step.SMALLER, _around(found.cut, 0, sizes[0]) or _halvings(sizes[0]))
    poorly_trained = {
        place
        for place, state in enumerate(states)
        if state in (State.UNDERTRAINED, State.UNCLEAR) or found.unfinished[place]
    }
    if poorly_trained:
        return NextStep(Step.LONGER, tuple(sizes[place] for place in sorted({*poorly_trained, kept[-1]})))
    if State.ENOUGH not in states:
        return _decide(found)
    enough = states.index(State.ENOUGH)
    near = _around(found.cut, sizes[enough - 1] if enough else 0, sizes[enough])
    if enough > 0:
        between = _between(sizes[enough - 1], sizes[enough])
        return NextStep(Step.BETWEEN, near) if near and between.step is Step.BETWEEN else between
    return NextStep(Step.SMALLER, near or (sizes[0] // 2,)) if sizes[0] > 1 else NextStep(Step.NOTHING)


def trains_longer(rows: Sequence[SizeAnswer]) -> bool:
    """Whether the rows of a series, as answer.csv has them, ask for twice the epochs, alone or beside new sizes."""
    if rows[0].step in (Step.LARGER, Step.BETWEEN, Step.SMALLER):
        return any(row.unfinished or row.state is State.UNDERTRAINED for row in rows)
    return rows[0].step is Step.LONGER


def _around(cut: Cut | None, low: int, high: int) -> tuple[int, ...]:
    """Return the sizes above `low` that a cut below `high` points to: the largest that fails, the smallest that does.

    A model trained with so few latents is at least as good as one cut down to them, if it trains well.
    """
    if cut is None or not low < cut.kept < high:
        return ()
    return tuple(size for size in (cut.below, cut.kept) if size > low)


def _halvings(size: int) -> tuple[int, ...]:
    """Return half of a size, a quarter, ... down to a sixteenth, smallest first."""
    return tuple(size >> times for times in (4, 3, 2, 1) if size >> times)


def _decide(found: Findings) -> NextStep:
    """No size is called enough: look at the largest that may be."""
    states, kept, sizes = found.states, found.kept, found.sizes
    candidates = [place for place in kept[:-1] if states[place] is not State.TOO_FEW]
    gap = found.judgement.margin - found.judgement.excess[candidates[-1]] if candidates else 0.0
    if gap <= 0:
        return NextStep(Step.LARGER, (2 * sizes[kept[-1]],))
    compared = [place for place in kept if place >= candidates[-1]]
    seeds = needed_seeds(found.test, compared, float(gap), found.level)
    if seeds <= MOST_SEEDS:
        return NextStep(Step.MORE_SEEDS, tuple(sizes[place] for place in compared), seeds)
    return _between(sizes[compared[0]], sizes[compared[1]])


def _between(smaller: int, larger: int) -> NextStep:
    """Return the geometric mean of two neighbouring sizes, unless they are near each other."""
    middle = round(math.sqrt(smaller * larger))
    if larger / smaller <= BRACKET or middle == smaller:  # nothing is between 1 and 2
        return NextStep(Step.NOTHING)
    return NextStep(Step.BETWEEN, (middle,))


def needed_seeds(test: Losses, compared: Sequence[int], gap: float, level: float) -> int:
    """Plan how many seeds show that a size is enough, if its excess is `gap` nats below the margin.

    compared: places of the size and of all larger ones. The plan takes the pooled variance and a power of 0.8.
    """
    variance = float(np.average(test.variance[list(compared)], weights=test.seeds[list(compared)] - 1))
    larger = len(compared) - 1
    quantiles = float(ndtri(level) + ndtri(1 - (1 - POWER) / larger))
    return max(FEWEST_SEEDS, math.ceil(quantiles**2 * 2 * variance / gap**2) + 1)
