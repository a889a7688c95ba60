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
    sys.exit("error: told to fail")
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


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    kept = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    return kept | {"PATH": path, "PYTHONPATH": str(ROOT / "src"), "DVC_NO_ANALYTICS": "1"}


def start(toy: Path, jobs: int, **settings: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "elbowroom.scheduler.local", "--jobs", str(jobs)]
    return subprocess.Popen(  # noqa: S603
        command, cwd=toy, env=environment() | settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(process: subprocess.Popen[str], status: int = 0) -> str:
    output, _ = process.communicate(timeout=180)
    assert process.returncode == status, output
    return output


def outcomes(output: str) -> dict[str, str]:
    return dict(re.findall(r"^(\S+) +\d:\d\d:\d\d  (.+)$", output, re.MULTILINE))


def edit(toy: Path, stage: str, value: object) -> None:
    params = toy / "params.yaml"
    params.write_text(re.sub(rf"^{stage}: .*", f"{stage}: {value}", params.read_text(), flags=re.MULTILINE))


def dvc(toy: Path, *command: str) -> str:
    return subprocess.run(  # noqa: S603
        ["dvc", *command],  # noqa: S607
        cwd=toy,
        env=environment(),
        check=True,
        capture_output=True,
        text=True,
    ).stdout


class Finished(NamedTuple):
    """Run all stages of a toy pipeline, 6 at a time; return its folder and what was printed."""

    folder: Path
    output: str


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("toy")
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"], ["dvc", "config", "core.analytics", "false"]):
        subprocess.run(command, cwd=folder, env=environment(), check=True)  # noqa: S603
    (folder / "dvc.yaml").write_text(DVC_YAML)
    (folder / "work.py").write_text(WORK)
    (folder / "params.yaml").write_text("top: 1\nleft: 1\nright: 1\nbottom: 1\n")
    (folder / "times").mkdir()
    return Finished(folder, finish(start(folder, 6)))


@pytest.fixture
def toy(finished: Finished, tmp_path: Path) -> Path:
    """A copy of the finished pipeline for one test."""
    return shutil.copytree(finished.folder, tmp_path / "toy", symlinks=True)


@pytest.fixture(scope="module")
def left_twice(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the pipeline with another value for left, so that its first result is in DVC's cache only."""
    toy = shutil.copytree(finished.folder, tmp_path_factory.mktemp("left-twice") / "toy", symlinks=True)
    edit(toy, "left", 2)
    finish(start(toy, 2))
    return toy


@pytest.fixture
def stuck(left_twice: Path, tmp_path: Path) -> Path:
    """A copy whose next run restores left and hangs in bottom."""
    toy = shutil.copytree(left_twice, tmp_path / "toy", symlinks=True)
    edit(toy, "left", 1)
    edit(toy, "bottom", "hang")
    (toy / "hang").touch()
    (toy / "times/bottom").unlink()
    return toy


def wait_until_stuck(process: subprocess.Popen[str], toy: Path) -> list[psutil.Process]:
    """Wait until bottom hangs; return the processes below this one."""
    while not (toy / "times/bottom").exists() and process.poll() is None:
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    assert any("work.py" in child.cmdline() for child in children)
    return children


def test_every_stage_runs_as_soon_as_it_can(finished: Finished) -> None:
    toy = finished.folder
    assert outcomes(finished.output) == dict.fromkeys({"top", "left", "right", "bottom"} | QUICK, "ran")
    times = {path.name: json.loads(path.read_text()) for path in (toy / "times").iterdir()}
    assert times["left"]["met"]
    assert times["right"]["met"]
    assert times["top"]["end"] < min(times["left"]["start"], times["right"]["start"])
    assert times["bottom"]["start"] > max(times["left"]["end"], times["right"]["end"])
    assert {entry["threads"] for entry in times.values()} == {str(max(1, len(os.sched_getaffinity(0)) // 6))}
    assert dvc(toy, "status", "--json").strip() == "{}"


def test_one_line_says_that_nothing_has_to_run(toy: Path) -> None:
    assert finish(start(toy, 2)) == "Nothing to run: every stage is up to date\n"


def test_an_edit_runs_the_stages_that_depend_on_it(toy: Path) -> None:
    edit(toy, "left", 2)
    lines = finish(start(toy, 2, OMP_NUM_THREADS="7")).splitlines()
    assert [re.sub(r" +\d:\d\d:\d\d", "", line) for line in lines] == [
        "Up to 2 stages to run, 2 at a time with OMP_NUM_THREADS=7; DVC restores what its cache has",
        "left    started",
        "left  ran",
        "bottom  started",
        "bottom  ran",
        "2 stages in: 2 ran",
    ]
    assert json.loads((toy / "times/left").read_text())["threads"] == "7"


def test_a_failing_stage_stops_only_those_that_depend_on_it(toy: Path) -> None:
    edit(toy, "left", "fail")
    edit(toy, "right", 2)
    output = finish(start(toy, 1), status=1)
    assert outcomes(output) == {"left": "FAILED", "right": "ran"}
    assert f"left FAILED, see {toy / '.dvc/tmp/parallel/left.log'}, which ends with\n" in output
    assert "\n  error: told to fail\n" in output
    assert output.endswith("Not run, because they depend on what failed: bottom\n")
    assert "error: told to fail" in (toy / ".dvc/tmp/parallel/left.log").read_text()
    assert ".dvc/tmp" not in subprocess.check_output(["git", "status", "-s"], cwd=toy, text=True)  # noqa: S607


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_leaves_no_process(stuck: Path, number: signal.Signals) -> None:
    """Nor under nohup, where processes start with SIGHUP ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    process = start(stuck, 2)
    signal.signal(signal.SIGHUP, before)
    children = wait_until_stuck(process, stuck)
    process.send_signal(number)
    output = finish(process, status=-9 if number == signal.SIGKILL else 130)
    assert psutil.wait_procs(children, timeout=5)[1] == []
    if number != signal.SIGKILL:
        assert outcomes(output) == {"left": "restored from cache", "bottom": "interrupted"}


def test_a_run_after_a_killed_one_continues_and_shows_it_on_a_terminal(stuck: Path) -> None:
    process = start(stuck, 2)
    children = wait_until_stuck(process, stuck)
    process.kill()
    finish(process, status=-9)
    assert psutil.wait_procs(children, timeout=5)[1] == []
    (stuck / "hang").unlink()
    pid, terminal = pty.fork()
    if pid == 0:
        termios.tcsetwinsize(0, (24, 100))
        os.chdir(stuck)
        os.execle(sys.executable, "python", "-m", "elbowroom.scheduler.local", "--jobs", "3", environment())  # noqa: S606
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
    assert dvc(stuck, "status", "--json").strip() == "{}"
