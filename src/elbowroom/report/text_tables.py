"""Results -> tables of text for the pages. Nothing is computed here, only set out."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from elbowroom.comparison.published import test_loss_after
from elbowroom.core.settings import ACTIVE_THRESHOLD, Study, Variant

Row = Mapping[Any, Any]
DASH = "\N{EN DASH}"


class Table(NamedTuple):
    """header: one text for each column, of which the first `texts` hold text; rows: a text for each column."""

    header: list[str]
    rows: list[list[str]]
    texts: int = 1


def markdown(table: Table, linked: Collection[str] = (), page: str = "") -> str:
    """As GitHub draws it. A first cell that is one of `linked` leads to the section of that name of a page."""
    names = [escape_markdown(first) for first, *_ in table.rows]
    rows = [
        [f"[{name}]({page}#{first})" if first in linked else name, *map(escape_markdown, others)]
        for name, (first, *others) in zip(names, table.rows, strict=True)
    ]
    lines = [f"| {' | '.join(row)} |" for row in ([escape_markdown(cell) for cell in table.header], *rows)]
    lines.insert(1, f"|{'---|' * table.texts}{'--:|' * (len(table.header) - table.texts)}")
    return "\n".join([*lines, ""])


def escape_markdown(text: str) -> str:
    """Text that Markdown leaves as it is, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|~$&])", r"\\\1", one_line(text))


