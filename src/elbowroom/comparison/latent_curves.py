"""What more latents buy: metrics over the latent size, for each series and for baselines, and where the loss bends."""

from collections.abc import Iterator
from dataclasses import asdict

import pandas as pd

from elbowroom.comparison.elbow import FEWEST_SIZES, find_elbow
from elbowroom.core.settings import Study
from elbowroom.results.families import LossFamily, SizeSeries, all_series, families
from elbowroom.results.rows import Baseline, BaselineRow, LatentPoint, SeriesElbow
from elbowroom.results.schema import to_rows

CURVES = ("test_loss", "test_distortion", "iwae_nll", "used_latents")
BENDS = ("test_loss", "iwae_nll")
FAR = (Baseline.MEAN_IMAGE, Baseline.FLOOR)  # would squeeze a chart's other lines: drawn if near them
EVERY_LATENT = "every latent"  # the line on which all latents are used
SHOWN_IN = {
    Baseline.MEAN_IMAGE: ("test_loss", "test_distortion"),
    Baseline.LINEAR_VAE: ("test_loss", "test_distortion", "used_latents"),
    Baseline.PCA: ("test_distortion",),
    Baseline.FLOOR: ("test_distortion",),
}


def latent_curves(study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame) -> list[LatentPoint]:
    """Return the points of every family that has a series of two members or more.

    seeds: variant, seed and metrics, a row for each trained seed. baselines: as summary.shown_baselines returns them.

    Baselines are series too, of the metrics that a series of variants has; the mean image and the floor are the same
    at every size, PCA and the floor have only a distortion. An autoencoder, too, has only a distortion. At another beta
    than 1 the loss is another quantity and is left out.
    """
    points: list[LatentPoint] = []
    several = [series for series in all_series(study) if len(series.members) > 1]
    for family, variants in families(study).items():
        own = [series for series in several if series.family == family]
        if not own:
            continue
        measured = [point for series in own for point in _points(study, series, seeds)]
        sizes = sorted({variant.latent_dim for variant in variants.values()})
        beside: list[LatentPoint] = []
        for baseline in to_rows(BaselineRow, family.rows(baselines)):
            beside += _baseline_points(family, baseline, sizes)
        beside += [_exact(family, "used_latents", EVERY_LATENT, size, size) for size in sizes]
        metrics = {point.metric for point in measured}
        points += [*measured, *(point for point in beside if point.metric in metrics)]
    return points


def _points(study: Study, series: SizeSeries, seeds: pd.DataFrame) -> Iterator[LatentPoint]:
    first = study.variants[series.members[0]]
    for metric in CURVES:
        if metric != "test_distortion" and (first.model == "ae" or (metric == "test_loss" and first.beta != 1)):
            continue
        for name in series.members:
            values = seeds[seeds.variant == name][metric].dropna()
            if values.empty:
                continue
            yield LatentPoint(
                **asdict(series.family),
                metric=metric,
                series=series.label,
                latent_dim=study.variants[name].latent_dim,
                value=values.mean(),
                low=values.min(),
                high=values.max(),
            )


def _baseline_points(family: LossFamily, baseline: BaselineRow, sizes: list[int]) -> Iterator[LatentPoint]:
    for size in sizes if pd.isna(baseline.latent_dim) else [int(baseline.latent_dim)]:
        for metric in SHOWN_IN[baseline.baseline]:
            value = getattr(baseline, metric)
            if pd.notna(value):
                yield _exact(family, metric, baseline.baseline, size, value)


def _exact(family: LossFamily, metric: str, series: str, size: int, value: float) -> LatentPoint:
    """Return a point without a spread."""
    return LatentPoint(
        **asdict(family), metric=metric, series=series, latent_dim=size, value=value, low=value, high=value
    )


def elbows(study: Study, seeds: pd.DataFrame) -> list[SeriesElbow]:
    """Return where the loss of each series of at least four sizes bends, for each metric of BENDS."""
    rows = []
    for series in all_series(study):
        sizes = {study.variants[name].latent_dim: name for name in series.members}
        if len(sizes) < FEWEST_SIZES:
            continue
        own = seeds[seeds.variant.isin(series.members)]
        for metric in BENDS:
            by_seed = own.pivot(index="seed", columns="variant", values=metric)
            losses = by_seed.rename(columns={name: size for size, name in sizes.items()})
            found = find_elbow(list(sizes), losses)
            rows.append(SeriesElbow(**asdict(series.family), series=series.label, metric=metric, **asdict(found)))
    return rows
