"""Tables that set variants beside each other: means, verdicts, baselines at the study's sizes, curves and elbows."""

import numpy as np
import pandas as pd
import pytest

from elbowroom.comparison import charts, summary
from elbowroom.core.files import load_csv
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.figures.colours import of_names
from tests.support import ROOT

SIZES = [2, 4, 8, 16, 32, 64, 128, 256]


@pytest.fixture
def study() -> Study:
    """MNIST at eight latent sizes, one of them also with beta 1000, and an autoencoder."""
    root = load_study(ROOT / "params.yaml")
    base = root.variants["mnist-z128"]
    variants = {f"mnist-z{size}": base.model_copy(update={"latent_dim": size}) for size in SIZES}
    variants["collapsed"] = base.model_copy(update={"latent_dim": 16, "beta": 1000.0})
    variants["mnist-ae128"] = root.variants["mnist-ae128"]
    return root.model_copy(update={"variants": variants})


@pytest.fixture
def seeds(study: Study) -> pd.DataFrame:
    """A loss that falls by 30 nats with each doubling until 16 latents, and then no more; 14 latents active at most."""
    rows = []
    for name, variant in study.variants.items():
        for seed in (0, 1, 2):
            loss = 60 + 30 * max(0.0, np.log2(16 / variant.latent_dim)) + seed + 0.1 * len(name)
            row = {"test_loss": loss, "active_units": float(min(variant.latent_dim, 14)), "iwae_nll": loss - 5}
            if variant.beta == 1000:
                row |= {"test_loss": 211.7, "active_units": 0.0}
            if variant.model == "ae":
                row["iwae_nll"] = float("nan")
            rate = 0.0 if variant.model == "ae" else 20.0
            row |= {"test_rate": rate, "test_distortion": row["test_loss"] - rate, "parameters": 1000}
            rows.append({"dataset": "mnist", "variant": name, "seed": seed, **row})
    return pd.DataFrame(rows)


@pytest.fixture
def baselines() -> pd.DataFrame:
    rows = []
    for likelihood, pixel_range in (("gaussian", "[-1, 1]"), ("gaussian", "[0, 1]"), ("bernoulli", "[0, 1]")):
        family = {"dataset": "mnist", "likelihood": likelihood, "pixel_range": pixel_range}
        rows.append(
            {**family, "baseline": "mean image", "test_loss": 211.6, "test_distortion": 211.6, "test_rate": 0.0}
        )
        for size in range(1, 300):
            rows.append(
                {
                    **family,
                    "baseline": "PCA",
                    "latent_dim": size,
                    "test_loss": 200 / size,
                    "test_distortion": 200 / size,
                }
            )
            active = min(size, 62)
            linear = {"test_loss": 220 - active, "test_rate": active, "test_distortion": 220.0 - 2 * active}
            rows.append({**family, "baseline": "linear VAE", "latent_dim": size, "active_units": active, **linear})
    return pd.DataFrame(rows)


def test_a_variant_has_its_means_its_family_and_its_verdict(
    study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame
) -> None:
    table = summary.summary(study, seeds, baselines).set_index("variant")
    assert list(table.index) == list(study.variants)
    assert set(table.pixel_range) == {"[-1, 1]"}
    assert table.test_loss["mnist-z16"] == seeds[seeds.variant == "mnist-z16"].test_loss.mean()
    assert table.test_loss_sd["mnist-z16"] == pytest.approx(1)
    verdicts = table.verdict.to_dict()
    assert verdicts.pop("mnist-ae128") == ""
    assert verdicts.pop("collapsed") == "collapsed"
    assert verdicts == {f"mnist-z{size}": "starved" if size <= 8 else "saturated" for size in SIZES}


def test_baselines_are_shown_at_the_sizes_of_the_study(study: Study, baselines: pd.DataFrame) -> None:
    shown = summary.shown_baselines(study, baselines)
    assert set(shown.pixel_range) == {"[-1, 1]"}  # no variant is of the other families
    assert sorted(shown[shown.baseline == "PCA"].latent_dim) == SIZES
    assert (shown.baseline == "mean image").sum() == 1