def one_line(text: str) -> str:
    """Text without line ends, and without what is not seen but acts: control characters, changes of direction."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+", " ", text).strip()


def number(value: float, digits: int = 2) -> str:
    """With so many decimals; a whole number as one; a missing one as a dash."""
    if pd.isna(value):
        return DASH
    text = f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 1000 else f"{value:,.{digits}f}"
    return text.removeprefix("-") if not text.strip("-0.,") else text


def spread(row: Row, metric: str, digits: int = 2) -> str:
    """A mean over seeds, and after it the standard deviation where there is more than one."""
    mean, deviation = number(row[metric], digits), row.get(f"{metric}_sd", float("nan"))
    return mean if pd.isna(deviation) else f"{mean} ± {number(deviation, digits)}"


def _mean(metric: str, digits: int = 2) -> Callable[[Row], str]:
    return lambda row: spread(row, metric, digits)


def _count(metric: str) -> Callable[[Row], str]:
    return lambda row: number(row[metric], 0 if float(row[metric]).is_integer() else 1)


LOSSES: dict[str, Callable[[Row], str]] = {
    "test loss": _mean("test_loss"),
    "distortion": _mean("test_distortion"),
    "rate": _mean("test_rate"),
    "above the floor": lambda row: number(row["above_floor"]),
    "train loss": _mean("train_loss"),
    "IWAE bound": _mean("iwae_nll"),
    "active latents": _count("active_units"),
}
TERMS: dict[str, Callable[[Row], str]] = {
    f"{split} {term}": _mean(f"{split}_{term}")
    for split in ("test", "train")
    for term in ("loss", "distortion", "rate")
}
PICTURES: dict[str, Callable[[Row], str]] = {
    "PSNR (dB)": _mean("psnr"),
    "SSIM": _mean("ssim", 3),
    "FCD": _mean("fcd"),
    "FCD floor": lambda row: number(row["fcd_floor"]),
    "KID": _mean("kid", 3),
    "KID floor": lambda row: number(row["kid_floor"], 3),
    "FCD of reconstructions": _mean("fcd_recon"),
}
LATENTS: dict[str, Callable[[Row], str]] = {
    f"KL > {ACTIVE_THRESHOLD}": _count("active_units_kl"),
    "probe": lambda row: _percent(row["probe_accuracy"]),
    "10-NN": lambda row: _percent(row["knn_accuracy"]),
    "PCA 2-D": lambda row: _percent(row["pca_2d"]),
    "path, linear": _mean("path_linear"),
    "path, slerp": _mean("path_slerp"),
    "path, cross-fade": lambda row: number(row["path_blend"]),
    "step, linear": _mean("step_linear"),
    "step, slerp": _mean("step_slerp"),
    "step, cross-fade": lambda row: number(row["step_blend"]),
}


METRICS = {"iwae_nll": "IWAE bound", "fcd": "FCD"}  # as tables call them


def _metric(name: str) -> str:
    return METRICS.get(name, name.replace("_", " "))


def _short(value: float) -> str:
    return DASH if pd.isna(value) else f"{value:.3g}"


def _percent(share: float) -> str:
    return DASH if pd.isna(share) else f"{share:.1%}"


def losses(study: Study, variants: list[Row], baselines: list[Row]) -> Table:
    """The variants of a dataset, then its baselines of each family, in nats per image.

    A column that no row has a number in (the distance to a floor that only a Bernoulli has) is left out.
    """
    header = ["variant", "verdict", "latent", "width", "parameters", *LOSSES]
    rows = []
    for row in variants:
        variant = study.variants[row["variant"]]
        sizes = [str(variant.latent_dim), str(variant.channels), f"{row['parameters']:,}"]
        rows.append([row["variant"], row["verdict"] or DASH, *sizes, *(cell(row) for cell in LOSSES.values())])
    rows += [_baseline(row) for row in baselines]
    kept = [place for place in range(len(header)) if place < 2 or any(row[place] != DASH for row in rows)]
    return Table([header[place] for place in kept], [[row[place] for place in kept] for row in rows], texts=2)


def _baseline(row: Row) -> list[str]:
    latent, active = (number(row[key], 0) for key in ("latent_dim", "active_units"))
    test = [number(row[f"test_{key}"]) for key in ("loss", "distortion", "rate")]
    train = number(row["train_loss"])
    return [f"{row['baseline']} ({family(row)})", DASH, latent, DASH, DASH, *test, DASH, train, DASH, active]


def family(row: Row) -> str:
    """What must be the same for losses to be compared."""
    return f"{row['likelihood'].replace('_', ' ')}, {row['pixel_range']}"


def objectives(study: Study, variants: list[Row]) -> Table:
    """What each variant minimised: sigma^2 in the units of its pixel range, beta, and the effective beta."""
    header = ["variant", "objective", "warm-up", "sigma^2", "beta", "effective beta"]
    rows = []
    for row in variants:
        variant = study.variants[row["variant"]]
        epochs = study.recipes[variant.recipe].warmup_epochs
        warmup = f"{epochs} epochs" if epochs and variant.model == "vae" else DASH
        beta = f"{variant.beta:g}" if variant.model == "vae" else DASH
        rows.append(
            [row["variant"], describe(variant), warmup, _short(row["sigma2"]), beta, _short(row["effective_beta"])]
        )
    return Table(header, rows, texts=3)


def describe(variant: Variant) -> str:
    """The objective in the field's terms."""
    likelihood = {
        "gaussian": "squared error",
        "gaussian_optimal": "Gaussian of optimal variance",
        "bernoulli": "binary cross-entropy",
        "continuous_bernoulli": "continuous Bernoulli",
    }[variant.likelihood]
    low, high = variant.pixel_range
    rate = "" if variant.model == "ae" else " + KL" if variant.beta == 1 else f" + {variant.beta:g} KL"
    return f"{likelihood}{rate}, pixels in [{low}, {high}]"


def headline(study: Study, variants: Iterable[Row]) -> Table:
    """The variants of all datasets in short, with what was published of their test loss after as many epochs."""
    columns = {key: LOSSES[key] for key in ("test loss", "distortion", "rate", "IWAE bound", "active latents")}
    header = ["variant", "seeds", "epochs", *columns]
    header.insert(header.index("test loss") + 1, "published")
    rows = []
    for row in variants:
        epochs = study.recipes[study.variants[row["variant"]].recipe].epochs
        cells = [row["variant"], str(row["seeds"]), str(epochs), *(cell(row) for cell in columns.values())]
        cells.insert(header.index("published"), number(test_loss_after(row["variant"], epochs)))
        rows.append(cells)
    return Table(header, rows)


