"""The tables that stages hand to each other: each is declared once here, and read here by whoever needs it.

A table that was edited by hand or cut short is then a StudyError in one line, and no wrong number.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from elbowroom.core import files, paths
from elbowroom.core.errors import StudyError
from elbowroom.core.settings import Study
from elbowroom.results.families import LOSS_FAMILY, LossFamily, families
from elbowroom.results.metrics import METRICS
from elbowroom.results.outcomes import State
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
from elbowroom.results.schema import MAYBE, NUMBER, Column, Expected, Table, columns, load_table, without_empty
from elbowroom.results.used_latents import effective_latents, used_latents
from elbowroom.results.yardstick_rows import Dimension, NoiseLevel, NoisePoint

TEXT, SPLIT = Column("text"), Column("text", choices=("train", "test"))
AMOUNT, SHARE = Column(low=0), Column(low=0, high=1)
POSITIVE, SEED = Column("whole", low=1, high=2**53), Column("whole", low=0, high=2**31)
TERM_COLUMNS = {"loss": NUMBER, "distortion": NUMBER, "rate": NUMBER}

SEED_METRICS = {
    model: Table(
        {"variant": TEXT, "seed": SEED}
        | {name: MAYBE if metric.vae_only and model == "ae" else metric.cells for name, metric in METRICS.items()},
        key=["seed"],
        more=r"iwae_nll_\d+",
    )
    for model in ("vae", "ae")
}
HISTORY = Table(
    {"variant": TEXT, "seed": SEED, "split": SPLIT, "epoch": POSITIVE} | TERM_COLUMNS, key=["seed", "split", "epoch"]
)
COST = Table(
    {"variant": TEXT, "seed": SEED, "seconds": AMOUNT, "seeds_together": POSITIVE, "images_per_second": AMOUNT}
    | {"peak_memory_mib": AMOUNT, "device": TEXT, "torch": TEXT},
    key=["seed"],
    since={"seeds_together": 1},
)
SPECTRUM = Table({"variant": TEXT, "seed": SEED, "rank": POSITIVE, "kl": NUMBER}, key=["seed", "rank"])
TRUNCATED = Table(
    {"variant": TEXT, "seed": SEED, "kept": Column("whole", low=0, high=2**53)} | TERM_COLUMNS,
    key=["seed", "kept"],
    may_be_empty=True,
    optional=True,
)
MAP = Table({"pc1": NUMBER, "pc2": NUMBER, "label": Column("text", empty=True)}, key=[])
DIMENSION = Table(columns(Dimension), key=["estimator"], optional=True)
NOISE = Table(columns(NoiseLevel), key=["sigma2"], optional=True)
BASELINES = Table(columns(BaselineRow), key=[*LOSS_FAMILY, "baseline", "latent_dim"])
VARIANTS = Table(  # metrics are means over seeds, NAME_sd their deviations
    {"variant": TEXT, **columns(LossFamily), "series": TEXT, "latent_dim": POSITIVE, "seeds": POSITIVE}
    | {"above_floor": MAYBE, "verdict": Column("text", choices=tuple(State), empty=True)}
    | {name: MAYBE if metric.vae_only else metric.cells for name, metric in METRICS.items()}
    | {"active_units": AMOUNT}
    | {f"{name}_sd": MAYBE for name in METRICS if name != "parameters"},
    key=["variant"],
    more=r"iwae_nll_\d+(_sd)?",
)
COMPARISON = {  # the tables of report/comparison that the report reads
    "answer": Table(columns(SizeAnswer), key=["variant"], may_be_empty=True),
    "truncated": Table(columns(TruncatedPoint), key=["variant", "kept"], may_be_empty=True, optional=True),
    "widths": Table(columns(WidthGain), key=["variant", "against"], may_be_empty=True),
    "variants": VARIANTS,
    "baselines": BASELINES,
    "latents": Table(columns(LatentPoint), key=[*LOSS_FAMILY, "metric", "series", "latent_dim"], may_be_empty=True),
    "differences": Table(columns(Difference), key=["variant", "against", "metric"], may_be_empty=True),
    "elbows": Table(columns(SeriesElbow), key=[*LOSS_FAMILY, "series", "metric"], may_be_empty=True),
    "curves": Table(
        {"dataset": TEXT, "variant": TEXT, "split": SPLIT, "epoch": POSITIVE} | TERM_COLUMNS,
        key=["variant", "split", "epoch"],
    ),
    "spectrum": Table(
        {"dataset": TEXT, "variant": TEXT, "rank": POSITIVE, "kl": NUMBER}, key=["variant", "rank"], may_be_empty=True
    ),
    "claims": Table(columns(AuditedClaim), key=[], may_be_empty=True),
    "noise": Table(columns(NoisePoint), key=["dataset", "variant", "sigma2"], may_be_empty=True, optional=True),
    "published": Table(columns(PublishedNumber), key=["study", "variant", "quantity"], may_be_empty=True),
}


def seed_metrics(study: Study, name: str, edited: bool = False) -> pd.DataFrame:
    """Read every metric of a variant: a row for each seed of params.yaml, or for any seeds if edited since.

    Results from before evaluate counted the used latents have a spectrum, which says the same.
    """
    variant = study.variant(name)
    expected: Expected = {} if edited else {"seed": study.recipes[variant.recipe].seeds}
    table = load_table(paths.seeds_file(name), SEED_METRICS[variant.model], {"variant": [name], **expected})
    if variant.model == "vae" and table.used_latents.isna().any():
        kl = load_table(paths.plot_file(name, "spectrum.csv"), SPECTRUM, {"variant": [name]}).groupby("seed").kl
        counted = kl.agg([used_latents, effective_latents]).reindex(table.seed).set_axis(table.index)
        table = table.assign(**{str(column): counted[column] for column in counted})
    return table


def history(study: Study, name: str) -> pd.DataFrame:
    """Read a variant's training curves: a row for each seed, split and epoch."""
    recipe = study.recipes[study.variant(name).recipe]
    expected: Expected = {"seed": recipe.seeds, "split": SPLIT.choices, "epoch": range(1, recipe.epochs + 1)}
    return load_table(paths.plot_file(name, "history.csv"), HISTORY, {"variant": [name], **expected})