def test_curves_join_variants_that_differ_in_their_size_alone(
    study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame
) -> None:
    curves = summary.by_latents(study, seeds, baselines)
    losses = curves[curves.metric == "test_loss"]
    assert set(losses.series) == {"width 32", "mean image", "linear VAE"}  # a single size is no curve
    distortions = curves[curves.metric == "test_distortion"]
    assert set(distortions.series) == {"width 32", "mean image", "PCA", "linear VAE"}  # PCA has no rate
    ours = losses[losses.series == "width 32"]
    assert list(ours.latent_dim) == SIZES
    assert (ours.high - ours.low).to_list() == pytest.approx([2] * 8)
    assert (ours.value - ours.low).to_list() == pytest.approx([1] * 8)
    assert set(losses[losses.series == "mean image"].value) == {211.6}
    units = curves[curves.metric == "active_units"].set_index(["series", "latent_dim"]).value
    assert units["width 32", 256] == 14
    assert units["linear VAE", 256] == 62
    assert units["every latent", 256] == 256


def test_the_elbow_is_where_the_curve_bends(study: Study, seeds: pd.DataFrame) -> None:
    found = summary.elbows(study, seeds)
    assert list(found.metric) == ["test_loss", "iwae_nll"]
    assert found.latent_dim.to_list() == pytest.approx([16, 16], rel=0.05)
    assert set(found.seeds) == {3}
    assert summary.elbows(load_study(ROOT / "params.yaml"), seeds[:0]).empty


def test_charts_show_every_point(study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame) -> None:
    variants = summary.summary(study, seeds, baselines)
    curves, found = summary.by_latents(study, seeds, baselines), summary.elbows(study, seeds)
    figure = charts.by_latents(curves, found, "mnist")
    assert [axes.get_title() for axes in figure.axes] == list(charts.METRICS.values())
    for axes, metric in zip(figure.axes, charts.METRICS, strict=True):
        drawn = {str(line.get_label()).partition(" (")[0]: line.get_xydata() for line in axes.lines}
        for series, points in curves[curves.metric == metric].groupby("series"):
            np.testing.assert_allclose(drawn[series], points[["latent_dim", "value"]])
            bottom, top = axes.get_ylim()
            assert series in charts.FAR or points.value.between(bottom, top).all()
    vaes = variants[variants.variant != "mnist-ae128"]
    colours = of_names(study.variants)
    (axes,) = charts.plane(vaes, summary.shown_baselines(study, baselines), "mnist", colours).axes
    labels = axes.get_legend_handles_labels()[1]
    assert set(labels) == {*vaes.variant, "linear VAE", "mean image (0, 212)"}
    assert vaes.test_rate.between(*axes.get_xlim()).all()
    assert vaes.test_distortion.between(*axes.get_ylim()).all()


def test_linear_vaes_that_are_all_the_same_are_a_dot(
    study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame
) -> None:
    vaes = summary.summary(study, seeds, baselines).query("variant != 'mnist-ae128'")
    shown = summary.shown_baselines(study, baselines)
    for rates, marker in (([37.8, 37.8], "."), ([30.0, 37.8], "None")):
        linear = shown[shown.baseline == "linear VAE"][:2].assign(test_rate=rates)
        drawn = pd.concat([linear, shown[shown.baseline == "mean image"]])
        (axes,) = charts.plane(vaes, drawn, "mnist", of_names(study.variants)).axes
        assert [line.get_marker() for line in axes.lines if line.get_label() == "linear VAE"] == [marker]


def test_pictures_of_families_have_names_of_their_own() -> None:
    families = [
        ("mnist", "gaussian", "[-1, 1]"),
        ("mnist", "gaussian", "[0, 1]"),
        ("mnist", "gaussian_optimal", "[0, 1]"),
    ]
    assert [summary.slug(family) for family in families] == [
        "mnist-gaussian-pm1",
        "mnist-gaussian-01",
        "mnist-gaussian-optimal-01",
    ]


