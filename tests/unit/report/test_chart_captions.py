"""A caption names what its chart has, and nothing else; a line's name covers no line."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from elbowroom.report.chart_captions import answer_caption
from elbowroom.report.label_place import HEIGHT, PADDING, WIDTHS, place_of
from elbowroom.results.outcomes import State
from elbowroom.results.rows import SizeAnswer, TruncatedPoint
from tests.support.answers import ROW

ENOUGH = replace(ROW, linear_loss=61.0, excess_low=-1.0, excess_high=1.0)
LARGE = replace(ENOUGH, variant="z32", latent_dim=32, state=State.ROOMY, test_loss=60.5, excess_low=math.nan)
LARGE = replace(LARGE, excess=math.nan, excess_high=math.nan)
SMALL = replace(
    ENOUGH, variant="z8", latent_dim=8, state=State.TOO_FEW, test_loss=90.0, excess_low=29.9, excess_high=30.1
)
CUT = [TruncatedPoint("mnist", "z16", 16, kept, 60 + 16 / kept, 0.0, 0.0) for kept in (4, 8, 16)]
WORDS = ("band", "bar", "above the band is too few", "green ring", "hollow", "orange line", "ring on it", "dashed grey")


@pytest.mark.parametrize(
    ("rows", "cut", "words"),
    [
        ([ENOUGH, LARGE], [], {"band", "bar", "green ring", "dashed grey"}),
        ([SMALL, LARGE], [], {"band", "above the band is too few", "dashed grey"}),  # its bar is shorter than a point
        (
            [replace(SMALL, linear_loss=math.nan), replace(LARGE, linear_loss=190.0)],  # beyond the frame
            [],
            {"band", "above the band is too few"},
        ),
        (
            [ENOUGH, replace(LARGE, state=State.UNDERTRAINED)],
            [],
            {"band", "bar", "green ring", "hollow", "dashed grey"},
        ),
        ([ENOUGH, LARGE], CUT, {"band", "bar", "green ring", "orange line", "dashed grey"}),
        (
            [replace(ENOUGH, cut=8.0), LARGE],
            CUT,
            {"band", "bar", "green ring", "orange line", "ring on it", "dashed grey"},
        ),
    ],
)
def test_a_caption_names_what_the_chart_has(rows: list[SizeAnswer], cut: list[TruncatedPoint], words: set[str]) -> None:
    said = answer_caption([rows], cut).lower()
    assert {word for word in WORDS if word in said} == words


def test_above_the_band_is_not_too_few_beside_a_smaller_size_that_is_undecided() -> None:
    wide = replace(SMALL, excess_low=17.0, excess_high=58.0)
    smaller = replace(wide, variant="z4", latent_dim=4, state=State.UNDECIDED, excess_low=-200.0, excess_high=406.0)
    above = "A bar that begins above the band means too few"
    assert f"{above}. " in answer_caption([[wide, LARGE]], [])
    both = [smaller, replace(wide, state=State.UNDECIDED), LARGE]
    assert f"{above}, unless it or a smaller size is still open. " in answer_caption([both], [])


def test_without_a_margin_there_is_no_band_and_no_bar() -> None:
    rows = [replace(row, state=State.COLLAPSED, margin=-0.03, explained=-3.0) for row in (ENOUGH, LARGE)]
    said = answer_caption([rows], [])
    assert "band" not in said
    assert "bar" not in said


def test_a_name_is_where_no_line_and_no_point_is() -> None:
    """In a chart of any width: two lines fall beside each other, and a third is where the first place would be."""
    line = [(0.3, 0.05), (0.6, 0.08), (1.0, 0.1)]
    others = [[(0.3, 0.03), (1.0, 0.1)], [(0.0, 0.5), (1.0, 0.5)]]
    place = place_of("best model, cut down", line, [line, *others], [(1.0, 0.1)])
    for width in WIDTHS:
        x, y = (
            line[place.point][0] * (width - 2 * PADDING) + PADDING + place.dx,
            line[place.point][1] * HEIGHT + place.dy,
        )
        left = x if place.align == "left" else x - 110
        assert 0 <= left <= width - 110
        for each in (line, *others):
            for (x0, y0), (x1, y1) in pairwise(each):
                for step in range(101):
                    across = (x0 + (x1 - x0) * step / 100) * (width - 2 * PADDING) + PADDING
                    down = (y0 + (y1 - y0) * step / 100) * HEIGHT
                    assert not (left <= across <= left + 110 and abs(down - y) <= 6)
