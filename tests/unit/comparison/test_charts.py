"""Charts of a comparison draw what is in their tables."""

import numpy as np
import pandas as pd
import pytest

from elbowroom.comparison import charts
from elbowroom.comparison.latent_curves import CURVES, FAR, elbows, latent_curves
from elbowroom.comparison.summary import shown_baselines, summarise
from elbowroom.core.settings import Study
from elbowroom.figures.colours import PALETTE, distinct_colours
from elbowroom.results.metrics import METRICS
from elbowroom.results.rows import Baseline, LatentPoint, SeriesElbow
from elbowroom.results.schema import to_table
from tests.support.tables import history


def test_curves_draw_the_numbers_of_the_table() -> None:
    table = history(["a", "b"])
    figure = charts.curves_figure(table, "title", distinct_colours("xab"))
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


def test_latents_and_plane_show_every_point(study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame) -> None:
    variants, shown = summarise(study, seeds, baselines, []), shown_baselines(study, baselines)
    curves = to_table(LatentPoint, latent_curves(study, seeds, shown))
    figure = charts.latents_figure(curves, to_table(SeriesElbow, elbows(study, seeds)), "mnist")
    assert [axes.get_title() for axes in figure.axes] == [METRICS[name].label for name in CURVES]
    assert [axes.get_ylabel() for axes in figure.axes] == [*["nats per image"] * 3, "latents"]
    for axes, metric in zip(figure.axes, CURVES, strict=True):
        drawn = {str(line.get_label()).partition(" (")[0]: line.get_xydata() for line in axes.lines}
        for series, points in curves[curves.metric == metric].groupby("series"):
            np.testing.assert_allclose(drawn[series], points[["latent_dim", "value"]])
            bottom, top = axes.get_ylim()
            assert series in FAR or points.value.between(bottom, top).all()
    vaes = variants[variants.variant != "mnist-ae128"]
    colours = distinct_colours(study.variants)
    (axes,) = charts.plane_figure(vaes, shown, "mnist", colours).axes
    labels = axes.get_legend_handles_labels()[1]
    assert set(labels) == {*vaes.variant, "linear VAE", "mean image (0, 212)"}
    assert vaes.test_rate.between(*axes.get_xlim()).all()
    assert vaes.test_distortion.between(*axes.get_ylim()).all()


def test_linear_vaes_that_are_all_the_same_are_drawn_as_a_dot(
    study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame
) -> None:
    vaes = summarise(study, seeds, baselines, []).query("variant != 'mnist-ae128'")
    shown = shown_baselines(study, baselines)
    for rates, marker in (([37.8, 37.8], "."), ([30.0, 37.8], "None")):
        linear = shown[shown.baseline == Baseline.LINEAR_VAE][:2].assign(test_rate=rates)
        drawn = pd.concat([linear, shown[shown.baseline == Baseline.MEAN_IMAGE]])
        (axes,) = charts.plane_figure(vaes, drawn, "mnist", distinct_colours(study.variants)).axes
        assert [line.get_marker() for line in axes.lines if line.get_label() == "linear VAE"] == [marker]


def test_more_series_than_the_palette_has_are_drawn(seeds: pd.DataFrame, study: Study, baselines: pd.DataFrame) -> None:
    variants, rows = {}, []
    for beta in range(1, 11):
        for size in (4, 8):
            name = f"b{beta}-z{size}"
            variants[name] = study.variants["mnist-z8"].model_copy(update={"latent_dim": size, "beta": float(beta)})
            rows.append(seeds[seeds.variant == "mnist-z8"].assign(variant=name))
    many = study.model_copy(update={"variants": variants})
    table = pd.concat(rows)
    curves = to_table(LatentPoint, latent_curves(many, table, shown_baselines(many, baselines)))
    figure = charts.latents_figure(curves, to_table(SeriesElbow, elbows(many, table)), "many")
    drawn = [axes for axes in figure.axes if axes.get_title() == METRICS["iwae_nll"].label]
    assert len([line for line in drawn[0].lines if "beta" in str(line.get_label())]) == 10


@pytest.mark.parametrize(
    ("settings", "metrics"),
    [
        (
            {"beta": 4.0},
            ["test_distortion", "iwae_nll", "used_latents"],
        ),  # at another beta than 1 the loss is another one
        ({"model": "ae", "beta": 0.0}, ["test_distortion"]),
    ],
)
def test_metrics_that_no_variant_has_are_left_out(
    study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame, settings: dict, metrics: list[str]
) -> None:
    like = study.variants["mnist-z8"].model_copy(update=settings)
    sweep = {f"z{size}": like.model_copy(update={"latent_dim": size}) for size in (4, 8)}
    swept = study.model_copy(update={"variants": sweep})
    table = pd.concat(seeds[seeds.variant == "mnist-z8"].assign(variant=name) for name in sweep)
    curves = to_table(LatentPoint, latent_curves(swept, table, shown_baselines(swept, baselines)))
    figure = charts.latents_figure(curves, to_table(SeriesElbow, elbows(swept, table)), "sweep")
    assert [axes.get_title() for axes in figure.axes] == [METRICS[name].label for name in metrics]
