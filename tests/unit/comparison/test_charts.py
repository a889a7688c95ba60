"""Charts of a comparison draw what is in their tables."""

import numpy as np

from elbowroom.comparison import charts
from elbowroom.figures.colours import PALETTE, of_names
from tests.support.tables import history


def test_curves_draw_the_numbers_of_the_table() -> None:
    table = history(["a", "b"])
    figure = charts.compared_curves(table, "title", of_names("xab"))
    panels = figure.axes
    assert [axes.get_title() for axes in panels] == [
        "train loss",
        "test loss",
        "test distortion (reconstruction)",
        "test rate (KL)",
    ]
    line = panels[1].lines[0]
    assert line.get_color() == PALETTE[1]  # that of its place in the study
    np.testing.assert_allclose(line.get_xdata(), [1, 2, 3])
    np.testing.assert_allclose(line.get_ydata(), [9.5, 5.0, 3.5])  # the mean over both seeds
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
    assert all(axes.get_ylabel() == "nats per image" for axes in panels)
