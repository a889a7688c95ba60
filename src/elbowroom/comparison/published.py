"""The published results (published.yaml), beside the measured ones."""

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

PUBLISHED = Path(__file__).with_name("published.yaml")
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
    """One of the two student studies. recipe: the settings of a Recipe that it states."""

    title: str
    dataset: str
    budget: Budget
    recipe: dict[str, Value]
    variants: dict[str, PublishedVariant]


@cache
def load_published() -> dict[str, PublishedStudy]:
    """Read the published studies, by name. Raises pydantic.ValidationError, which says where it is wrong."""
    studies = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))
    return {name: PublishedStudy.model_validate(study) for name, study in studies.items()}


def against_published(study: Study, metrics: pd.DataFrame, history: pd.DataFrame) -> list[PublishedNumber]:
    """Set each published number of a variant that the study has beside the measured mean over seeds.

    metrics: means over seeds, variants in the index. history: variant, seed, split, epoch, loss, distortion, rate.

    `measured` is nan if our training did not reach the epoch. A number of the last published epoch stands beside our
    last; if that is another epoch, `quantity` names both and there is no difference.
    """
    rows = []
    for name, published in load_published().items():
        for variant, printed in published.variants.items():
            if variant not in study.variants or study.variants[variant].dataset != published.dataset:
                continue
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


def test_loss_after(variant: str, epochs: int) -> float:
    """Return the published test loss of a variant after this many epochs, nats per image; nan if there is none."""
    for published in load_published().values():
        if printed := published.variants.get(variant):
            if epochs == published.budget.epochs:
                return printed.metrics["test_loss"]
            return printed.history.get("test_loss", {}).get(epochs, math.nan)
    return math.nan


def shortfalls(study: Study) -> list[str]:
    """Say, for each published dataset, how the study's training falls short of the published one or differs from it.

    Empty if it does not.
    """
    datasets = [published.dataset for published in load_published().values()]
    said = {dataset: shortfalls_of(study, dataset) for dataset in datasets}
    return [f"{dataset}: {', '.join(parts)}" for dataset, parts in said.items() if parts]


def shortfalls_of(study: Study, dataset: str) -> list[str]:
    """Say how the study's training on a dataset falls short of the published one or differs from it, part by part."""
    own = {name: variant for name, variant in study.variants.items() if variant.dataset == dataset}
    parts: list[str] = []
    for published in load_published().values():
        if published.dataset == dataset and dataset in study.datasets and own:
            parts += _less(study, published, {variant.recipe for variant in own.values()})
            for name in published.variants:
                if name in study.variants:
                    parts += _otherwise(study, name, published)
    return list(dict.fromkeys(parts))


def _less(study: Study, published: PublishedStudy, recipes: set[str]) -> list[str]:
    """List where the study's budget is below the published one."""
    dataset = study.datasets[published.dataset]
    ours = {
        "epochs": min(study.recipes[recipe].epochs for recipe in recipes),
        "train_images": dataset.train_images,
        "test_images": dataset.test_images,
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
