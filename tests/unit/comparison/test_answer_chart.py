"""The chart of the answer draws what the rule compares."""

import numpy as np
import pandas as pd
import pytest

from elbowroom.comparison.answer import by_series, size_answers
from elbowroom.comparison.answer_chart import answer_figure
from elbowroom.core.settings import Study
from elbowroom.report.vega_answer import answer_chart
from elbowroom.results.outcomes import State
from elbowroom.results.rows import SizeAnswer
from elbowroom.results.tables import Measured
from tests.support.tables import history


@pytest.fixture
def rows(study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame) -> list[SizeAnswer]:
    """Eight sizes: the loss falls up to 16 latents. 256 latents train worse by 20 nats."""
    worse = seeds.variant == "mnist-z256"
    seeds.loc[worse, ["test_loss", "train_loss"]] += 20
    spectrum = pd.DataFrame({"variant": "mnist-z2", "seed": 0, "rank": [1, 2], "kl": [1.0, 0.5]}, index=[0, 1])
    measured = Measured(seeds, history(list(study.variants)), spectrum, baselines)
    (found,) = by_series(size_answers(study, measured))
    return found


def test_the_answer_of_the_made_up_study(rows: list[SizeAnswer]) -> None:
    assert [row.state for row in rows] == [State.TOO_FEW] * 3 + [State.UNDECIDED] * 3 + [
        State.LARGEST,
        State.UNDERTRAINED,
    ]
    assert [row.used for row in rows] == [2, 4, 8, 14, 14, 14, 14, 14]


def test_points_bounds_and_the_margin_are_drawn(rows: list[SizeAnswer]) -> None:
    (axes,) = answer_figure([rows], "mnist").axes
    drawn = {str(line.get_label()): line for line in axes.lines}
    np.testing.assert_allclose(drawn["mean over seeds"].get_ydata(), [row.test_loss for row in rows])
    assert list(drawn["trained too little, or unclear"].get_xdata()) == [256]
    np.testing.assert_allclose(drawn["exact linear VAE"].get_ydata(), [row.linear_loss for row in rows])
    (bars,) = axes.collections
    for row, bar in zip(rows, bars.get_segments(), strict=False):
        best = row.test_loss - row.excess
        np.testing.assert_allclose(bar[:, 1], [best + row.excess_low, best + row.excess_high])


def test_the_browsers_chart_has_the_same_numbers(rows: list[SizeAnswer]) -> None:
    spec = answer_chart(rows)
    values = [row for data in spec["datasets"].values() for row in data if "verdict" in row]
    assert {row["latent_dim"] for row in values} == {row.latent_dim for row in rows}
