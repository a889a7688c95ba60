"""Stages run side by side, by DVC, on a toy pipeline."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests.support import ROOT

pytestmark = pytest.mark.dvc

DVC_YAML = """
stages:
  top: {cmd: "python work.py top ${top}", outs: [top.txt]}
  left: {cmd: "python work.py left ${left} right", deps: [top.txt], outs: [left.txt]}
  right: {cmd: "python work.py right ${right} left", deps: [top.txt], outs: [right.txt]}
  bottom: {cmd: "python work.py bottom ${bottom}", deps: [left.txt, right.txt], outs: [bottom.txt]}
  quick:
    foreach: [a, b, c, d, e, f, g, h]
    do: {cmd: "python work.py quick-${item} 1", outs: ["quick-${item}.txt"]}
"""
WORK = '''
"""NAME VALUE [FRIEND]: write VALUE to NAME.txt, and start, end and threads to times/NAME."""
import json, os, sys, time
from pathlib import Path
from tqdm import tqdm
name, value, *friends = sys.argv[1:]
start = time.time()
Path("times", name).touch()
if value == "fail":
    sys.exit("error: told to fail (ä)")
if value == "stage":  # it is none of those whose code is known, and says so
    from elbowroom.core.stage import run
    sys.argv = sys.argv[:1]
    run(print)
while value == "hang" and Path("hang").exists():
    time.sleep(0.05)
for _ in tqdm(range(20 if value == "hang" else 1), desc=f"at work on {name}", disable=None):
    time.sleep(0.05)
while not all(Path("times", friend).exists() for friend in friends) and time.time() < start + 30:
    time.sleep(0.05)
met = all(Path("times", friend).exists() for friend in friends)
Path(f"{name}.txt").write_text(value)
threads = os.environ["OMP_NUM_THREADS"]
Path("times", name).write_text(json.dumps({"start": start, "end": time.time(), "met": met, "threads": threads}))
'''
QUICK = {f"quick@{item}" for item in "abcdefgh"}


class Toy(NamedTuple):
    """The folder of the toy pipeline, and the folder of the `python` and the `dvc` that run it."""

    path: Path
    python: Path

    def environment(self) -> dict[str, str]:
        path = f"{self.python}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        kept = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
        return kept | {"PATH": path, "PYTHONPATH": str(ROOT / "src"), "DVC_NO_ANALYTICS": "1"}

    def run(self, *command: str) -> str:
        """Run a command that succeeds. Return what it printed."""
        return subprocess.check_output(command, cwd=self.path, env=self.environment(), text=True)  # noqa: S603

    def start(self, jobs: int, **variables: str) -> subprocess.Popen[str]:
        """Start to run what is not up to date."""
        command = [sys.executable, "-m", "elbowroom.scheduler.local", "--jobs", str(jobs)]
        environment, pipe = self.environment() | variables, subprocess.PIPE
        return subprocess.Popen(  # noqa: S603
            command, cwd=self.path, env=environment, stdout=pipe, stderr=subprocess.STDOUT, text=True
        )

    def edit(self, stage: str, value: object) -> None:
        params = self.path / "params.yaml"
        params.write_text(re.sub(rf"^{stage}: .*", f"{stage}: {value}", params.read_text(), flags=re.MULTILINE))

    def copy(self, folder: Path) -> "Toy":
        return self._replace(path=shutil.copytree(self.path, folder / "toy", symlinks=True))


def finish(process: subprocess.Popen[str], status: int = 0) -> str:
    """Wait for a run to end with this status. Return what it printed."""
    output, _ = process.communicate(timeout=180)
    assert process.returncode == status, output
    return output


def outcomes(output: str) -> dict[str, str]:
    """Read how each stage ended from the lines for them."""
    return dict(re.findall(r"^(\S+) +\d:\d\d:\d\d  (.+)$", output, re.MULTILINE))


class Finished(NamedTuple):
    """A toy pipeline whose stages all ran once, 6 at a time, and what was printed."""

    toy: Toy
    output: str


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Finished:
    toy = Toy(tmp_path_factory.mktemp("toy"), python)
    toy.run("git", "init", "-q")
    toy.run("dvc", "init", "-q")
    toy.run("dvc", "config", "core.analytics", "false")
    (toy.path / "dvc.yaml").write_text(DVC_YAML)
    (toy.path / "work.py").write_text(WORK)
    (toy.path / "params.yaml").write_text("top: 1\nleft: 1\nright: 1\nbottom: 1\n")
    (toy.path / "times").mkdir()
    return Finished(toy, finish(toy.start(6)))


@pytest.fixture
def toy(finished: Finished, tmp_path: Path) -> Toy:
    """A copy of the finished pipeline for one test."""
    return finished.toy.copy(tmp_path)


@pytest.fixture(scope="module")
def left_twice(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """The pipeline after `left` ran with another value, so that its first result is in DVC's cache only."""
    toy = finished.toy.copy(tmp_path_factory.mktemp("left-twice"))
    toy.edit("left", 2)
    finish(toy.start(2))
    return toy


