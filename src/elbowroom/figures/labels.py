"""Which points of a chart to label where not every label has room."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd


class Box(NamedTuple):
    """The place of a label, in any unit of length; x runs to the right, y upwards."""

    left: float
    right: float
    bottom: float
    top: float


def most_telling_first(points: pd.DataFrame) -> pd.DataFrame:
    """Put the smallest and the largest latent size of each series before the others. points: series, latent_dim."""
    sizes = points.groupby("series").latent_dim
    is_end = (points.latent_dim == sizes.transform("min")) | (points.latent_dim == sizes.transform("max"))
    return pd.concat([points[is_end], points[~is_end]])


def legible(boxes: Sequence[Box], marks: Sequence[Box]) -> list[bool]:
    """Say of each label whether to draw it: each in order that covers no mark and no label drawn before it."""
    has_room: list[bool] = []
    for box in boxes:
        drawn = [*marks, *(other for other, is_drawn in zip(boxes, has_room, strict=False) if is_drawn)]
        has_room.append(
            all(
                box.right <= other.left or other.right <= box.left or box.top <= other.bottom or other.top <= box.bottom
                for other in drawn
            )
        )
    return has_room
