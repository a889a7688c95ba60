"""The tables of the report, as text. Nothing is computed here: numbers are only set out."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

import pandas as pd

from elbowroom.core.settings import Study, VariantSettings
from elbowroom.report.cells import DOUBLE_DAGGER, MetricsRow, heading, mean_and_deviation, means, number, p_value
from elbowroom.report.markdown import DASH, TextTable
from elbowroom.report.provenance import StageTime
from elbowroom.report.time_taken import spent_training
from elbowroom.results.families import LossFamily
from elbowroom.results.metrics import METRICS, Metric
from elbowroom.results.names import family_names
from elbowroom.results.outcomes import Pairing
from elbowroom.results.rows import Difference, PublishedNumber, SeriesElbow

PICTURE_METRICS = [METRICS[name] for name in ("psnr", "ssim", "fcd")]
LATENT_METRICS = [
    *(METRICS[name] for name in ("used_latents", "effective_latents", "active_units", "active_units_kl")),
    *(METRICS[name] for name in ("probe_accuracy", "knn_accuracy", "pca_2d")),
]
PATH_METRICS = [METRICS[f"{of}_{way}"] for of in ("path", "step") for way in ("linear", "slerp", "blend")]
DIFFERENCE_COLUMNS = [
    "variant",
    "against",
    "in",
    "result",
    "difference",
    "interval",
    "p, adjusted for all rows",
    "seeds",
]
OBJECTIVES = {  # the distortion that a likelihood is known by
    "gaussian": "squared error",
    "gaussian_optimal": "Gaussian of optimal variance",
    "bernoulli": "binary cross-entropy",
    "continuous_bernoulli": "continuous Bernoulli",
}


def _significant(value: float) -> str:
    return DASH if pd.isna(value) else f"{value:.3g}"


def describe_objective(variant: VariantSettings) -> str:
    """Say in the field's terms what a variant minimises."""
    rate = "" if variant.model == "ae" else " + KL" if variant.beta == 1 else f" + {variant.beta:g} KL"
    return f"{OBJECTIVES[variant.likelihood]}{rate}, pixels in {variant.pixel_range}"


# --- tables of a dataset ---------------------------------------------------------------------------------------------


def objectives(study: Study, variants: Iterable[MetricsRow]) -> TextTable:
    """Set out what each variant minimised: sigma^2 in the units of its pixel range, beta, and the effective beta."""
    rows = []
    for row in variants:
        variant = study.variants[row["variant"]]
        is_vae, epochs = variant.model == "vae", study.recipes[variant.recipe].warmup_epochs
        rows.append(
            {
                "variant": row["variant"],
                "objective": describe_objective(variant),
                "warm-up": f"{epochs} epochs" if epochs and is_vae else DASH,
                "sigma^2": _significant(row["sigma2"]),
                "beta": f"{variant.beta:g}" if is_vae else DASH,
                "effective beta": _significant(row["effective_beta"]),
            }
        )
    return TextTable.of(["variant", "objective", "warm-up", "sigma^2", "beta", "effective beta"], rows, texts=3)


def measured(variants: Iterable[MetricsRow], metrics: Sequence[Metric], short: bool = False) -> TextTable:
    """Set out metrics of the variants of a dataset, such as TERM_METRICS, but for those that no variant has."""
    rows = [{"variant": row["variant"], **means(row, metrics, short)} for row in variants]
    found = [heading(metric, short) for metric in metrics]
    return TextTable.of(["variant", *(name for name in found if any(row[name] != DASH for row in rows))], rows)


def ladder(study: Study, variants: Iterable[MetricsRow]) -> TextTable:
    """Set out the IWAE bound of each VAE for each K, nats, and the effective samples of the last."""
    samples = METRICS["effective_samples"]
    rungs = {f"K = {k:,}": f"iwae_nll_{k}" for k in study.evaluation.iwae_samples}
    rows = [
        {"variant": row["variant"]}
        | {rung: mean_and_deviation(row, column) for rung, column in rungs.items()}
        | means(row, [samples])
        for row in variants
        if study.variants[row["variant"]].model == "vae"
    ]
    return TextTable.of(["variant", *rungs, heading(samples)], rows)


