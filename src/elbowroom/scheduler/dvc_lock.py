"""What dvc.lock tells of results: which settings they are of, and which are of what is no more."""

import contextlib
import shutil
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from elbowroom.core.errors import StudyError
from elbowroom.core.pipeline import DATASET_STAGES, VARIANT_STAGES
from elbowroom.core.settings import Study

OUTS = ("data", "metrics", "models", "plots")  # folders of what these write


def locked_stages() -> dict[str, Any]:
    """The stages in dvc.lock by name; none where DVC has run nothing yet. Raises StudyError where it is no lock."""
    lock = Path("dvc.lock")
    if not lock.is_file():
        return {}
    try:
        return (YAML(typ="safe").load(lock) or {}).get("stages", {})
    except (YAMLError, AttributeError, UnicodeDecodeError):
        raise StudyError(f"{lock}: found no stages, expected what DVC wrote (`git checkout {lock}` has it)") from None


def is_edited(study: Study, variant: str) -> bool:
    """Has the variant other settings now than when DVC last evaluated it?"""
    params = locked_stages().get(f"evaluate@{variant}", {}).get("params", {}).get("params.yaml", {})
    settings = params.get(f"variants.{variant}")
    return settings is not None and settings != study.variant(variant).model_dump()


def prune(study: Study) -> list[Path]:
    """Delete what the stages of removed variants and datasets left (DVC does not), and return what that was.

    Only what dvc.lock says that such a stage wrote: DVC's cache or git has that, but not what was written since then
    without DVC.
    """
    kept = dict.fromkeys(VARIANT_STAGES, frozenset(study.variants))
    kept |= dict.fromkeys(DATASET_STAGES, frozenset(study.datasets))
    gone = []
    for stage, locked in locked_stages().items():
        kind, _, name = stage.partition("@")
        if name in kept.get(kind, {name}):
            continue
        for path in [Path(out["path"]) for out in locked.get("outs", [])]:
            if path.parts[0] not in OUTS or ".." in path.parts:
                continue  # a lock written by hand deletes nothing of the user's
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()
            else:
                continue
            gone.append(path)
            with contextlib.suppress(OSError):
                path.parent.rmdir()  # where that was its last file
    return gone