@pytest.fixture
def stuck(left_twice: Toy, tmp_path: Path) -> Toy:
    """A copy whose next run restores `left` and hangs in `bottom`, with a python and a dvc that are real processes."""
    toy = left_twice.copy(tmp_path)._replace(python=Path(sys.executable).parent)
    toy.edit("left", 1)
    toy.edit("bottom", "hang")
    (toy.path / "hang").touch()
    (toy.path / "times/bottom").unlink()
    return toy


def wait_until_stuck(run: subprocess.Popen[str], toy: Toy) -> list[psutil.Process]:
    """Wait until a run hangs in `bottom`. Return the processes that it started."""
    while not (toy.path / "times/bottom").exists() and run.poll() is None:
        time.sleep(0.05)
    children = psutil.Process(run.pid).children(recursive=True)
    assert any("work.py" in child.cmdline() for child in children)
    return children


def test_every_stage_runs_as_soon_as_it_can(finished: Finished) -> None:
    toy = finished.toy
    assert outcomes(finished.output) == dict.fromkeys({"top", "left", "right", "bottom"} | QUICK, "ran")
    times = {path.name: json.loads(path.read_text()) for path in (toy.path / "times").iterdir()}
    assert times["left"]["met"]
    assert times["right"]["met"]
    assert times["top"]["end"] < min(times["left"]["start"], times["right"]["start"])
    assert times["bottom"]["start"] > max(times["left"]["end"], times["right"]["end"])
    assert {entry["threads"] for entry in times.values()} == {str(max(1, len(os.sched_getaffinity(0)) // 6))}
    assert toy.run("dvc", "status", "--json").strip() == "{}"


def test_one_line_says_that_nothing_has_to_run(toy: Toy) -> None:
    assert finish(toy.start(2)) == "Nothing to run: every stage is up to date\n"


def test_an_edit_runs_the_stages_that_depend_on_it(toy: Toy) -> None:
    toy.edit("left", 2)
    lines = finish(toy.start(2, OMP_NUM_THREADS="7")).splitlines()
    assert [re.sub(r" +\d:\d\d:\d\d", "", line) for line in lines] == [
        "Up to 2 stages to run, 2 at a time with OMP_NUM_THREADS=7; DVC restores what its cache has",
        "left    started",
        "left  ran",
        "bottom  started",
        "bottom  ran",
        "2 stages in: 2 ran",
    ]
    assert json.loads((toy.path / "times/left").read_text())["threads"] == "7"


def test_a_failing_stage_stops_only_those_that_depend_on_it(toy: Toy) -> None:
    toy.edit("left", "fail")
    toy.edit("right", 2)
    output = finish(toy.start(1, PYTHONIOENCODING="ascii"), status=1)  # of this terminal, not of the stage's
    assert outcomes(output) == {"left": "FAILED", "right": "ran"}
    assert f"left FAILED, see {toy.path / '.dvc/tmp/parallel/left.log'}, which ends with\n" in output
    assert "\n  error: told to fail (\\xe4)\n" in output
    assert output.endswith("Not run, because they depend on what failed: bottom\n")
    assert "error: told to fail (ä)" in (toy.path / ".dvc/tmp/parallel/left.log").read_text()
    assert ".dvc/tmp" not in toy.run("git", "status", "-s")


def test_the_error_of_a_stage_is_shown_without_the_rest_of_its_log(toy: Toy) -> None:
    """It is that of the last run: the note of one before is gone."""
    toy.edit("left", "stage")
    output = finish(toy.start(1), status=1)
    log = toy.path / ".dvc/tmp/parallel/left.log"
    error = next(line for line in log.read_text().splitlines() if line.startswith("error: "))
    assert f"\nleft FAILED, see {log}\n  {error}\nNot run" in output
    toy.edit("left", "fail")
    assert f"\nleft FAILED, see {log}, which ends with\n" in finish(toy.start(1), status=1)


def test_a_second_run_of_a_study_is_refused_while_one_of_another_study_goes_on(stuck: Toy, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = stuck.copy(tmp_path / "other")
    (other.path / "hang").unlink()
    first = stuck.start(2)
    wait_until_stuck(first, stuck)
    logs = {path: path.read_bytes() for path in (stuck.path / ".dvc/tmp/parallel").iterdir()}
    said = finish(stuck.start(2), status=1)
    assert said == f"error: {stuck.path}: found another run at work (process {first.pid}), expected one at a time\n"
    assert {path: path.read_bytes() for path in (stuck.path / ".dvc/tmp/parallel").iterdir()} == logs
    assert outcomes(finish(other.start(2))) == {"left": "restored from cache", "bottom": "ran"}
    (stuck.path / "hang").unlink()
    assert outcomes(finish(first)) == {"left": "restored from cache", "bottom": "ran"}
    assert ".dvc/tmp" not in stuck.run("git", "status", "-s")
    assert finish(stuck.start(2)) == "Nothing to run: every stage is up to date\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_leaves_no_process(stuck: Toy, number: signal.Signals) -> None:
    """Nor under nohup, where processes start with SIGHUP ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    process = stuck.start(2)
    signal.signal(signal.SIGHUP, before)
    children = wait_until_stuck(process, stuck)
    process.send_signal(number)
    output = finish(process, status=-9 if number == signal.SIGKILL else 130)
    assert psutil.wait_procs(children, timeout=5)[1] == []
    if number != signal.SIGKILL:
        assert outcomes(output) == {"left": "restored from cache", "bottom": "interrupted"}


def test_a_run_after_a_killed_one_continues_and_shows_it_on_a_terminal(stuck: Toy) -> None:
    process = stuck.start(2)
    children = wait_until_stuck(process, stuck)
    process.kill()
    finish(process, status=-9)
    assert psutil.wait_procs(children, timeout=5)[1] == []
    (stuck.path / "hang").unlink()
    pid, terminal = pty.fork()
    if pid == 0:
        termios.tcsetwinsize(0, (24, 100))
        os.chdir(stuck.path)
        os.execle(sys.executable, "python", "-m", "elbowroom.scheduler.local", "--jobs", "3", stuck.environment())  # noqa: S606
    output = b""
    try:
        while piece := os.read(terminal, 4096):
            output += piece
    except OSError:
        pass  # Linux: the end
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, output.decode()
    text = output.decode()
    frames = [frame.split() for frame in re.split(r"\r|\n|\x1b\[[0-?]*[A-Za-z]", text)]
    assert ["bottom", "0:00", "ran"] in [[f[0], f[1][:4], " ".join(f[2:])] for f in frames if len(f) > 2]
    assert re.search(r"bottom +0:00:\d\d  at work on bottom: +\d+%\|[^|]+\| \d+/20 ", text)
    assert "started" not in text
    assert "0 of 1 stage done" in text
    assert stuck.run("dvc", "status", "--json").strip() == "{}"