def costs(study: Study, name: str) -> pd.DataFrame:
    """Read what training a variant took: a row for each seed."""
    expected: Expected = {"variant": [name], "seed": study.recipes[study.variant(name).recipe].seeds}
    return load_table(paths.plot_file(name, "cost.csv"), COST, expected)


def spectrum(study: Study, name: str) -> pd.DataFrame:
    """Read the KL of each latent of a variant: a row for each seed and rank."""
    variant = study.variant(name)
    expected: Expected = {"seed": study.recipes[variant.recipe].seeds, "rank": range(1, variant.latent_dim + 1)}
    return load_table(paths.plot_file(name, "spectrum.csv"), SPECTRUM, {"variant": [name], **expected})


def truncated(study: Study, name: str) -> pd.DataFrame:
    """Read the loss of a variant cut down to fewer latents: a row for each seed and number kept.

    An autoencoder has no rows, nor have results from before this was measured, which lack the file.
    """
    variant = study.variant(name)
    seeds: Expected = {"variant": [name], "seed": study.recipes[variant.recipe].seeds}
    return load_table(paths.plot_file(name, "truncated.csv"), TRUNCATED, {} if variant.model == "ae" else seeds)


def latent_map(name: str) -> pd.DataFrame:
    """Read the points of a variant's latent map: a row for each test image."""
    return load_table(paths.plot_file(name, "map.csv"), MAP, {})


def baselines(study: Study, dataset: str) -> pd.DataFrame:
    """Read a dataset's baselines. Raises StudyError unless each loss family of the study has a mean image."""
    path = paths.baselines_file(dataset)
    table = load_table(path, BASELINES, {"dataset": [dataset]})
    for family in families(study):
        if family.dataset == dataset and family.rows(table[table.baseline == Baseline.MEAN_IMAGE]).empty:
            named = f"{family.likelihood}, {family.pixel_range}"
            raise StudyError(f"{path}: found no mean image of {named}, expected a row for it")
    return table


def dimension(dataset: str) -> pd.DataFrame:
    """Read the intrinsic dimension of a dataset's images: a row for each estimate, none if it was not measured."""
    return load_table(paths.dimension_file(dataset), DIMENSION, {"dataset": [dataset]})


def noise(dataset: str) -> pd.DataFrame:
    """Read how many latents the linear VAE uses at each noise level: no rows if it was not measured."""
    return load_table(paths.noise_file(dataset), NOISE, {"dataset": [dataset]})


@dataclass(frozen=True)
class Measurements:
    """What stages measured of all variants and datasets of a study, a table each.

    seeds: every metric. history: training curves. spectrum: the KL of each latent. truncated: the loss with fewer
    latents. These have a row for each seed (and epoch, rank, or number kept) of each variant, and its dataset.
    baselines: of each dataset. noise: the linear VAE's latents at each noise level of each dataset.
    """

    seeds: pd.DataFrame
    history: pd.DataFrame
    spectrum: pd.DataFrame
    truncated: pd.DataFrame
    baselines: pd.DataFrame
    noise: pd.DataFrame


def measured(study: Study) -> Measurements:
    """Read what stages measured."""

    def read_all(read: Callable[[Study, str], pd.DataFrame]) -> pd.DataFrame:
        parts = [read(study, name).assign(dataset=variant.dataset) for name, variant in study.variants.items()]
        return pd.concat(parts, ignore_index=True)

    return Measurements(
        seeds=read_all(seed_metrics),
        history=read_all(history),
        spectrum=read_all(spectrum),
        truncated=read_all(truncated),
        baselines=pd.concat([baselines(study, name) for name in study.datasets]),
        noise=pd.concat([noise(name) for name in study.datasets]),
    )


@dataclass(frozen=True)
class Comparison:
    """The tables of report/comparison, each in a file of its name; COMPARISON says what they may hold."""

    answer: pd.DataFrame
    truncated: pd.DataFrame
    widths: pd.DataFrame
    variants: pd.DataFrame
    baselines: pd.DataFrame
    latents: pd.DataFrame
    differences: pd.DataFrame
    elbows: pd.DataFrame
    curves: pd.DataFrame
    spectrum: pd.DataFrame
    claims: pd.DataFrame
    noise: pd.DataFrame
    published: pd.DataFrame


def comparison(study: Study) -> Comparison:
    """Read the tables of report/comparison."""
    expected: dict[str, Expected] = {"variants": {"variant": list(study.variants)}}
    return Comparison(
        **{
            name: load_table(paths.comparison_file(f"{name}.csv"), table, expected.get(name, {}))
            for name, table in COMPARISON.items()
        }
    )


def save_comparison(comparison: Comparison) -> None:
    """Write the tables of report/comparison, numbers to six decimals."""
    for name in COMPARISON:
        table = without_empty(getattr(comparison, name), "axes_error")
        files.save_csv(paths.comparison_file(f"{name}.csv"), table.round(6))
