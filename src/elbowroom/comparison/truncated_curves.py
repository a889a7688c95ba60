"""An upper bound on the loss with fewer latents: the loss of a trained model that keeps only some of its latents."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from elbowroom.core.settings import Study
from elbowroom.results.outcomes import State
from elbowroom.results.rows import SizeAnswer, TruncatedPoint
from elbowroom.results.schema import to_rows

ROOM = 0.06  # above and below what a chart shows, as a share of it


def truncated_points(study: Study, truncated: pd.DataFrame) -> list[TruncatedPoint]:
    """Return the means over seeds. truncated: dataset, variant, seed, kept and losses, a row for each cut seed."""
    means = truncated.drop(columns="seed").groupby(["dataset", "variant", "kept"], sort=False).mean().reset_index()
    return to_rows(TruncatedPoint, means.assign(latent_dim=[study.variants[name].latent_dim for name in means.variant]))


class AnswerView(NamedTuple):
    """What a chart of the answer shows. low, high: its losses. cut: its points of the truncated curve, fewest first.

    does: those of them that a trained model can do with, the fewest latents: one or none.
    """

    low: float
    high: float
    cut: list[TruncatedPoint]
    does: list[TruncatedPoint]


def answer_view(rows: Sequence[SizeAnswer], points: Sequence[TruncatedPoint]) -> AnswerView:
    """Frame the latent sizes of a series, with the curve of the one with the lowest loss, as far as it is near.

    Cut down to few latents a model is far worse than one that was trained with them, so the rest of the curve would
    squeeze the chart. The first of its points may be above the frame, for the line to leave it there.
    """
    kept = [row for row in rows if row.state is not State.UNDERTRAINED]
    first = min(kept, key=lambda row: row.test_loss)
    best = first.test_loss
    bounds = [best + bound for row in kept for bound in (row.excess_low, row.excess_high)]
    shown = np.array(
        [best, best + rows[0].margin, *bounds, *(row.test_loss for row in rows), *(row.linear_loss for row in rows)]
    )
    low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
    room = ROOM * (high - low) or 1.0
    curve = sorted((p for p in points if p.variant == first.variant and p.kept > 0), key=lambda p: p.kept)
    above = [place for place, point in enumerate(curve) if point.loss > high + room]
    does = [point for point in curve if point.kept == first.cut]
    return AnswerView(low - room, high + room, curve[above[-1] if above else 0 :], does)
