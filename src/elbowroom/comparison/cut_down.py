"""How few of its latents a trained VAE needs: the answer that no new training gives."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from elbowroom.comparison.intervals import t_interval


class Cut(NamedTuple):
    """A trained VAE with only `kept` of its latents. high: how much higher its loss is then, at most, nats per image.

    below: the next smaller number that was measured, which may cost more than that; 0 if none was.
    """

    kept: int
    high: float
    below: int


def smallest_cut(truncated: pd.DataFrame, margin: float, level: float) -> Cut | None:
    """Return the cut to the fewest latents that loses less than `margin`, at `level`, against the best cut.

    None if that is no cut at all. truncated: seed, kept and loss of one variant, where the largest `kept` is all
    latents. Each seed is compared with itself: one-sided bounds of paired differences. Cuts are tested from the best
    one down to the first that fails, so the level holds for all of them together.
    """
    table = truncated[truncated.kept > 0].pivot(index="seed", columns="kept", values="loss").dropna()
    losses: dict[int, np.ndarray] = {kept: table[kept].to_numpy() for kept in table.columns.astype(int)}
    if len(table) < 2:
        return None

    def high(kept: int, against: int) -> float:
        return t_interval(losses[kept] - losses[against], 2 * level - 1).high

    whole, best = max(losses), min(losses, key=lambda kept: float(losses[kept].mean()))
    smallest, below = best, 0
    for kept in sorted((size for size in losses if size < best), reverse=True):
        if high(kept, best) > margin:
            below = kept
            break
        smallest = kept
    return Cut(smallest, high(smallest, whole), below) if smallest < whole else None
