"""The tables of losses, as text: of a dataset beside baselines, its terms, and all variants in short."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd

from elbowroom.comparison.published import test_loss_after
from elbowroom.core.settings import Study
from elbowroom.report.cells import MetricsRow, heading, means, number
from elbowroom.report.markdown import DASH, TextTable
from elbowroom.results.families import LossFamily
from elbowroom.results.metrics import ABOVE_FLOOR, METRICS
from elbowroom.results.names import family_names
from elbowroom.results.rows import Baseline, BaselineRow

LOSS_METRICS = [METRICS[name] for name in ("test_loss", "iwae_nll", "used_latents")]
TERM_METRICS = [
    *(METRICS[f"test_{term}"] for term in ("loss", "distortion", "rate")),
    ABOVE_FLOOR,
    *(METRICS[f"train_{term}"] for term in ("loss", "distortion", "rate")),
]
PAYS_KL = (Baseline.MEAN_IMAGE, Baseline.LINEAR_VAE)  # the baselines whose loss is one of a VAE


def losses(study: Study, variants: Sequence[MetricsRow], baselines: Sequence[BaselineRow]) -> TextTable:
    """Set out the variants of a dataset and the baselines of its families, in nats per image.

    Below the line, where rows are not sorted, is what cannot be ranked with VAEs: autoencoders and baselines. A column
    that no row has a number in, such as a bound that only VAEs have, is left out.
    """
    vaes, others = ([row for row in variants if _is_vae(study, row) is wanted] for wanted in (True, False))
    rows: list[Mapping[str, str]] = []
    for row in [*vaes, *others]:
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
    names = _named(baselines)
    beside = [
        {
            "variant": name,
            "latent": number(row.latent_dim, 0),
            heading(METRICS["test_loss"], short=True): number(row.test_loss),
            heading(METRICS["used_latents"], short=True): number(row.used_latents, 0),
        }
        for row, name in zip(baselines, names, strict=True)
        if row.baseline in PAYS_KL
    ]
    header = ["variant", "verdict", "latent", "width", "parameters"]
    header += [heading(metric, short=True) for metric in LOSS_METRICS]
    rows += beside
    shown = [name for name in header if name in header[:2] or any(row.get(name, DASH) != DASH for row in rows)]
    return TextTable.of(shown, rows, texts=2, fixed=len(rows) - len(vaes))


def terms(variants: Iterable[MetricsRow], baselines: Sequence[BaselineRow]) -> TextTable:
    """Set out the terms of the loss of each variant, and of each baseline those that it has."""
    rows: list[Mapping[str, str]] = [{"variant": row["variant"], **means(row, TERM_METRICS)} for row in variants]
    for row, name in zip(baselines, _named(baselines), strict=True):
        size = "" if pd.isna(row.latent_dim) else f", {row.latent_dim:.0f}"
        found = {"test_distortion": row.test_distortion}
        if row.baseline in PAYS_KL:
            found |= {"test_loss": row.test_loss, "test_rate": row.test_rate}
        rows.append({"variant": name + size} | {heading(METRICS[key]): number(value) for key, value in found.items()})
    header = [heading(metric) for metric in TERM_METRICS]
    shown = [name for name in header if any(row.get(name, DASH) != DASH for row in rows)]
    return TextTable.of(["variant", *shown], rows, fixed=len(baselines))


def _is_vae(study: Study, row: MetricsRow) -> bool:
    return study.variants[row["variant"]].model == "vae"


def _named(baselines: Sequence[BaselineRow]) -> Iterator[str]:
    """Name each baseline, with its likelihood if there are several families."""
    names = family_names(map(LossFamily.of, baselines))
    for row in baselines:
        whose = f" ({names[LossFamily.of(row)]})" if len(names) > 1 else ""
        yield f"{row.baseline}{'' if pd.isna(row.axes_error) else ', approximate'}{whose}"


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
