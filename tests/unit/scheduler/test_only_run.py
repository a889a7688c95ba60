"""One run at a time works in a study, and a killed one blocks none."""

import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from elbowroom.core.errors import StudyError
from elbowroom.scheduler.only_run import LOCK, MAKE, only_run

HOLD = "from elbowroom.scheduler.only_run import only_run; held = only_run(); print(flush=True); input()"


@pytest.fixture(autouse=True)
def _study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(MAKE, raising=False)


def test_a_killed_run_blocks_none() -> None:
    command, pipe = [sys.executable, "-c", HOLD], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as other:  # noqa: S603
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(StudyError) as refused:
            only_run()
        found = f"found another run at work (process {other.pid})"
        assert str(refused.value) == f"{Path.cwd()}: {found}, expected one at a time"
        other.kill()
        other.wait()
        only_run(patience=0).close()
    only_run(patience=0).close()


def test_a_run_whose_make_was_killed_is_waited_for() -> None:
    """It ends by itself. One whose make is alive is refused at once."""
    with subprocess.Popen([sys.executable, "-c", ""]) as make:
        pass
    LOCK.parent.mkdir(parents=True)
    with LOCK.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for parent in (f"1 {os.getpid()}", "1", ""):
            LOCK.write_text(parent)
            begun = time.monotonic()
            with pytest.raises(StudyError, match="found another run at work"):
                only_run()
            assert time.monotonic() < begun + 5
        LOCK.write_text(f"1 {make.pid}")
        with pytest.raises(StudyError, match="found another run at work"):
            only_run(patience=0.2)
        threading.Timer(0.5, fcntl.flock, (held, fcntl.LOCK_UN)).start()
        only_run().close()
