"""`kill -9` of any process of `make repro` leaves nothing running and nothing half-written; the next run completes."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
import yaml

from elbowroom.scheduler.stage_server import LIBRARIES
from tests.support import ROOT

pytestmark = [
    pytest.mark.dvc,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed"),
]

DVC_YAML = """
stages:
  work:
    foreach: [left, right]
    do: {cmd: 'DVC_PID=$PPID exec python -m stages.work "$DVC_STAGE"', outs: ["${item}.txt"]}
  after: {cmd: cat left.txt right.txt > after.txt, deps: [left.txt, right.txt], outs: [after.txt]}
"""
WORK = '''
"""work@NAME: write NAME.txt, and wait half-way while there is a file `wait`."""
import os, sys, time
from pathlib import Path
name = sys.argv[1].removeprefix("work@")
with Path(f"{name}.txt").open("w") as file:
    file.write("a half ")
    file.flush()
    Path(f"{name}.pid").write_text(str(os.getpid()))
    while Path("wait").exists():
        time.sleep(0.02)
    file.write("and the other\\n")
'''
WHOLE = {f"{name}.txt": "a half and the other\n" for name in ("left", "right")}
WHOLE["after.txt"] = "".join(WHOLE.values())
USED_BY_THE_SCHEDULER = {"pydantic", "ruamel", "yaml"}


class Toy(NamedTuple):
    """A folder with a pipeline of stage scripts, and what its processes find in their environment."""

    path: Path
    environment: dict[str, str]

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        log = (self.path.parent / "log").open("wb")
        return subprocess.Popen(  # noqa: S603
            command, cwd=self.path, env=self.environment, stdout=log, stderr=log, start_new_session=True
        )

    def processes(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(self.path)]

    def locked(self) -> list[str]:
        """The stages in dvc.lock. Raises an error if a file that DVC reads is not whole."""
        json.loads((self.path / ".dvc/tmp/rwlock").read_bytes())
        lock = self.path / "dvc.lock"
        return [*yaml.safe_load(lock.read_text())["stages"]] if lock.exists() else []

    def find(self, words: str) -> psutil.Process:
        """The oldest process with these words on its command line."""
        return min((p for p in self.processes() if words in " ".join(p.cmdline())), key=psutil.Process.create_time)


@pytest.fixture
def toy(tmp_path: Path, python: Path) -> Iterator[Toy]:
    """DVC plans by the `dvc` that starts fast; a stage's DVC is a process of its own. The server imports stand-ins."""
    path, temporary, stand_ins, programs = (tmp_path / name for name in ("toy", "tmp", "stand-ins", "bin"))
    for folder in (path / "stages", path / ".dvc", temporary, programs):
        folder.mkdir(parents=True)
    (path / "src").symlink_to(ROOT / "src")
    shutil.copy(ROOT / "stages/__init__.py", path / "stages")
    (path / "stages/work.py").write_text(WORK)
    (path / ".dvc/config").write_text("[core]\nno_scm = true\nanalytics = false\ncheck_update = false\n")
    (path / "dvc.yaml").write_text(DVC_YAML)
    for library in LIBRARIES:
        if library.partition(".")[0] not in USED_BY_THE_SCHEDULER:
            module = stand_ins / library.replace(".", "/")
            module.mkdir(parents=True)
            for package in (module, *module.relative_to(stand_ins).parents):
                (stand_ins / package / "__init__.py").touch()
    real = Path(sys.executable).parent
    (programs / "dvc").write_text(
        f'#!/bin/sh\ncase "$*" in *--single*) exec {real}/dvc "$@";; esac\nexec {python}/dvc "$@"\n'
    )
    (programs / "dvc").chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment |= {"PATH": f"{programs}:{real}:{os.environ['PATH']}", "TMPDIR": str(temporary)}
    environment["PYTHONPATH"] = f"{stand_ins}:{ROOT / 'src'}"
    toy = Toy(path, environment)
    yield toy
    for process in toy.processes():  # of a test that failed
        process.kill()


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    limit = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < limit, what
        time.sleep(0.02)


@pytest.mark.parametrize("victim", ["make", "scheduler.local", "stage_server", "repro --single-item work@left"])
def test_a_kill_leaves_nothing_and_the_next_run_completes(toy: Toy, victim: str) -> None:
    """Of make, of the scheduler, of the stage server, of DVC: then the other stage goes on."""
    (toy.path / "wait").touch()
    run = toy.start("make", "-f", str(ROOT / "Makefile"), "-o", "check", "repro", "READY=", "STUDY=.", "JOBS=2")
    notes = [toy.path / name for name in ("left.pid", "right.pid")]
    wait_until(lambda: all(note.exists() and note.read_text() for note in notes), "no stage runs")
    left, right = (psutil.Process(int(note.read_text())) for note in notes)
    assert left.parent() == right.parent() == toy.find("stage_server")

    killed = toy.processes()
    toy.find(victim).kill()
    wait_until(lambda: not left.is_running(), "a stage outlived the kill")
    if victim.endswith("left"):
        assert right.is_running()
        (toy.path / "wait").unlink()
    assert run.wait(timeout=30) != 0
    wait_until(lambda: not toy.processes(), "something outlived the kill")
    wait_until(lambda: not any(psutil.pid_exists(old.pid) for old in killed), "a process is not reaped")  # DVC looks

    assert toy.locked() == (["work@right"] if victim.endswith("left") else [])
    assert [*(toy.path.parent / "tmp").iterdir()] == []
    (toy.path / "wait").unlink(missing_ok=True)
    assert toy.start("dvc", "repro").wait() == 0, (toy.path.parent / "log").read_text()
    assert {name: (toy.path / name).read_text() for name in WHOLE} == WHOLE
    assert toy.processes() == []
