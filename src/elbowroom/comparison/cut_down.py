"""How few of its latents a trained VAE needs: the answer that no new training gives."""

from typing import NamedTuple

import pandas as pd

from elbowroom.comparison.intervals import t_interval


class Cut(NamedTuple):
    """A trained VAE of which `kept` latents are left. high: how much higher its loss is then, at most, nats per image.

    below: the next smaller number that was measured, of which this cannot be said; 0 if none was.
    """

    kept: int
    high: float
    below: int


def smallest_cut(truncated: pd.DataFrame, margin: float, level: float) -> Cut | None:
    """Return the cut that keeps the fewest latents and costs less than `margin`, at `level`; None if there is none.

    truncated: seed, kept and loss of one variant, where the largest `kept` is all latents. Each seed is compared with
    itself, uncut: a one-sided bound of paired differences. Cuts are tested from the largest down to the first that
    fails, so the level holds for all of them together.
    """
    losses = truncated[truncated.kept > 0].pivot(index="seed", columns="kept", values="loss")
    found = None
    for kept in sorted(losses.columns, reverse=True)[1:]:
        high = t_interval((losses[kept] - losses[losses.columns.max()]).dropna().to_numpy(), 2 * level - 1).high
        if not high <= margin:
            return found and found._replace(below=int(kept))
        found = Cut(int(kept), high, 0)
    return found
