"""Where a line's name fits into a chart, so that it covers no line and no point."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

WIDTHS, HEIGHT, PADDING = (260, 370, 560), 260, 12  # pixels of a chart, from a phone's to a wide screen's
TEXT_HEIGHT, LETTER, ROUND = 12, 5.8, 3  # pixels of a name, of a letter across, and what is left free around it
SHIFTS = (0, -11, 11, -20, 20, 30, -30, 42)  # pixels down from a point of the line

Line = Sequence[tuple[float, float]]  # places (x, y) in a chart: from the left and from the top, 0 to 1


@dataclass(frozen=True)
class LabelPlace:
    """Beside which point of its line a name stands, on which side, and how many pixels below it."""

    point: int
    align: Literal["left", "right"]
    dy: int

    @property
    def dx(self) -> int:
        return 7 if self.align == "left" else -7


def place_of(text: str, line: Line, lines: Iterable[Line], marks: Line) -> LabelPlace:
    """Return the first place beside a point of `line` that is free in charts of all WIDTHS, or the one least covered.

    lines: all lines of the chart, `line` included. marks: the middles of its points.
    """
    candidates = [
        LabelPlace(point, align, dy) for dy in SHIFTS for point in range(len(line)) for align in ("left", "right")
    ]
    drawn = [np.array(marks), *(_along(each) for each in lines)]
    return min(candidates, key=lambda place: _covered(place, len(text) * LETTER, line, np.concatenate(drawn)))


def _along(line: Line) -> np.ndarray:
    """Return places so close on a line that none of its parts can cross a name unseen, (N, 2)."""
    parts = [np.linspace(begin, end, 200) for begin, end in pairwise(line)]
    return np.concatenate(parts) if parts else np.array(line).reshape(-1, 2)


def _covered(place: LabelPlace, width: float, line: Line, drawn: np.ndarray) -> int:
    """Count what a name there covers, in charts of all WIDTHS; much if it leaves the chart."""
    covered = 0
    for chart in WIDTHS:
        scale, shift = np.array([chart - 2 * PADDING, HEIGHT]), np.array([PADDING, 0])
        x, y = line[place.point] * scale + shift + (place.dx, place.dy)
        left, top = (x if place.align == "left" else x - width), y - TEXT_HEIGHT / 2
        if left < 0 or left + width > chart or top < 0 or top + TEXT_HEIGHT > HEIGHT:
            covered += 10_000
        spots = drawn * scale + shift
        within = (spots >= (left - ROUND, top - ROUND)) & (spots <= (left + width + ROUND, top + TEXT_HEIGHT + ROUND))
        covered += int(within.all(1).sum())
    return covered
