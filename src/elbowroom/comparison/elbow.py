"""Where the loss bends as the latent size grows: the breakpoint of a broken line."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from elbowroom.comparison.intervals import t_interval
from elbowroom.results.outcomes import Bend

PLACES = 1000  # places tried for the breakpoint
FEWEST_SIZES = 4


@dataclass(frozen=True)
class Elbow:
    """The breakpoint in latents (not a whole number), with its interval over `seeds` seeds.

    slope_before, slope_after: nats per image for each doubling of the latents, means over seeds. All numbers are nan
    unless a bend was found; with one seed, so are low and high. result: what was found, as a sentence.
    """

    latent_dim: float
    low: float
    high: float
    seeds: int
    slope_before: float
    slope_after: float
    bend: Bend
    result: str


def find_elbow(latents: Sequence[int], losses: pd.DataFrame) -> Elbow:
    """Fit a broken line to the loss over log2(latent_dim), seed by seed, and return where it bends.

    latents: the sizes tried. losses: nats per image, a row for each seed, a column for each size; seeds that lack a
    size are left out. For each seed, two straight lines that meet are fitted by least squares (Hudson 1966). The place
    where they meet is scanned between the second size and the last but one, among places where the loss falls before
    and falls less, or rises, after. The mean over seeds and its 95 % t interval are of log2(latent_dim). The interval
    is not cut to the sizes tried; `result` says if it exceeds them.

    There is no elbow with fewer than 4 sizes. Nor if seeds do not show that the curve flattens at all, or else any
    noise would have an elbow: the coefficient of the hinge averaged over all places, as in Muggeo 2016, must be above 0
    with its t interval. Nor if in some seed no place flattens, or the best is at the end of those that do, so that a
    better one is outside. A smooth curve has an elbow too: this says where it bends, not that it has a corner.
    """
    sizes = sorted(set(latents))
    table = losses[sizes].dropna()
    seeds, y = len(table), table.to_numpy(float).T  # (sizes, seeds)
    if len(sizes) < FEWEST_SIZES:
        return _none(Bend.FEW_SIZES, seeds)
    if not seeds:
        return _none(Bend.NO_SEED, seeds)
    x = np.log2(sizes)
    places = np.linspace(x[1], x[-2], PLACES + 2)[1:-1]
    hinges = np.maximum(0, x[:, None] - places)  # (sizes, places)
    line = np.stack([np.ones_like(x), x], axis=1)
    onto_line = np.linalg.pinv(line)  # (2, sizes)
    bent = hinges - line @ (onto_line @ hinges)  # what a straight line cannot fit of each hinge
    change = (bent.T @ y) / np.square(bent).sum(0)[:, None]  # of slope at each place, (places, seeds)
    before = (onto_line @ y)[1] - change * (onto_line @ hinges)[1][:, None]
    explained = (bent.T @ y) * change  # the straight line's squared error less that of the broken line

    rounding = 1e-9 * np.abs(y).max()
    mean_bent = bent.mean(1)
    coefficient = t_interval(mean_bent @ y / np.square(mean_bent).sum())
    if not (coefficient.low if seeds > 1 else coefficient.difference) > rounding:
        return _none(Bend.STRAIGHT if coefficient.difference <= rounding else Bend.NOT_MEASURED, seeds)
    flattens = (change > rounding) & (before < -rounding)
    best = np.where(flattens, explained, -np.inf).argmax(0)  # (seeds,)
    if not flattens.any(0).all():
        return _none(Bend.NOT_EVERY_SEED, seeds)
    each = np.arange(seeds)
    around = np.pad(flattens, ((1, 1), (0, 0)))  # by one, so that places at the ends have a neighbour that does not
    if not (around[best, each] & around[best + 2, each]).all():
        return _none(Bend.AT_THE_END, seeds)

    place = t_interval(places[best])
    at, low, high = (float(2**value) for value in (place.difference, place.low, place.high))
    slope = before[best, each]
    return Elbow(
        latent_dim=at,
        low=low,
        high=high,
        seeds=seeds,
        slope_before=float(slope.mean()),
        slope_after=float((slope + change[best, each]).mean()),
        bend=Bend.FOUND,
        result=_sentence(at, low, high, seeds, sizes),
    )


def _none(why: Bend, seeds: int) -> Elbow:
    result = f"no elbow within the sizes tried ({why})"
    return Elbow(np.nan, np.nan, np.nan, seeds, np.nan, np.nan, why, result)


def _sentence(at: float, low: float, high: float, seeds: int, sizes: list[int]) -> str:
    interval = f"{low:.3g} to {high:.3g}, {seeds} seeds" if seeds > 1 else "one seed, no interval"
    text = f"elbow at {at:.3g} latents ({interval})"
    if low < sizes[0] or high > sizes[-1]:
        text += f"; the interval exceeds the sizes tried, {sizes[0]} to {sizes[-1]}"
    return text