def measured(variants: list[Row], columns: Mapping[str, Callable[[Row], str]]) -> Table:
    """Some columns (TERMS, PICTURES, LATENTS) of the variants of a dataset."""
    rows = [[row["variant"], *(cell(row) for cell in columns.values())] for row in variants]
    return Table(["variant", *columns], rows)


def ladder(study: Study, variants: list[Row]) -> Table:
    """The IWAE bound of each VAE for each K, nats, and the effective samples of the last."""
    rungs = study.evaluation.iwae_samples
    rows = [
        [row["variant"], *(spread(row, f"iwae_nll_{k}") for k in rungs), spread(row, "effective_samples", 1)]
        for row in variants
        if study.variants[row["variant"]].model == "vae"
    ]
    return Table(["variant", *(f"K = {k:,}" for k in rungs), "effective samples"], rows)


def costs(study: Study, tables: Mapping[str, pd.DataFrame]) -> Table:
    """What training took: the seconds in which seeds at a time were trained, mean over seeds."""
    header = ["variant", "seeds", "at a time", "seconds", "images a second of each", "peak memory (MiB)"]
    rows = []
    for name in study.variants:
        means = tables[name][["seeds_together", "seconds", "images_per_second", "peak_memory_mib"]].mean()
        together, seconds, *rest = means
        rows.append(
            [name, str(len(tables[name])), number(together, 0), number(seconds, 1), *(number(m, 0) for m in rest)]
        )
    return Table(header, rows)


def seconds(rows: Iterable[Row]) -> Table:
    """What stages took, as provenance.seconds gives it."""
    header = ["stage", "runs", "seconds in all", "the longest"]
    return Table(
        header,
        [[row["stage"], str(row["runs"]), number(row["total"], 1), number(row["longest"], 1)] for row in rows],
    )


def differences(rows: Iterable[Row]) -> Table:
    """Pairs of variants that differ in one setting, as pairs.comparisons gives them."""
    header = ["variant", "against", "in", "result", "difference", "95 % interval", "seeds"]
    return Table(
        header,
        [
            [
                row["variant"],
                row["against"],
                _metric(row["metric"]),
                row["result"],
                number(row["difference"]),
                DASH if pd.isna(row["low"]) else f"{number(row['low'])} to {number(row['high'])}",
                str(row["seeds"]),
            ]
            for row in rows
        ],
        texts=4,
    )


def elbows(rows: Iterable[Row]) -> Table:
    """Where the elbow of each series is, as comparison.elbows gives them."""
    header = ["dataset", "variants", "in", "found", "nats for a doubling, before", "after"]
    return Table(
        header,
        [
            [
                f"{row['dataset']} ({family(row)})",
                row["series"],
                _metric(row["metric"]),
                row["result"],
                number(row["slope_before"]),
                number(row["slope_after"]),
            ]
            for row in rows
        ],
        texts=4,
    )


def claims(rows: Iterable[Row]) -> Table:
    """The published claims, as claims.audit gives them."""
    return Table(
        ["study", "claim", "tested against", "result", "the numbers"],
        [[row[key] for key in ("study", "claim", "against", "result", "numbers")] for row in rows],
        texts=5,
    )


def published(rows: Iterable[Row]) -> Table:
    """Published numbers beside ours, as published.against_published gives them."""
    table = []
    for row in rows:
        digits = 4 if row["published"] < 1 else 2
        difference = number(row["difference_percent"]) + ("" if pd.isna(row["difference_percent"]) else " %")
        cells = [number(row["published"], digits), number(row["measured"], digits), difference]
        table.append([row["variant"], row["quantity"], *cells])
    return Table(["variant", "quantity", "published", "measured", "difference"], table, texts=2)
