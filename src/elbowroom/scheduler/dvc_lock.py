"""Read dvc.lock: which settings a result was made with, and which results belong to nothing any more."""

import contextlib
import hashlib
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from elbowroom.core.errors import StudyError
from elbowroom.core.paths import DIGESTS, PARAMS
from elbowroom.core.pipeline import DATASET_STAGES, FOLDER_STAGES, VARIANT_STAGES
from elbowroom.core.settings import Study

LOCK = Path("dvc.lock")
# the folders that these stages write to
OUTS = ("animations", "data", "listings", "metrics", "models", "plots", "sheets")


def locked_stages() -> dict[str, Any]:
    """Return the stages in dvc.lock by name: none if DVC has run nothing yet. Raises StudyError if it is damaged."""
    if not LOCK.is_file():
        return {}
    try:
        stages = (YAML(typ="safe").load(LOCK) or {}).get("stages", {})
    except (YAMLError, AttributeError, UnicodeDecodeError):
        raise _damaged() from None
    if not isinstance(stages, dict) or not all(isinstance(stage, dict) for stage in stages.values()):
        raise _damaged()
    return stages


def _damaged() -> StudyError:
    return StudyError(f"{LOCK}: found no stages, expected a file as DVC wrote it (`git checkout {LOCK}` restores it)")


def is_edited(study: Study, variant: str) -> bool:
    """Return whether params.yaml has other settings of a variant than when DVC last trained and evaluated it."""
    return bool(edited_since(study, _stages_of(study, variant)))


def edited_since_answer(study: Study) -> list[str]:
    """Return the keys of the settings that params.yaml has changed since DVC made the answer; none if it never did."""
    return edited_since(study, ["compare", *(stage for name in study.variants for stage in _stages_of(study, name))])


def _stages_of(study: Study, variant: str) -> list[str]:
    return [f"prepare@{study.variants[variant].dataset}", f"train@{variant}", f"evaluate@{variant}"]


def edited_since(study: Study, stages: Iterable[str]) -> list[str]:
    """Return the keys of the settings, as recipes.NAME.epochs, that changed since DVC last ran these stages."""
    locked, now = locked_stages(), study.model_dump(exclude_unset=True)
    found: list[str] = []
    for stage in stages:
        try:
            ran_with = locked.get(stage, {}).get("params", {}).get(str(PARAMS), {})
            for key, value in ran_with.items():
                setting: Any = now
                for part in key.split("."):
                    setting = setting.get(part, {})
                found += _differences(key, value, setting)
        except AttributeError:
            raise _damaged() from None
    return list(dict.fromkeys(found))


def _differences(key: str, one: Any, other: Any) -> Iterator[str]:
    """Yield the keys at which two settings differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for part in one | other:
            yield from _differences(f"{key}.{part}", one.get(part), other.get(part))
    elif one != other:
        yield key


def of_other_code(study: Study) -> list[str]:
    """Return the variants that DVC last trained or evaluated with code that computes something else than today's.

    In a `dvc repro` there are none of them when the report runs. A report that is made by itself names them.
    """
    stages = locked_stages()
    found = []
    for name in study.variants:
        for kind in ("train", "evaluate"):
            path = DIGESTS / f"{kind}.json"
            recorded = {dep["path"]: dep.get("md5") for dep in stages.get(f"{kind}@{name}", {}).get("deps", [])}
            if recorded and path.is_file() and recorded.get(str(path)) != _md5(path):
                found.append(name)
    return list(dict.fromkeys(found))


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()  # as DVC has it


def prune(study: Study) -> list[Path]:
    """Delete the results of variants and datasets that params.yaml no longer has. Return the deleted paths.

    DVC leaves them. Only what dvc.lock lists as a result is deleted, since DVC's cache or git has a copy of that.
    """
    kept = dict.fromkeys(VARIANT_STAGES, frozenset(study.variants))
    kept |= dict.fromkeys(DATASET_STAGES, frozenset(study.datasets))
    kept |= dict.fromkeys(FOLDER_STAGES, frozenset(study.folders))
    deleted = []
    for stage, locked in locked_stages().items():
        kind, _, name = stage.partition("@")
        if name in kept.get(kind, {name}):
            continue
        for path in [Path(out["path"]) for out in locked.get("outs", [])]:
            if path.parts[0] not in OUTS or ".." in path.parts:
                continue  # a lock edited by hand must not delete the user's files
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()
            else:
                continue
            deleted.append(path)
            with contextlib.suppress(OSError):
                path.parent.rmdir()  # if it is empty now
    return deleted
