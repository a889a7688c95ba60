"""Read dvc.lock: which settings a result was made with, and which results belong to nothing any more."""

import contextlib
import hashlib
import shutil
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from elbowroom.core.errors import StudyError
from elbowroom.core.paths import DIGESTS
from elbowroom.core.pipeline import DATASET_STAGES, FOLDER_STAGES, VARIANT_STAGES
from elbowroom.core.settings import Study

# the folders that these stages write to
OUTS = ("animations", "data", "listings", "metrics", "models", "plots", "sheets")


def locked_stages() -> dict[str, Any]:
    """Return the stages in dvc.lock by name: none if DVC has run nothing yet. Raises StudyError if it is damaged."""
    lock = Path("dvc.lock")
    if not lock.is_file():
        return {}
    try:
        return (YAML(typ="safe").load(lock) or {}).get("stages", {})
    except (YAMLError, AttributeError, UnicodeDecodeError):
        raise StudyError(
            f"{lock}: found no stages, expected a file as DVC wrote it (`git checkout {lock}` restores it)"
        ) from None


def is_edited(study: Study, variant: str) -> bool:
    """Return whether params.yaml has other settings of the variant, or its network, than when DVC last evaluated it."""
    params = locked_stages().get(f"evaluate@{variant}", {}).get("params", {}).get("params.yaml", {})
    settings, network = study.variants[variant], study.variants[variant].network
    now = {f"variants.{variant}": settings.model_dump(), f"networks.{network}": study.networks[network].model_dump()}
    return any(key in params and params[key] != value for key, value in now.items())


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
