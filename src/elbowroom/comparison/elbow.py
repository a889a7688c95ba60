"""Where more latents stop paying: the breakpoint of a broken line through the loss."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from elbowroom.comparison.intervals import t_interval

NO_ELBOW = "no elbow within the sizes tried"
STEPS = 1000  # places tried for the breakpoint


class Elbow(NamedTuple):
    """Where more latents stop paying.

    latent_dim: the breakpoint, in latents (not a whole number), with its interval over seeds (low, high); all nan where
    there is none, the interval also with one seed. seeds: how many. slope_before, slope_after: nats per image for each
    doubling of the latents, means over seeds. result: what was found, in words.
    """

    latent_dim: float
    low: float
    high: float
    seeds: int
    slope_before: float
    slope_after: float
    result: str


def elbow(latents: Sequence[int], losses: pd.DataFrame) -> Elbow:
    """The breakpoint of a broken line through the loss over log2(latent_dim), over seeds.

    latents: the sizes tried. losses: nats per image, a row for each seed, a column for each size; seeds that lack a
    size are left out. For each seed, two straight lines that meet are fitted by least squares (Hudson 1966). Where they
    meet is scanned between the second size and the last but one, among places where the loss falls before and falls
    less, or rises, after. The mean over seeds and its 95 % t interval are of log2(latent_dim); the interval is not cut
    to the sizes tried: `result` says where it exceeds them.

    There is no elbow where fewer than 4 sizes were tried; where seeds do not show that the curve flattens at all, or
    else any noise would have an elbow (the coefficient of the hinge averaged over all places, as in Muggeo 2016, with
    its t interval, must be above 0); or where in some seed no place flattens, or the best is at the end of those that
    do, so that a better one is outside. A smooth curve has an elbow too: this says where it bends, not that it has a
    corner.
    """
    sizes = sorted(set(latents))
    table = losses[sizes].dropna()
    seeds, y = len(table), table.to_numpy(float).T  # (sizes, seeds)

    def none(why: str) -> Elbow:
        return Elbow(np.nan, np.nan, np.nan, seeds, np.nan, np.nan, f"{NO_ELBOW} ({why})")

    if len(sizes) < 4:
        return none(f"found {len(sizes)}, expected at least 4")
    if not seeds:
        return none("no seed has a loss for each")
    x = np.log2(sizes)
    places = np.linspace(x[1], x[-2], STEPS + 2)[1:-1]
    hinges = np.maximum(0, x[:, None] - places)  # (sizes, places)
    line = np.stack([np.ones_like(x), x], axis=1)
    onto_line = np.linalg.pinv(line)  # (2, sizes)
    bent = hinges - line @ (onto_line @ hinges)  # what a straight line cannot fit of each hinge
    change = (bent.T @ y) / np.square(bent).sum(0)[:, None]  # of slope at each place, (places, seeds)
    before = (onto_line @ y)[1] - change * (onto_line @ hinges)[1][:, None]
    explained = (bent.T @ y) * change  # squared error less than the straight line's

    rounding = 1e-9 * np.abs(y).max()
    mean_bent = bent.mean(1)
    bend = t_interval(mean_bent @ y / np.square(mean_bent).sum())
    if not (bend.low if seeds > 1 else bend.difference) > rounding:
        return none("it does not flatten" if bend.difference <= rounding else "a bend is not measured over seeds")
    flattens = (change > rounding) & (before < -rounding)
    best = np.where(flattens, explained, -np.inf).argmax(0)  # (seeds,)
    if not flattens.any(0).all():
        return none("in some seed it does not fall, then flatten")
    each = np.arange(seeds)
    around = np.pad(flattens, ((1, 1), (0, 0)))  # by one, so that those at the ends have a neighbour that does not
    if not (around[best, each] & around[best + 2, each]).all():
        return none("in some seed it is best at the end of where it flattens")

    place = t_interval(places[best])
    at, low, high = (float(2**value) for value in place[:3])
    slope = before[best, each]
    interval = f"{low:.3g} to {high:.3g}, {seeds} seeds" if seeds > 1 else "one seed, no interval"
    text = f"elbow at {at:.3g} latents ({interval})"
    if low < sizes[0] or high > sizes[-1]:
        text += f"; the interval exceeds the sizes tried, {sizes[0]} to {sizes[-1]}"
    return Elbow(at, low, high, seeds, float(slope.mean()), float((slope + change[best, each]).mean()), text)
