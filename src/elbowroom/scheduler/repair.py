"""Repair what a killed dvc left: files that it had only half written, and that no dvc can read. Wait for it to end."""

import json
import time
from pathlib import Path
from typing import TextIO

import psutil

from elbowroom.core.errors import StudyError
from elbowroom.core.file_lock import try_lock
from elbowroom.scheduler.dvc_job import DVC_LOCK
from elbowroom.scheduler.dvc_lock import locked_stages

RWLOCK = Path(".dvc/tmp/rwlock")  # which process uses which paths
PATIENCE = 20.0  # seconds


def repair() -> list[Path]:
    """Move damaged files of DVC aside, and return their paths. DVC does without them.

    A running dvc may be about to write them; while one holds DVC's lock, do nothing.
    """
    damaged = []
    with _dvc_lock() as lock:
        for path, is_whole in ((Path("dvc.lock"), _is_whole_lock), (RWLOCK, _is_json)):
            if try_lock(lock) and path.is_file() and not is_whole(path):
                path.replace(path.with_name(f"{path.name}.damaged"))
                print(f"{path}: found half a file, left by a killed process; moved it to {path.name}.damaged")
                damaged.append(path)
    return damaged


def _dvc_lock() -> TextIO:
    DVC_LOCK.parent.mkdir(parents=True, exist_ok=True)  # missing if dvc was killed in its first moments
    return DVC_LOCK.open("a")


def _is_whole_lock(path: Path) -> bool:
    """Return whether a dvc.lock is complete. One with a merge conflict is: that is for the user to resolve."""
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        return "<<<<<<<" in text or (all("cmd" in stage for stage in locked_stages().values()) and bool(text.strip()))
    except StudyError:
        return False


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def wait_for_orphans(patience: float = PATIENCE) -> None:
    """Wait until each dvc has ended whose scheduler was killed: it takes a moment, and blocks what would run next.

    DVC takes one for alive as long as its parent has not asked for its exit status, which some containers' first
    process never does. So forget the note of who uses which paths, if all of them have ended.
    """
    limit = time.monotonic() + patience
    while any(map(_is_orphan, _users())) and time.monotonic() < limit:
        time.sleep(0.1)
    with _dvc_lock() as lock:
        if try_lock(lock) and _users() and not any(map(is_alive, _users())):
            RWLOCK.unlink()


def _users() -> set[int]:
    """Return the processes that use paths, as DVC has noted them."""
    try:
        noted = json.loads(RWLOCK.read_bytes())
        readers = [each for infos in noted.get("read", {}).values() for each in infos]
        return {int(each["pid"]) for each in [*readers, *noted.get("write", {}).values()]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def is_alive(pid: int) -> bool:
    """Return whether a process runs: one that has ended, and whose parent has not asked how, does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _is_orphan(pid: int) -> bool:
    """Return whether a process is a dvc that a scheduler started, and the scheduler is gone."""
    try:
        process = psutil.Process(pid)
        ours = "--single-item" in process.cmdline()  # of a process that has ended, it raises an error
        parent = process.parent()
        return ours and (parent is None or "elbowroom" not in " ".join(parent.cmdline()))
    except psutil.Error:
        return False
