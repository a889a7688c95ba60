"""The published tables beside ours."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from elbowroom.core.settings import Study

TABLES = Path(__file__).with_name("published.yaml")
COLUMNS = ["study", "variant", "quantity", "published", "measured", "difference_percent"]


def load_published() -> dict[str, Any]:
    """The published studies: title, dataset, budget and the values of each variant."""
    return yaml.safe_load(TABLES.read_text(encoding="utf-8"))


def against_published(study: Study, metrics: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """A row for each published number of a variant that this study has, with ours: COLUMNS.

    metrics: a row for each variant, its means over seeds. history: variant, seed, split, epoch, loss, distortion, rate.
    Where our training did not reach the epoch, `measured` is empty. What was published of the last epoch stands beside
    our last, and where that is another, `quantity` says both and there is no difference. Values are means over seeds.
    """
    epochs = {name: study.recipes[variant.recipe].epochs for name, variant in study.variants.items()}
    rows = []
    for name, published in load_published().items():
        for variant, values in published["variants"].items():
            if variant not in study.variants or study.variants[variant].dataset != published["dataset"]:
                continue
            last, ours_last = published["budget"]["epochs"], epochs[variant]
            when = "" if last == ours_last else f", epoch {last} (ours: {ours_last})"
            for key, value in values["metrics"].items():
                of_another = when if key != "parameters" else ""
                rows.append((name, variant, _label(key) + of_another, value, metrics.loc[variant, key], not of_another))
            for key, by_epoch in values.get("history", {}).items():
                split, term = key.split("_")
                ours = history[(history.variant == variant) & (history.split == split)].groupby("epoch")[term].mean()
                rows += [
                    (name, variant, f"{_label(key)}, epoch {e}", v, ours.get(e), True) for e, v in by_epoch.items()
                ]
    table = pd.DataFrame(rows, columns=[*COLUMNS[:-1], "comparable"]).astype({"measured": float, "comparable": bool})
    difference = 100 * (table.measured / table.published - 1)
    return table.assign(difference_percent=difference.where(table.comparable))[COLUMNS]


def test_loss_after(variant: str, epochs: int) -> float:
    """The published test loss of a variant after as many epochs, nats per image; nan where none was."""
    for published in load_published().values():
        if values := published["variants"].get(variant):
            if epochs == published["budget"]["epochs"]:
                return values["metrics"]["test_loss"]
            return values.get("history", {}).get("test_loss", {}).get(epochs, math.nan)
    return math.nan


def shortfalls(study: Study) -> list[str]:
    """In words, where the study's budget is below the published one, or its published variants are trained otherwise.

    Empty where neither is so.
    """
    said = []
    for published in load_published().values():
        settings = study.datasets.get(published["dataset"])
        recipes = {v.recipe for v in study.variants.values() if v.dataset == published["dataset"]}
        if settings is None or not recipes:
            continue
        ours = {
            "epochs": min(study.recipes[recipe].epochs for recipe in recipes),
            "train_images": settings.train_images,
            "test_images": settings.test_images,
        }
        less = [
            f"{ours[what]:,} of {full:,} {what.replace('train_', 'training ').replace('_', ' ')}"
            for what, full in published["budget"].items()
            if ours[what] < full
        ]
        for name in [name for name in published["variants"] if name in study.variants]:
            own = study.recipes[study.variants[name].recipe].model_dump()
            other = [
                f"{key.replace('_', ' ')} {own[key]}, not {was}"
                for key, was in published["recipe"].items()
                if own[key] != was
            ]
            if own["precision"] == "bf16":
                other.append("layers in bfloat16, not float32")
            less += [text for text in other if text not in less]
        if less:
            said.append(f"{published['dataset']}: {', '.join(less)}")
    return said


def _label(key: str) -> str:
    return "variance of mu in two components" if key == "pca_2d" else key.replace("_", " ")
