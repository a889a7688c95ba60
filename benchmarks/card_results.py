"""Ask dvc.yaml which files a stage writes, and which settings it uses."""

from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.settings import ROOT
from elbowroom.core.pipeline import DATASET_STAGES
from elbowroom.core.settings import Study

MODELS = "models"  # the folder of what is large


@cache
def _stages() -> dict[str, Any]:
    return YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]


def outs(stage: str) -> list[str]:
    """Return the files and folders that a stage such as `train@mnist-z128` writes."""
    kind, _, name = stage.partition("@")
    listed = [entry for section in ("metrics", "plots", "outs") for entry in _stages()[kind]["do"].get(section, [])]
    paths = [entry if isinstance(entry, str) else next(iter(entry)) for entry in listed]
    return [path.replace("${key}", name) for path in paths]


def needs(stage: str, study: Study) -> list[str]:
    """Return the stages whose results this one reads."""
    kind, _, name = stage.partition("@")
    if kind == "prepare":
        return []
    if kind in DATASET_STAGES:
        return [f"prepare@{name}"]
    dataset = study.variant(name).dataset
    return [f"prepare@{dataset}"] if kind == "train" else [f"train@{name}", f"judge@{dataset}"]


def settings_used(stage: str, study: Study) -> list[str]:
    """Return the keys of params.yaml that a stage uses, such as `recipes.notebook-mnist`."""
    kind, _, name = stage.partition("@")
    keys = [key.replace("${key}", name) for key in _stages()[kind]["do"].get("params", [])]
    if name in study.variants:
        variant = study.variants[name]
        keys = [key.replace("${item.recipe}", variant.recipe) for key in keys]
        keys = [key.replace("${item.network}", variant.network) for key in keys]
    return keys


def written(folder: Path, stage: str) -> list[str]:
    """Return the files that a stage wrote in a study's folder. Prepared images are left out: anyone can make them."""
    if stage.startswith("prepare@"):
        return []
    found = []
    for path in outs(stage):
        inside = sorted((folder / path).rglob("*")) if (folder / path).is_dir() else [folder / path]
        found += [file.relative_to(folder).as_posix() for file in inside if file.is_file()]
    return found


def importance(path: str, study: Study) -> int:
    """Return 0 for tables, 1 for judges, 2 for the models that pictures show, 3 for the other seeds' models."""
    top, *rest = path.split("/")
    if top != MODELS:
        return 0
    if rest[0] not in study.variants:
        return 1
    first = study.recipes[study.variants[rest[0]].recipe].seeds[0]
    return 2 if rest[1] in (f"seed-{first}.safetensors", "evolution.safetensors") else 3
