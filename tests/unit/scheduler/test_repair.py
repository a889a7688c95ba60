"""Files that a killed dvc left half-written are moved aside."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from elbowroom.scheduler.dvc_job import DVC_LOCK
from elbowroom.scheduler.repair import repair, wait_for_orphans
from tests.support import ROOT


def test_half_written_files_are_moved_aside_unless_dvc_is_running(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".dvc/tmp").mkdir(parents=True)
    whole = (ROOT / "studies/quickstart/dvc.lock").read_text()
    lock, rwlock = Path("dvc.lock"), Path(".dvc/tmp/rwlock")
    inside = whole.index("  train@mnist-z128:\n")
    for path, halves in (
        (
            lock,
            [
                "",
                whole[: inside + 10],
                whole[: inside + len("  train@mnist-z128:\n")],
                "schema: '2.0'\nstages:\n  a: 1",
            ],
        ),
        (rwlock, ["", '{"models": {"read"']),
    ):
        for half in halves:
            path.write_text(half)
            with DVC_LOCK.open("w") as held:
                fcntl.flock(held, fcntl.LOCK_EX)
                assert repair() == []
            assert path.exists()  # a dvc may be about to write it
            assert repair() == [path]
            assert not path.exists()
            assert path.with_name(f"{path.name}.damaged").read_text() == half
    for sound in (whole, "<<<<<<< HEAD\n" + whole[:100]):  # a merge conflict is for the user to resolve
        lock.write_text(sound)
        rwlock.write_text("{}")
        assert repair() == []


def test_a_half_written_lock_is_repaired_before_dvc_has_made_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.lock").write_text("")
    assert repair() == [Path("dvc.lock")]


CHILD = (
    "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {!r}, *{}], stdout=subprocess.DEVNULL).pid)"
)
RWLOCK = Path(".dvc/tmp/rwlock")


def noted(code: str, *arguments: str) -> int:
    """Have a process that ends leave another one behind, noted as one that uses a path. Return its number."""
    pid = int(subprocess.check_output([sys.executable, "-c", CHILD.format(code, [*arguments])]))  # noqa: S603
    RWLOCK.parent.mkdir(parents=True, exist_ok=True)
    RWLOCK.write_text(json.dumps({"read": {}, "write": {"models": {"pid": pid, "cmd": "dvc"}}}))
    return pid


def test_a_run_waits_for_what_a_killed_one_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    begun, pid = time.monotonic(), noted("import time; time.sleep(2)", "--single-item")
    wait_for_orphans()
    assert time.monotonic() - begun > 1.5
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert not RWLOCK.exists()  # so that DVC does not take it for alive


def test_a_run_waits_for_nobody_elses_dvc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    pid = noted("import time; time.sleep(20)")
    begun = time.monotonic()
    wait_for_orphans()
    assert time.monotonic() - begun < 1
    assert RWLOCK.exists()
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("text", ["", "[]", '{"write": {"a": 1}}', '{"read": {"a": [{"pid": null}]}}'])
def test_a_damaged_note_keeps_nobody_waiting(text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".dvc/tmp").mkdir(parents=True)
    Path(".dvc/tmp/rwlock").write_text(text)
    wait_for_orphans()
