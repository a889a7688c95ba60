"""Set the published results (published.yaml) beside the measured ones."""

import math
from functools import cache
from pathlib import Path

import pandas as pd
import yaml
from pydantic import Field

from elbowroom.core.setting_types import Settings
from elbowroom.core.settings import Study
from elbowroom.results.metrics import label_of
from elbowroom.results.rows import PublishedNumber

PUBLISHED_RESULTS = Path(__file__).with_name("published.yaml")
UNITS = {"epochs": "epochs", "train_images": "training images", "test_images": "test images"}  # of a Budget

Value = int | float


class Budget(Settings):
    """How long a published study trained, on how many images, and on how many it tested."""

    epochs: int
    train_images: int
    test_images: int


class PublishedVariant(Settings):
    """What was printed for one model.

    metrics: by column of metrics/<variant>.csv. history: by SPLIT_TERM and epoch, means over the split.
    """

    time: str
    metrics: dict[str, Value]
    history: dict[str, dict[int, Value]] = Field(default_factory=dict)


class PublishedStudy(Settings):
    """One of the two student studies.

    dataset: the source of its images. shape: of one, (C, H, W). recipe: the settings of a Recipe that it states.
    """

    title: str
    dataset: str
    shape: list[int]
    budget: Budget
    recipe: dict[str, Value]
    variants: dict[str, PublishedVariant]


@cache
def load_published() -> dict[str, PublishedStudy]:
    """Read the published studies, by name. Raises pydantic.ValidationError, which says where it is wrong."""
    studies = yaml.safe_load(PUBLISHED_RESULTS.read_text(encoding="utf-8"))
    return {name: PublishedStudy.model_validate(study) for name, study in studies.items()}


def published_in(study: Study, published: PublishedStudy, dataset: str = "") -> list[str]:
    """Return the variants of a published study that a study has: those of its name and its images.

    dataset: keep only those of this dataset of the study.
    """
    return [
        name
        for name in published.variants
        if name in study.variants
        and study.datasets[study.variants[name].dataset].source == published.dataset
        and dataset in ("", study.variants[name].dataset)
    ]


def against_published(study: Study, metrics: pd.DataFrame, history: pd.DataFrame) -> list[PublishedNumber]:
    """Set each published number of a variant that the study has beside the measured mean over seeds.

    metrics: means over seeds, variants in the index. history: variant, seed, split, epoch, loss, distortion, rate.

    `measured` is nan if our training did not reach the epoch. A number of the last published epoch stands beside our
    last; if that is another epoch, `quantity` names both and there is no difference.
    """
    rows = []
    for name, published in load_published().items():
        for variant in published_in(study, published):
            printed = published.variants[variant]
            last, ours_last = published.budget.epochs, study.recipes[study.variants[variant].recipe].epochs
            other_epoch = "" if last == ours_last else f", epoch {last} (ours: {ours_last})"
            for key, value in printed.metrics.items():
                suffix = other_epoch if key != "parameters" else ""
                measured = float(metrics[key][variant])
                rows.append(_row(name, variant, label_of(key) + suffix, value, measured, comparable=not suffix))
            for key, by_epoch in printed.history.items():
                measured_at = _mean_curve(history, variant, key)
                for epoch, value in by_epoch.items():
                    measured, quantity = float(measured_at.get(epoch, math.nan)), f"{label_of(key)}, epoch {epoch}"
                    rows.append(_row(name, variant, quantity, value, measured, comparable=True))
    return rows


def _mean_curve(history: pd.DataFrame, variant: str, key: str) -> "pd.Series[float]":
    """Return the mean over seeds of SPLIT_TERM, by epoch."""
    split, term = key.split("_")
    return history[(history.variant == variant) & (history.split == split)].groupby("epoch")[term].mean()


def _row(study: str, variant: str, quantity: str, value: Value, measured: float, comparable: bool) -> PublishedNumber:
    percent = 100 * (measured / value - 1) if comparable else math.nan
    return PublishedNumber(study, variant, quantity, value, measured, percent)


def test_loss_after(study: Study, variant: str, epochs: int) -> float:
    """Return the published test loss of a variant after this many epochs, nats per image; nan if there is none."""
    for published in load_published().values():
        if variant in published_in(study, published):
            printed = published.variants[variant]
            if epochs == published.budget.epochs:
                return printed.metrics["test_loss"]
            return printed.history.get("test_loss", {}).get(epochs, math.nan)
    return math.nan


def shortfalls(study: Study) -> list[str]:
    """Say, for each dataset, how the training of published variants falls short of the published one or differs.

    Empty if it does not.
    """
    said = {dataset: shortfalls_of(study, dataset) for dataset in study.datasets}
    return [f"{dataset}: {', '.join(parts)}" for dataset, parts in said.items() if parts]


def shortfalls_of(study: Study, dataset: str) -> list[str]:
    """Say how the training of a dataset's published variants falls short of the published one, part by part.

    Nothing if the dataset has no published variant.
    """
    parts: list[str] = []
    for published in load_published().values():
        if names := published_in(study, published, dataset):
            parts += _less(study, dataset, published, names)
            for name in names:
                parts += _otherwise(study, name, published)
    return list(dict.fromkeys(parts))


def _less(study: Study, dataset: str, published: PublishedStudy, names: list[str]) -> list[str]:
    """List where the budget of these variants of a dataset is below the published one."""
    images = study.datasets[dataset]
    ours = {
        "epochs": min(study.recipes[study.variants[name].recipe].epochs for name in names),
        "train_images": images.train_images,
        "test_images": images.test_images,
    }
    full = published.budget.model_dump()
    return [f"{ours[what]:,} of {full[what]:,} {unit}" for what, unit in UNITS.items() if ours[what] < full[what]]


def _otherwise(study: Study, name: str, published: PublishedStudy) -> list[str]:
    """Say which settings of a variant's recipe are not as published."""
    own = study.recipes[study.variants[name].recipe].model_dump()
    parts = [
        f"{key.replace('_', ' ')} {own[key]}, not {value}"
        for key, value in published.recipe.items()
        if own[key] != value
    ]
    return [*parts, "layers in bfloat16, not float32"] if own["precision"] == "bf16" else parts
