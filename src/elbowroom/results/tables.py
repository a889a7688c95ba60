"""The tables that stages hand to each other, each declared once, and read here by whatever reads them.

So one that was edited by hand, or cut short, is one clear line (StudyError) and no wrong number.
"""

from typing import get_args

import pandas as pd

from elbowroom.core import paths
from elbowroom.core.errors import StudyError
from elbowroom.core.settings import DATASETS, Likelihood, Study
from elbowroom.results.schema import Column, Rows, Table, load

TEXT = Column("text")
NUMBER, MAYBE = Column(), Column(empty=True)
AMOUNT, SHARE = Column(low=0), Column(low=0, high=1)
COUNT, SEED = Column("whole", low=1, high=2**53), Column("whole", low=0, high=2**31)
DATASET = Column("text", choices=tuple(DATASETS))
SPLIT = Column("text", choices=("train", "test"))
FAMILY = {
    "dataset": DATASET,
    "likelihood": Column("text", choices=get_args(Likelihood)),
    "pixel_range": Column("text", choices=("[0, 1]", "[-1, 1]")),
}
METRICS: dict[str, Column] = {
    **dict.fromkeys(
        [f"{split}_{term}" for split in ("test", "train") for term in ("loss", "distortion", "rate")], NUMBER
    ),
    "active_units": Column("whole", low=0, high=2**53),
    **dict.fromkeys(["psnr", "ssim", "fcd_recon", "fcd_floor", "kid_floor"], NUMBER),
    **dict.fromkeys(["probe_accuracy", "knn_accuracy"], Column(low=0, high=1, empty=True)),  # nothing to tell apart
    **dict.fromkeys([f"{of}_{path}" for of in ("path", "step") for path in ("linear", "slerp", "blend")], MAYBE),
    **dict.fromkeys(["pca_2d", "sigma2", "effective_beta"], MAYBE),
    "parameters": COUNT,
}
OF_VAE = ["iwae_nll", "effective_samples", "active_units_kl", "fcd", "kid"]  # an autoencoder has none

SEEDS = {
    model: Table(
        {"variant": TEXT, "seed": SEED} | METRICS | dict.fromkeys(OF_VAE, NUMBER if model == "vae" else MAYBE),
        key=["seed"],
        more=r"iwae_nll_\d+",
    )
    for model in ("vae", "ae")
}
HISTORY = Table(
    {"variant": TEXT, "seed": SEED, "split": SPLIT, "epoch": COUNT}
    | dict.fromkeys(["loss", "distortion", "rate"], NUMBER),
    key=["seed", "split", "epoch"],
)
COST = Table(
    {"variant": TEXT, "seed": SEED, "seconds": AMOUNT, "seeds_together": COUNT, "images_per_second": AMOUNT}
    | {"peak_memory_mib": AMOUNT, "device": TEXT, "torch": TEXT},
    key=["seed"],
    since={"seeds_together": 1},
)
SPECTRUM = Table({"variant": TEXT, "seed": SEED, "rank": COUNT, "kl": NUMBER}, key=["seed", "rank"])
MAP = Table({"pc1": NUMBER, "pc2": NUMBER, "label": TEXT}, key=[])
JUDGE = Table({"dataset": DATASET, "epoch": COUNT, "train_loss": AMOUNT, "test_accuracy": SHARE}, key=["epoch"])
BASELINES = Table(
    {
        **FAMILY,
        "baseline": TEXT,
        "latent_dim": COUNT._replace(empty=True),
        "test_loss": NUMBER,
        "test_distortion": NUMBER,
    }
    | dict.fromkeys(["train_loss", "test_rate", "active_units", "psnr"], MAYBE),
    key=["dataset", "baseline", "likelihood", "pixel_range", "latent_dim"],
)
COMPARISON = {  # of report/comparison, what the report reads
    "variants": Table(
        {"variant": TEXT, **FAMILY, "series": TEXT, "latent_dim": COUNT, "seeds": COUNT}
        | {"above_floor": MAYBE, "verdict": TEXT._replace(empty=True)}
        | METRICS
        | {"active_units": AMOUNT}  # a mean over seeds
        | dict.fromkeys([*OF_VAE, *(f"{name}_sd" for name in [*METRICS, *OF_VAE] if name != "parameters")], MAYBE),
        key=["variant"],
        more=r"iwae_nll_\d+(_sd)?",
    ),
    "baselines": BASELINES,
    "latents": Table(
        {**FAMILY, "metric": TEXT, "series": TEXT, "latent_dim": COUNT, "value": NUMBER, "low": NUMBER, "high": NUMBER},
        key=[*FAMILY, "metric", "series", "latent_dim"],
        may_be_empty=True,
    ),
    "differences": Table(
        {"dataset": DATASET, "variant": TEXT, "against": TEXT, "metric": TEXT, "difference": MAYBE}
        | {"low": MAYBE, "high": MAYBE, "seeds": SEED, "result": TEXT},
        key=["variant", "against", "metric"],
        may_be_empty=True,
    ),
    "elbows": Table(
        {**FAMILY, "series": TEXT, "metric": TEXT, "seeds": SEED, "result": TEXT}
        | dict.fromkeys(["latent_dim", "low", "high", "slope_before", "slope_after"], MAYBE),
        key=[*FAMILY, "series", "metric"],
        may_be_empty=True,
    ),
    "curves": Table(
        {"dataset": DATASET, "variant": TEXT, "split": SPLIT, "epoch": COUNT}
        | dict.fromkeys(["loss", "distortion", "rate"], NUMBER),
        key=["variant", "split", "epoch"],
    ),
    "spectrum": Table(
        {"dataset": DATASET, "variant": TEXT, "rank": COUNT, "kl": NUMBER}, key=["variant", "rank"], may_be_empty=True
    ),
    "claims": Table(dict.fromkeys(["study", "claim", "against", "result", "numbers"], TEXT), key=[]),
    "published": Table(
        {"study": TEXT, "variant": TEXT, "quantity": TEXT, "published": NUMBER}
        | {"measured": MAYBE, "difference_percent": MAYBE},
        key=["study", "variant", "quantity"],
        may_be_empty=True,
    ),
}


