"""Repair what a killed dvc left: files that it had only half written, and that no dvc can read."""

import json
from pathlib import Path

from elbowroom.core.errors import StudyError
from elbowroom.core.file_lock import try_lock
from elbowroom.scheduler.dvc_job import DVC_LOCK
from elbowroom.scheduler.dvc_lock import locked_stages


def repair() -> list[Path]:
    """Move damaged files of DVC aside, and return their paths. DVC does without them.

    A running dvc may be about to write them; while one holds DVC's lock, do nothing.
    """
    damaged = []
    DVC_LOCK.parent.mkdir(parents=True, exist_ok=True)  # missing if dvc was killed in its first moments
    with DVC_LOCK.open("a") as lock:
        for path, is_whole in ((Path("dvc.lock"), _is_whole_lock), (Path(".dvc/tmp/rwlock"), _is_json)):
            if try_lock(lock) and path.is_file() and not is_whole(path):
                path.replace(path.with_name(f"{path.name}.damaged"))
                print(f"{path}: found half a file, left by a killed process; moved it to {path.name}.damaged")
                damaged.append(path)
    return damaged


def _is_whole_lock(path: Path) -> bool:
    """Return whether a dvc.lock is complete. One with a merge conflict is: that is for the user to resolve."""
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        return "<<<<<<<" in text or (all("cmd" in stage for stage in locked_stages().values()) and bool(text.strip()))
    except (StudyError, TypeError):
        return False


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True
