"""Samples in detail, as tables and in words, and which IWAE bounds are loose. Nothing is computed, only set out."""

from collections.abc import Mapping, Sequence

from elbowroom.comparison.judges import Agreement
from elbowroom.report.cells import DAGGER, MetricsRow, heading, is_loose, mean, means
from elbowroom.report.markdown import DASH, TextTable
from elbowroom.report.wording import listed
from elbowroom.results.metrics import FEWEST_EFFECTIVE, METRICS

SAMPLE_METRICS = [METRICS[name] for name in ("fcd", "fcd_second", "kid", "precision", "recall")]
OF_TRAINING_IMAGES = {"fcd": "fcd_floor", "kid": "kid_floor", "precision": "train_precision", "recall": "train_recall"}
PRIOR_METRICS = {  # from what is decoded -> the metric
    "FCD from mu": METRICS["fcd_recon"],
    "from a sampled z": METRICS["fcd_recon_sampled"],
    "from the fitted prior": METRICS["fcd_fit"],
    "from N(0, I)": METRICS["fcd"],
    "rate, N(0, I)": METRICS["test_rate"],
    "rate, fitted prior": METRICS["rate_fit"],
}


def samples(variants: Sequence[MetricsRow]) -> TextTable:
    """Set out how near to test images the samples of each VAE are, and as many training images."""
    rows = [{"variant": row["variant"], **means(row, SAMPLE_METRICS)} for row in variants]
    rows = [
        row for row in rows if any(row[heading(metric)] != DASH for metric in SAMPLE_METRICS)
    ]  # an autoencoder has none
    learned = {
        heading(METRICS[name]): next((text for row in variants if (text := mean(row, METRICS[of])) != DASH), DASH)
        for name, of in OF_TRAINING_IMAGES.items()
    }
    return _filled([heading(metric) for metric in SAMPLE_METRICS], [*rows, {"variant": "training images", **learned}])


def prior(variants: Sequence[MetricsRow]) -> TextTable:
    """Set out how far from test images the pictures are that each variant decodes, step by step from mu to N(0, I)."""
    rows = [
        {"variant": row["variant"], **{name: mean(row, metric) for name, metric in PRIOR_METRICS.items()}}
        for row in variants
    ]
    return _filled(list(PRIOR_METRICS), rows)


def _filled(names: Sequence[str], rows: Sequence[Mapping[str, str]]) -> TextTable:
    """Return the table without the columns that no row has anything in: older results lack some."""
    return TextTable.of(
        ["variant", *(name for name in names if any(row.get(name, DASH) != DASH for row in rows))], rows
    )


def judges_agree(found: Agreement) -> str:
    """Say whether both judges rank the VAEs alike; nothing if there is nothing to rank."""
    if found.ranked < 2:
        return ""
    who = "A second classifier, trained in the same way from another seed,"
    if not found.swaps:
        return f"{who} ranks {'both' if found.ranked == 2 else f'all {found.ranked}'} VAEs by FCD in the same order."
    swapped = listed(f"{swap.nearer} before {swap.other}" for swap in found.swaps)
    return (
        f"{who} disagrees about {len(found.swaps)} of {found.pairs} pairs of VAEs: only the first ranks {swapped}. FCD "
        "does not tell which of these is better."
    )


def loose_bounds(variants: Sequence[MetricsRow]) -> str:
    """Name the variants whose IWAE bound is loose; nothing if none is."""
    measured = [row for row in variants if mean(row, METRICS["iwae_nll"]) != DASH]
    loose = [row["variant"] for row in measured if is_loose(row)]
    if not loose:
        return ""
    whose = "every VAE here" if len(loose) == len(measured) > 1 else listed(loose)
    if 5 < len(loose) < len(measured):
        whose = f"{len(loose)} of {len(measured)} VAEs here ({DAGGER})"
    return (
        f"The IWAE bound of {whose} comes from fewer than {FEWEST_EFFECTIVE} effective samples, so it is loose: "
        "differences in it may be differences in how loose it is."
    )