def test_sizes_that_differ_in_more_than_the_size_are_no_curve(
    study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame
) -> None:
    wide = study.variants["mnist-z8"].model_copy(update={"channels": 64})
    two = study.model_copy(update={"variants": {"mnist-z4": study.variants["mnist-z4"], "mnist-z8": wide}})
    assert summary.by_latents(two, seeds, baselines).empty


def test_more_series_than_the_palette_has_are_drawn(seeds: pd.DataFrame, study: Study, baselines: pd.DataFrame) -> None:
    variants, rows = {}, []
    for beta in range(1, 11):
        for size in (4, 8):
            name = f"b{beta}-z{size}"
            variants[name] = study.variants["mnist-z8"].model_copy(update={"latent_dim": size, "beta": float(beta)})
            rows.append(seeds[seeds.variant == "mnist-z8"].assign(variant=name))
    many = study.model_copy(update={"variants": variants})
    table = pd.concat(rows)
    figure = charts.by_latents(summary.by_latents(many, table, baselines), summary.elbows(many, table), "many")
    drawn = [axes for axes in figure.axes if axes.get_title() == charts.METRICS["iwae_nll"]]
    assert len([line for line in drawn[0].lines if "beta" in str(line.get_label())]) == 10


def test_the_committed_elbow_agrees_with_its_own_seeds() -> None:
    """Verdicts and elbows anew from metrics/ of studies/elbow; two latents are starved, a beta of 1000 collapses."""
    folder = ROOT / "studies/elbow"
    study = load_study(folder / "params.yaml")
    parts = [load_csv(folder / f"metrics/{name}.csv").assign(dataset=v.dataset) for name, v in study.variants.items()]
    seeds = pd.concat(parts, ignore_index=True)
    baselines = pd.concat([load_csv(folder / f"metrics/baselines/{name}.csv") for name in study.datasets])
    committed = load_csv(folder / "report/comparison/variants.csv", ["verdict"]).set_index("variant")
    verdicts = summary.summary(study, seeds, baselines).set_index("variant").verdict
    assert verdicts.to_dict() == committed.verdict.to_dict()
    assert verdicts["mnist-z2"] == "starved"
    assert verdicts["mnist-z256"] == "saturated"
    assert verdicts["mnist-z16-beta1000"] == "collapsed"
    found = load_csv(folder / "report/comparison/elbows.csv", ["result"])
    assert set(found.dataset) == set(study.datasets)
    assert found.result.to_list() == summary.elbows(study, seeds).result.to_list()
    readme = (ROOT / "README.md").read_text()
    assert all(result in readme for result in found[found.metric == "test_loss"].result)


@pytest.mark.parametrize("count", [1, 8, 9, 30])
def test_every_variant_has_a_colour_of_its_own(count: int) -> None:
    names = [f"v{number}" for number in range(count)]
    colours = of_names(names)
    assert list(colours) == names
    assert len(set(colours.values())) == count


def test_a_lone_size_is_called_by_what_sets_it_apart_from_the_series() -> None:
    study = load_study(ROOT / "params.yaml")
    measured = dict.fromkeys(["test_loss", "active_units", "test_distortion", "parameters"], 1.0)
    seeds = [{"dataset": v.dataset, "variant": name, "seed": 0, **measured} for name, v in study.variants.items()]
    families = [("mnist", "gaussian", "[-1, 1]"), ("cifar10", "bernoulli", "[0, 1]")]
    mean_image = pd.DataFrame(families, columns=summary.LOSS_FAMILY).assign(baseline="mean image", **measured)
    series = summary.summary(study, pd.DataFrame(seeds), mean_image).set_index("variant").series
    assert series["cifar10-z4-c32"] == series["cifar10-z8-c32"] == "width 32"
    assert series["cifar10-z8-c64"] == "width 64"
    assert series["cifar10-ae16"] == "AE, beta 0"
