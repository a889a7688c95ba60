"""Forecast how long training takes: from what it took before or, of variants never trained, from a few steps."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from elbowroom.core import paths
from elbowroom.core.settings import Study
from elbowroom.scheduler.dvc_lock import locked_stages


def training_seconds(study: Study, names: Iterable[str]) -> dict[str, float]:
    """Return the seconds that each variant will train; empty if a speed is unknown and cannot be measured."""
    locked = locked_stages()
    speeds, images = {}, {}
    for name in names:
        past = locked.get(f"train@{name}", {}).get("params", {}).get("params.yaml", {})
        same = _has_settings(study, name, past)
        if same and (speed := _past_speed(name)):
            speeds[name] = speed
        images[name] = _images_to_go(study, name, past if same else {})
    if unknown := [name for name in images if name not in speeds]:
        print("Measuring how fast this machine trains", flush=True)
        command = [sys.executable, "-m", "elbowroom.training.speed", *unknown]
        measured = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: S603
        if measured.returncode:
            return {}  # the stage itself will say what is wrong
        speeds |= json.loads(measured.stdout)
    return {name: count / speeds[name] for name, count in images.items()}


def _has_settings(study: Study, name: str, past: Mapping[str, Any]) -> bool:
    """Return whether a past training of the variant had today's settings, but perhaps other epochs or seeds."""
    variant = study.variants[name]
    recipe = f"recipes.{variant.recipe}"
    now = {
        f"variants.{name}": variant.model_dump(),
        f"networks.{variant.network}": study.networks[variant.network].model_dump(),
        recipe: study.recipes[variant.recipe].model_dump(),
    }
    budget = {key: now[recipe][key] for key in ("epochs", "seeds")}
    return (
        bool(past)
        and all(past.get(key) == value for key, value in now.items() if key != recipe)
        and (past[recipe] | budget == now[recipe])
    )


def _past_speed(name: str) -> float | None:
    """Return how many training images a second a variant took, all seeds that trained side by side counted."""
    try:
        with paths.plot_file(name, "cost.csv").open(encoding="utf-8", newline="") as file:
            speeds = [float(row["images_per_second"]) * int(row["seeds_together"]) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError):
        return None
    return min(speeds, default=None)


def _images_to_go(study: Study, name: str, past: Mapping[str, Any]) -> int:
    """Count the images to train on, over epochs and seeds. Where there are checkpoints, past training counts."""
    variant = study.variants[name]
    recipe, done = study.recipes[variant.recipe], past.get(f"recipes.{variant.recipe}")
    epochs = len(recipe.seeds) * recipe.epochs
    if done and any(paths.CHECKPOINTS.glob("*/epoch-*")):
        left = epochs - len({*done["seeds"]} & {*recipe.seeds}) * min(done["epochs"], recipe.epochs)
        epochs = left or epochs  # if nothing is left, it is trained anew: its data or code changed
    return epochs * _train_images(study, variant.dataset)


def _train_images(study: Study, dataset: str) -> int:
    """Return how many images there were to train on, or else how many are asked for."""
    with (
        suppress(OSError, ValueError, KeyError, StopIteration),
        paths.images_file(dataset).open(encoding="utf-8", newline="") as file,
    ):
        return next(int(row["images"]) for row in csv.DictReader(file) if row["kind"] == "train")
    return study.datasets[dataset].train_images
