"""The chart of the answer draws what the rule compares."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from elbowroom.comparison.answer import by_series, size_answers
from elbowroom.comparison.answer_chart import answer_figure
from elbowroom.comparison.enough import Losses, judge_sizes
from elbowroom.comparison.truncated_curves import answer_view, truncated_points
from elbowroom.core.settings import Study
from elbowroom.report.vega_answer import answer_chart
from elbowroom.results.outcomes import State
from elbowroom.results.rows import SizeAnswer, TruncatedPoint
from elbowroom.results.tables import Measurements
from tests.support.tables import history


@pytest.fixture
def rows(study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame) -> list[SizeAnswer]:
    """Eight sizes: the loss falls up to 16 latents. 256 latents train worse by 20 nats."""
    worse = seeds.variant == "mnist-z256"
    seeds.loc[worse, ["test_loss", "train_loss"]] += 20
    measured = Measurements(
        seeds, history(list(study.variants)), pd.DataFrame(), pd.DataFrame(), baselines, pd.DataFrame()
    )
    (found,) = by_series(size_answers(study, measured))
    return found


def test_the_answer_of_the_made_up_study(rows: list[SizeAnswer]) -> None:
    assert [row.state for row in rows] == [State.TOO_FEW] * 3 + [State.UNDECIDED] * 3 + [
        State.LARGEST_KEPT,
        State.UNDERTRAINED,
    ]
    assert [row.used for row in rows] == [2, 4, 8, 14, 14, 14, 14, 14]


def test_points_bounds_and_the_margin_are_drawn(rows: list[SizeAnswer]) -> None:
    (axes,) = answer_figure([rows], [], "mnist").axes
    drawn = {str(line.get_label()): line for line in axes.lines}
    np.testing.assert_allclose(drawn["mean over seeds"].get_ydata(), [row.test_loss for row in rows])
    assert list(drawn["trained too little, or unclear"].get_xdata()) == [256]
    np.testing.assert_allclose(drawn["exact linear VAE"].get_ydata(), [row.linear_loss for row in rows])
    (bars,) = axes.collections
    ribbon = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    best = min(row.test_loss for row in rows if row.state is not State.UNDERTRAINED)
    np.testing.assert_allclose([ribbon.y0, ribbon.y1], [best, best + rows[0].margin])
    for row, bar in zip(rows, bars.get_segments(), strict=False):
        np.testing.assert_allclose(bar[:, 1], [best + row.excess_low, best + row.excess_high])


def test_a_bar_that_begins_above_the_ribbon_means_too_few() -> None:
    """As the caption says, also where the best larger size is not the best of all."""
    generator = np.random.default_rng(0)
    drawn = set()
    for _ in range(200):
        means = 100 + 3 * generator.standard_normal(5).cumsum()
        test = Losses.of(mean + generator.normal(0, 0.5, 3) for mean in means)
        train = Losses.of(-size + generator.normal(0, 0.1, 3) for size in range(5))
        found = judge_sizes(test, train, 200.0, 0.01, 0.95)
        best = test.mean.min()
        for low, high, state in zip(found.excess_low, found.excess_high, found.state, strict=True):
            if state == State.TOO_FEW:
                assert best + low > best + found.margin
            if state in (State.ENOUGH, State.ROOMY) and not np.isnan(high):
                assert best + high <= best + found.margin
            drawn.add(str(state))
    assert {"enough", "too few", "roomy"} <= drawn


def test_the_browsers_chart_has_the_same_numbers(rows: list[SizeAnswer]) -> None:
    rows = with_best_128(rows)
    spec = answer_chart(rows, cut_128(rows))
    values = [row for data in spec["datasets"].values() for row in data]
    assert {row["latent_dim"] for row in values if "verdict" in row} == {row.latent_dim for row in rows}
    view = answer_view(rows, cut_128(rows))
    drawn = [{"latent_dim": point.kept, "test_loss": point.loss} for point in view.cut]
    assert any(data == drawn for data in spec["datasets"].values())
    assert spec["layer"][0]["encoding"]["y"]["scale"]["domain"] == [view.low, view.high]


def with_best_128(rows: list[SizeAnswer]) -> list[SizeAnswer]:
    return [replace(row, test_loss=row.test_loss - 1) if row.latent_dim == 128 else row for row in rows]


def cut_128(rows: list[SizeAnswer]) -> list[TruncatedPoint]:
    """The models with 128 and 256 latents, cut down to k: they lose 512 / k - 4 nats."""
    return [
        TruncatedPoint("mnist", row.variant, row.latent_dim, kept, row.test_loss + 512 / max(kept, 0.5) - 4, 0.0, 0.0)
        for row in rows[-2:]
        for kept in (0, 1, 2, 4, 8, 16, 32, 64, 128)
    ]


def test_the_best_size_is_drawn_cut_down(rows: list[SizeAnswer]) -> None:
    """As far as it is near the trained sizes: it does not stretch the axis."""
    rows = with_best_128(rows)
    points = cut_128(rows)
    (axes,) = answer_figure([rows], points, "mnist").axes
    (without,) = answer_figure([rows], [], "mnist").axes
    assert axes.get_ylim() == without.get_ylim()
    low, high = axes.get_ylim()
    assert all(low < row.test_loss < high for row in rows)
    (line,) = (line for line in axes.lines if str(line.get_label()).startswith("best model"))
    kept, losses = (np.asarray(values) for values in line.get_data())
    assert list(kept[-3:]) == [32, 64, 128]
    assert losses[-1] == pytest.approx(rows[-2].test_loss)  # the model itself
    assert losses[0] > high > losses[1]  # the line leaves the chart
    better = [replace(point, loss=low - 5) if point.kept == 32 else point for point in points]
    assert answer_view(rows, better).low < low - 5  # a point below all others is in the frame, too
    other = [replace(row, test_loss=low) if row.latent_dim == 64 else row for row in rows]
    assert answer_view(other, points).cut == []  # the points of the next best were not measured


def test_a_far_linear_vae_does_not_stretch_the_axis(rows: list[SizeAnswer]) -> None:
    """Its line leaves the frame where it is far; if all of it is, neither chart has it."""
    far = [replace(row, linear_loss=10 * row.test_loss) for row in rows]
    near = [replace(rows[0], linear_loss=rows[0].test_loss), *far[1:]]
    assert (answer_view(near, []).linear, answer_view(far, []).linear) == (near, [])
    assert answer_view(near, [])[:2] == answer_view(far, [])[:2]
    lines = {str(line.get_label()) for line in answer_figure([far], [], "mnist").axes[0].lines}
    assert lines >= {"mean over seeds"}
    assert "exact linear VAE" not in lines
    assert "exact linear VAE" in str(answer_chart(near, []))
    assert "exact linear VAE" not in str(answer_chart(far, []))
    better = [replace(row, linear_loss=10.0) for row in rows]  # than each of these models: that must be seen
    assert answer_view(better, []).linear == better
    assert answer_view(better, []).low < 10


def test_points_are_means_over_seeds(study: Study) -> None:
    cut = {"dataset": "mnist", "variant": "mnist-z4", "kept": [0, 4] * 2, "distortion": 1.0, "rate": 0.0}
    table = pd.DataFrame(cut | {"seed": [0, 0, 1, 1], "loss": [200.0, 100.0, 204.0, 101.0]})
    found = truncated_points(study, table)
    assert [(point.latent_dim, point.kept, point.loss) for point in found] == [(4, 0, 202), (4, 4, 100.5)]
    assert truncated_points(study, table[:0]) == []
