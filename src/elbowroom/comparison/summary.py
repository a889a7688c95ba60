"""What a study found, as tables that set its variants beside each other and beside the baselines."""

from collections.abc import Iterable

import pandas as pd

from elbowroom.comparison.answer import size_answers, width_gains
from elbowroom.comparison.audit import audit
from elbowroom.comparison.latent_curves import elbows, latent_curves
from elbowroom.comparison.noise import noise_points
from elbowroom.comparison.pairs import comparisons
from elbowroom.comparison.published import against_published
from elbowroom.comparison.truncated_curves import truncated_points
from elbowroom.core.settings import Study
from elbowroom.results.families import LossFamily, all_series, families
from elbowroom.results.rows import (
    AuditedClaim,
    Baseline,
    BaselineRow,
    Difference,
    LatentPoint,
    PublishedNumber,
    SeriesElbow,
    SizeAnswer,
    TruncatedPoint,
    WidthGain,
)
from elbowroom.results.schema import to_rows, to_table
from elbowroom.results.tables import Comparison, Measurements
from elbowroom.results.yardstick_rows import NoisePoint


def compare(study: Study, measured: Measurements) -> Comparison:
    """Work out every table of report/comparison."""
    is_vae = [study.variants[name].model == "vae" for name in measured.spectrum.variant]  # an autoencoder has no KL
    answers = size_answers(study, measured)
    variants = summarise(study, measured.seeds, measured.baselines, answers)
    baselines = shown_baselines(study, measured.baselines)
    published = against_published(study, variants.set_index("variant"), measured.history)
    return Comparison(
        answer=to_table(SizeAnswer, answers),
        truncated=to_table(TruncatedPoint, truncated_points(study, measured.truncated)),
        widths=to_table(WidthGain, width_gains(study, measured.seeds, answers)),
        variants=variants,
        baselines=baselines,
        latents=to_table(LatentPoint, latent_curves(study, measured.seeds, baselines)),
        differences=to_table(Difference, comparisons(study, measured.seeds)),
        elbows=to_table(SeriesElbow, elbows(study, measured.seeds)),
        curves=_mean_over_seeds(measured.history, ["split", "epoch"]).round(4),
        spectrum=_mean_over_seeds(measured.spectrum[is_vae], ["rank"]),
        claims=to_table(AuditedClaim, audit(study, measured.seeds)),
        noise=to_table(NoisePoint, noise_points(study, measured.seeds, measured.noise, answers)),
        published=to_table(PublishedNumber, published),
    )


def summarise(
    study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame, answers: Iterable[SizeAnswer]
) -> pd.DataFrame:
    """Return the table of variants, a row for each.

    seeds: dataset, variant, seed and metrics, a row for each trained seed. baselines: those of all datasets.
    answers: what is known of each VAE.

    Columns: family and series; the mean and the deviation (NAME_sd) over seeds of each metric; above_floor, the test
    distortion minus the floor that no reconstruction can go below, nan unless Bernoulli; the verdict as the answer has
    it, empty for an autoencoder.
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
    of_variant = {row.variant: row for row in answers}
    known = [of_variant.get(name) for name in table.variant]
    return table.assign(
        above_floor=above,
        verdict=[row.state if row else "" for row in known],
    )


def _by_family(baselines: pd.DataFrame, name: Baseline, column: str) -> dict[LossFamily, float]:
    """Return a number of a baseline that has one row for each family."""
    own = to_rows(BaselineRow, baselines[baselines.baseline == name])
    return {LossFamily.of(row): getattr(row, column) for row in own}


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