# --- tables of the study ---------------------------------------------------------------------------------------------


def costs(study: Study, tables: Mapping[str, pd.DataFrame]) -> TextTable:
    """Set out what training took: the seconds in which seeds at a time were trained, mean over seeds; and in all."""
    rows, total = [], 0.0
    for name in study.variants:
        found = tables[name]
        seconds = spent_training(found)
        total += seconds
        rows.append(
            {
                "variant": name,
                "seeds": str(len(found)),
                "at a time": number(found.seeds_together.mean(), 0),
                "seconds": number(found.seconds.mean(), 1),
                "images a second of each": number(found.images_per_second.mean(), 0),
                "peak memory (MiB)": number(found.peak_memory_mib.mean(), 0),
                "seconds in all": number(seconds, 0),
            }
        )
    return TextTable.of(
        list(rows[0]), [*rows, {"variant": "all variants", "seconds in all": number(total, 0)}], fixed=1
    )


def stage_times(rows: Iterable[StageTime]) -> TextTable:
    """Set out what each stage took."""
    cells = [
        {
            "stage": row.stage,
            "runs": str(row.runs),
            "seconds in all": number(row.total, 1),
            "the longest": number(row.longest, 1),
        }
        for row in rows
    ]
    return TextTable.of(["stage", "runs", "seconds in all", "the longest"], cells)


def differences(rows: Iterable[Difference], marked: Collection[Difference] = ()) -> TextTable:
    """Set out pairs of variants that differ in one setting. marked: the rows whose result has a double dagger."""
    cells = [
        {
            "variant": row.variant,
            "against": row.against,
            "in": METRICS[row.metric].label,
            "result": f"{row.result} {DOUBLE_DAGGER}" if row in marked else row.result,
            "difference": number(row.difference),
            "interval": DASH if pd.isna(row.low) else f"{number(row.low)} to {number(row.high)}",
            "p, adjusted for all rows": p_value(row.p_adjusted),
            "seeds": f"{row.seeds}, paired" if row.pairing == Pairing.BY_SEED else str(row.seeds),
        }
        for row in rows
    ]
    return TextTable.of(DIFFERENCE_COLUMNS, cells, texts=4)


def elbows(found: Iterable[SeriesElbow]) -> TextTable:
    """Set out where the loss of each series bends."""
    rows = list(found)
    names = family_names(map(LossFamily.of, rows))
    cells = [
        {
            "dataset": f"{row.dataset} ({names[LossFamily.of(row)]})",
            "variants": row.series,
            "in": METRICS[row.metric].label,
            "found": row.result,
            "nats for a doubling, before": number(row.slope_before),
            "after": number(row.slope_after),
        }
        for row in rows
    ]
    header = ["dataset", "variants", "in", "found", "nats for a doubling, before", "after"]
    return TextTable.of(header, cells, texts=4)


def published_in_short(rows: Iterable[PublishedNumber]) -> str:
    """Say how near the published numbers are to ours; nothing if no loss was measured at the published epoch."""
    known = [row for row in rows if not pd.isna(row.difference_percent)]
    known.sort(key=lambda row: abs(row.difference_percent), reverse=True)
    losses = [row for row in known if row.quantity == "test loss"]
    if not losses:
        return ""
    most = math.ceil(10 * abs(losses[0].difference_percent)) / 10
    far = known[0]
    return (
        f"The test losses are within {most:g} % of the published ones. Farthest off of all numbers is the "
        f"{far.quantity} of {far.variant}: {far.difference_percent:+.1f} %."
    )


def published(rows: Iterable[PublishedNumber]) -> TextTable:
    """Set out published numbers beside ours."""
    cells = []
    for row in rows:
        digits = 4 if row.published < 1 else 2
        cells.append(
            {
                "variant": row.variant,
                "quantity": row.quantity,
                "published": number(row.published, digits),
                "measured": number(row.measured, digits),
                "difference": number(row.difference_percent) + ("" if pd.isna(row.difference_percent) else " %"),
            }
        )
    return TextTable.of(["variant", "quantity", "published", "measured", "difference"], cells, texts=2)