def seeds(study: Study, name: str, edited: bool = False) -> pd.DataFrame:
    """Metrics of a variant, a row for each seed; of those in params.yaml unless it was edited since."""
    variant = study.variant(name)
    rows: Rows = {} if edited else {"seed": study.recipes[variant.recipe].seeds}
    return load(paths.seeds_file(name), SEEDS[variant.model], {"variant": [name], **rows})


def history(study: Study, name: str) -> pd.DataFrame:
    """A row for each seed, split and epoch of a variant's training."""
    recipe = study.recipes[study.variant(name).recipe]
    rows: Rows = {"seed": recipe.seeds, "split": SPLIT.choices, "epoch": range(1, recipe.epochs + 1)}
    return load(paths.plot_file(name, "history.csv"), HISTORY, {"variant": [name], **rows})


def costs(study: Study, name: str) -> pd.DataFrame:
    """What training took, a row for each seed of a variant."""
    rows: Rows = {"variant": [name], "seed": study.recipes[study.variant(name).recipe].seeds}
    return load(paths.plot_file(name, "cost.csv"), COST, rows)


def spectrum(study: Study, name: str) -> pd.DataFrame:
    """The KL of each latent of a variant, a row for each seed and rank."""
    variant = study.variant(name)
    rows: Rows = {"seed": study.recipes[variant.recipe].seeds, "rank": range(1, variant.latent_dim + 1)}
    return load(paths.plot_file(name, "spectrum.csv"), SPECTRUM, {"variant": [name], **rows})


def latent_map(name: str) -> pd.DataFrame:
    """Points of a variant's latent map, a row for each test image."""
    return load(paths.plot_file(name, "map.csv"), MAP, {})


def judge(study: Study, dataset: str) -> pd.DataFrame:
    """The training of a dataset's judge, a row for each epoch."""
    rows: Rows = {"dataset": [dataset], "epoch": range(1, study.judge.epochs + 1)}
    return load(paths.judge_history_file(dataset), JUDGE, rows)


def baselines(study: Study, dataset: str) -> pd.DataFrame:
    """The baselines of a dataset, among them the mean image of each likelihood and range that the study has."""
    path = paths.baselines_file(dataset)
    table = load(path, BASELINES, {"dataset": [dataset]})
    means = table[table.baseline == "mean image"][["likelihood", "pixel_range"]]
    known = set(means.itertuples(index=False, name=None))
    for variant in study.variants.values():
        family = variant.likelihood, str(variant.pixel_range)
        if variant.dataset == dataset and family not in known:
            raise StudyError(f"{path}: found no mean image of {', '.join(family)}, expected a row for it")
    return table


def comparison(study: Study) -> dict[str, pd.DataFrame]:
    """The tables of report/comparison that the report reads, by name."""
    rows: dict[str, Rows] = {"variants": {"variant": list(study.variants)}}
    return {
        name: load(paths.comparison_file(f"{name}.csv"), table, rows.get(name, {}))
        for name, table in COMPARISON.items()
    }
