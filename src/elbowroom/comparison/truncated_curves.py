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
POINT = 0.025  # half the height of a point, as a share of the chart's


def truncated_points(study: Study, truncated: pd.DataFrame) -> list[TruncatedPoint]:
    """Return the means over seeds. truncated: dataset, variant, seed, kept and losses, a row for each cut seed."""
    means = truncated.drop(columns="seed").groupby(["dataset", "variant", "kept"], sort=False).mean().reset_index()
    return to_rows(TruncatedPoint, means.assign(latent_dim=[study.variants[name].latent_dim for name in means.variant]))


class AnswerView(NamedTuple):
    """What a chart of the answer shows.

    low, high: its losses. best: the lowest test loss of a size. cut: its points of the truncated curve, fewest first.
    does: those of them that a trained model can do with, the fewest latents: one or none. linear: the sizes whose exact
    linear VAE is drawn: none, or all that have one. bars: the sizes whose bar of bounds is drawn: those that may be
    worse than a larger size, if there is a margin and the bar sticks out of their point.
    """

    low: float
    high: float
    best: float
    cut: list[TruncatedPoint]
    does: list[TruncatedPoint]
    linear: list[SizeAnswer]
    bars: list[SizeAnswer]


def answer_view(rows: Sequence[SizeAnswer], points: Sequence[TruncatedPoint]) -> AnswerView:
    """Frame the latent sizes of a series, with the curve of the one with the lowest loss, as far as it is near.

    Cut down to few latents a model is far worse than one that was trained with them, so the start of the curve would
    squeeze the chart. The first of its points may be above the frame, for the line to leave it there. Nor does the
    frame grow upwards for the linear VAE, which is often far worse: its line is drawn as far as it is in the frame.
    """
    first = min(rows, key=lambda row: row.test_loss)
    best = first.test_loss
    curve = sorted((p for p in points if p.variant == first.variant and p.kept > 0), key=lambda p: p.kept)
    bars = [
        (row, [best + row.excess_low, best + row.excess_high])
        for row in rows
        if row.state is not State.UNDERTRAINED and row.excess_high >= 0 < row.margin
    ]
    shown = np.array(
        [
            best,
            best + rows[0].margin,
            *(end for _, ends in bars for end in ends),
            *(row.test_loss for row in rows),
        ]
    )
    below = [*(point.loss for point in curve), *(row.linear_loss for row in rows)]
    low, high = float(np.nanmin([*shown, *below])), float(np.nanmax(shown))
    room = ROOM * (high - low) or 1.0
    above = [place for place, point in enumerate(curve) if point.loss > high + room]
    does = [point for point in curve if point.kept == first.cut]
    linear = [row for row in rows if not np.isnan(row.linear_loss)]
    if not any(low - room <= row.linear_loss <= high + room for row in linear):
        linear = []
    hidden = POINT * (high - low + 2 * room)
    seen = [row for row, ends in bars if max(abs(end - row.test_loss) for end in ends) > hidden]  # false of nan
    return AnswerView(low - room, high + room, best, curve[above[-1] if above else 0 :], does, linear, seen)
