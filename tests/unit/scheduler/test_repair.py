"""Files that a killed dvc left half-written are moved aside."""

import fcntl
from pathlib import Path

import pytest

from elbowroom.scheduler.dvc_job import DVC_LOCK
from elbowroom.scheduler.repair import repair
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
