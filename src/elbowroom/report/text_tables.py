"""The tables of the report, as text. Nothing is computed here: numbers are only set out."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import pandas as pd

from elbowroom.comparison.published import test_loss_after
from elbowroom.core.settings import Study, VariantSettings
from elbowroom.report.cells import DOUBLE_DAGGER, MetricsRow, heading, mean_and_deviation, means, number, p_value
from elbowroom.report.markdown import DASH, TextTable
from elbowroom.report.provenance import StageTime
from elbowroom.results.families import LossFamily
from elbowroom.results.metrics import ABOVE_FLOOR, METRICS, Metric
from elbowroom.results.outcomes import Pairing
from elbowroom.results.rows import BaselineRow, Difference, PublishedNumber, SeriesElbow

LOSS_METRICS = [METRICS[name] for name in ("test_loss", "iwae_nll", "used_latents")]
TERM_METRICS = [
    *(METRICS[f"test_{term}"] for term in ("loss", "distortion", "rate")),
    ABOVE_FLOOR,
    *(METRICS[f"train_{term}"] for term in ("loss", "distortion", "rate")),
]
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
LIKELIHOODS = {
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
    return f"{LIKELIHOODS[variant.likelihood]}{rate}, pixels in {variant.pixel_range}"


# --- tables of a dataset ---------------------------------------------------------------------------------------------


def losses(study: Study, variants: Iterable[MetricsRow], baselines: Sequence[BaselineRow]) -> TextTable:
    """Set out the variants of a dataset and the baselines of its families, in nats per image.

    A column that no row has a number in, such as a bound that only VAEs have, is left out.
    """
    rows = []
    for row in variants:
        variant = study.variants[row["variant"]]
        rows.append(
            {
                "variant": row["variant"],
                "verdict": row["verdict"] or DASH,
                "latent": str(variant.latent_dim),
                "width": str(variant.channels),
                "parameters": f"{row['parameters']:,}",
                **means(row, LOSS_METRICS, short=True),
            }
        )
    families = {LossFamily.of(row) for row in baselines}
    rows += [_baseline(row, named=len(families) > 1) for row in baselines]
    header = ["variant", "verdict", "latent", "width", "parameters"]
    header += [heading(metric, short=True) for metric in LOSS_METRICS]
    shown = [name for name in header if name in header[:2] or any(row.get(name, DASH) != DASH for row in rows)]
    return TextTable.of(shown, rows, texts=2, fixed=len(baselines))


def _baseline(row: BaselineRow, named: bool) -> dict[str, str]:
    """named: say whose likelihood it has."""
    approximate = "" if pd.isna(row.axes_error) else ", approximate"
    return {
        "variant": f"{row.baseline}{approximate}" + (f" ({LossFamily.of(row).label})" if named else ""),
        "latent": number(row.latent_dim, 0),
        heading(METRICS["test_loss"], short=True): number(row.test_loss),
        heading(METRICS["used_latents"], short=True): number(row.used_latents, 0),
    }


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


def headline(study: Study, variants: Iterable[MetricsRow]) -> TextTable:
    """Set out all variants in short, and the published test loss after as many epochs if any was published."""
    rows = []
    for row in variants:
        epochs = study.recipes[study.variants[row["variant"]].recipe].epochs
        published = number(test_loss_after(study, row["variant"], epochs))
        cells = {"variant": row["variant"], "epochs": str(epochs), "published": published}
        rows.append(cells | means(row, LOSS_METRICS))
    loss, *others = (heading(metric) for metric in LOSS_METRICS)
    known = ["published"] if any(row["published"] != DASH for row in rows) else []
    return TextTable.of(["variant", "epochs", loss, *known, *others], rows)


def costs(study: Study, tables: Mapping[str, pd.DataFrame]) -> TextTable:
    """Set out what training took: the seconds in which seeds at a time were trained, mean over seeds; and in all."""
    rows, total = [], 0.0
    for name in study.variants:
        found = tables[name]
        seconds = (found.seconds / found.seeds_together).sum()
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


def elbows(rows: Iterable[SeriesElbow]) -> TextTable:
    """Set out where the loss of each series bends."""
    cells = [
        {
            "dataset": f"{row.dataset} ({LossFamily.of(row).label})",
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
