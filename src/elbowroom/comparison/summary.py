"""What a study found, as tables that set its variants beside each other and beside the baselines."""

from itertools import pairwise

import pandas as pd

from elbowroom.comparison.audit import audit
from elbowroom.comparison.latent_curves import elbows, latent_curves
from elbowroom.comparison.pairs import comparisons
from elbowroom.comparison.published import against_published
from elbowroom.comparison.verdict import verdict
from elbowroom.core.settings import Study
from elbowroom.results.families import LossFamily, all_series, families
from elbowroom.results.outcomes import Verdict
from elbowroom.results.rows import (
    AuditedClaim,
    Baseline,
    BaselineRow,
    Difference,
    LatentPoint,
    PublishedNumber,
    SeriesElbow,
)
from elbowroom.results.schema import to_rows, to_table
from elbowroom.results.tables import Comparison, Measured


def compare(study: Study, measured: Measured) -> Comparison:
    """Work out every table of report/comparison."""
    is_vae = [study.variants[name].model == "vae" for name in measured.spectrum.variant]  # an autoencoder has no KL
    variants = summarise(study, measured.seeds, measured.baselines)
    baselines = shown_baselines(study, measured.baselines)
    published = against_published(study, variants.set_index("variant"), measured.history)
    return Comparison(
        variants=variants,
        baselines=baselines,
        latents=to_table(LatentPoint, latent_curves(study, measured.seeds, baselines)),
        differences=to_table(Difference, comparisons(study, measured.seeds)),
        elbows=to_table(SeriesElbow, elbows(study, measured.seeds)),
        curves=_mean_over_seeds(measured.history, ["split", "epoch"]).round(4),
        spectrum=_mean_over_seeds(measured.spectrum[is_vae], ["rank"]),
        claims=to_table(AuditedClaim, audit(study, measured.seeds)),
        published=to_table(PublishedNumber, published),
    )


def summarise(study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame) -> pd.DataFrame:
    """Return the table of variants, a row for each.

    seeds: dataset, variant, seed and metrics, a row for each trained seed. baselines: those of all datasets.

    Columns: family and series; the mean and the deviation (NAME_sd) over seeds of each metric; above_floor, the test
    distortion minus the floor that no reconstruction can go below, nan unless Bernoulli; and the verdict, which an
    autoencoder does not have.
    """
    table = means_and_deviations(seeds).astype({"parameters": int}).drop(columns="parameters_sd")
    own = [LossFamily.of(study.variants[name]) for name in table.variant]
    labels = {name: series.label for series in all_series(study) for name in series.members}
    table.insert(2, "likelihood", [family.likelihood for family in own])
    table.insert(3, "pixel_range", [family.pixel_range for family in own])
    table.insert(4, "series", table.variant.map(labels))
    table.insert(5, "latent_dim", [study.variants[name].latent_dim for name in table.variant])
    floors = _by_family(baselines, Baseline.FLOOR, "test_distortion")
    above = [
        distortion - floors.get(family, float("nan"))
        for distortion, family in zip(table.test_distortion, own, strict=True)
    ]
    verdicts = _verdicts(study, seeds, _by_family(baselines, Baseline.MEAN_IMAGE, "test_loss"))
    return table.assign(above_floor=above, verdict=[verdicts.get(name, "") for name in table.variant])


def _by_family(baselines: pd.DataFrame, name: Baseline, column: str) -> dict[LossFamily, float]:
    """Return a number of a baseline that has one row for each family."""
    own = to_rows(BaselineRow, baselines[baselines.baseline == name])
    return {LossFamily.of(row): getattr(row, column) for row in own}


def _verdicts(study: Study, seeds: pd.DataFrame, mean_images: dict[LossFamily, float]) -> dict[str, Verdict]:
    losses = seeds.pivot(index="seed", columns="variant", values="test_loss")
    smaller = {
        name: losses[other]
        for series in all_series(study)
        for other, name in pairwise(series.members)
        if study.variants[other].latent_dim < study.variants[name].latent_dim
    }
    verdicts = {}
    for name, variant in study.variants.items():
        if variant.model == "vae":
            own = seeds[seeds.variant == name].set_index("seed")
            mean_image = mean_images[LossFamily.of(variant)]
            verdicts[name] = verdict(variant.latent_dim, own.active_units, own.test_loss, mean_image, smaller.get(name))
    return verdicts


def means_and_deviations(seeds: pd.DataFrame) -> pd.DataFrame:
    """Return the mean and sample deviation over seeds (nan with one): a row for each variant, in the table's order.

    Columns: dataset, variant, seeds (how many), then NAME and NAME_sd for each column of numbers, in its unit.
    """
    groups = seeds.groupby(["dataset", "variant"], sort=False)
    columns = [groups.size().rename("seeds")]
    for name in seeds.drop(columns="seed").select_dtypes("number").columns.astype(str):
        columns += [groups[name].mean(), groups[name].std().rename(f"{name}_sd")]
    return pd.concat(columns, axis=1).reset_index()


def _mean_over_seeds(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    return table.drop(columns="seed").groupby(["dataset", "variant", *keys], sort=False, as_index=False).mean()


def shown_baselines(study: Study, baselines: pd.DataFrame) -> pd.DataFrame:
    """Return the baselines of the study's families at the study's latent sizes, and those without a size."""
    parts = []
    for family, variants in families(study).items():
        sizes = {variant.latent_dim for variant in variants.values()}
        own = family.rows(baselines)
        parts.append(own[own.latent_dim.isna() | own.latent_dim.isin(sizes)])
    return pd.concat(parts, ignore_index=True)
