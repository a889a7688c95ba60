"""What a killed run left of a lock is moved aside."""

import fcntl
from pathlib import Path

import pytest

from elbowroom.scheduler.dvc_job import DVC_LOCK
from elbowroom.scheduler.repair import repair
from tests.support import ROOT


def test_what_a_kill_left_of_a_lock_is_moved_aside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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
    for sound in (whole, "<<<<<<< HEAD\n" + whole[:100]):  # a merge is the user's to end
        lock.write_text(sound)
        rwlock.write_text("{}")
        assert repair() == []


def test_a_dvc_killed_before_it_made_its_folder_leaves_what_can_be_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.lock").write_text("")
    assert repair() == [Path("dvc.lock")]
