"""Stages on a real Ray cluster of several nodes: whatever is killed, nothing is lost, and one line says why."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from elbowroom.core.paths import note_file
from tests.support import ROOT
from tests.support.checkout import Checkout
from tests.support.cluster import Cluster, contents, slow_python, wait_until

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.dvc,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed"),
]
STEPS = 40
DVC_YAML = """
stages:
  train:
    foreach: ${variants}
    do:
      cmd: DVC_PID=$PPID exec python -m stages.train "$DVC_STAGE"
      deps: [large.bin]
      outs: ["${key}.txt"]
"""
TRAIN = '''
"""train@NAME: count to STEPS, as far as the gate is open, and keep where it stands in .checkpoints."""
import hashlib, os, sys, time
from pathlib import Path
from ruamel.yaml import YAML
name = sys.argv[1].removeprefix("train@")
settings = YAML(typ="safe").load(Path("params.yaml"))
saved, gate = Path(".checkpoints", name), Path(settings["gate"])
step = int(saved.read_text()) if saved.exists() else 0
with Path(settings["log"]).open("a") as log:
    print(f"{name} {os.getpid()} from {step}", file=log)
if settings["variants"][name] == "fail":
    sys.exit("error: told to fail")
while step < settings["steps"]:
    step += 1
    print(f"step {step}", flush=True)
    saved.write_text(f"{step}")
    while gate.exists() and step >= settings["steps"] // 2:
        time.sleep(0.02)
digest = hashlib.sha256(Path("large.bin").read_bytes()).hexdigest()
Path(f"{name}.txt").write_text(f"{step} {digest} {os.environ['OMP_NUM_THREADS']}\\n")
'''


class Toy(NamedTuple):
    """A folder with a pipeline of a stage script that goes out, and what its processes find in their environment."""

    path: Path
    environment: dict[str, str]

    def start(self, *stages: str, dvc: str | Path = "dvc") -> subprocess.Popen[bytes]:
        log = (self.path / "output.log").open("wb")
        return subprocess.Popen(  # noqa: S603
            [dvc, "repro", *stages],
            cwd=self.path,
            env=self.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    @property
    def output(self) -> str:
        return (self.path / "output.log").read_text()

    @property
    def begun(self) -> list[tuple[str, int, int]]:
        """Each time that a stage began: its name, its process, and the step that it stood at."""
        log = self.path / "stages.log"
        lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
        return [(name, int(pid), int(step)) for name, pid, _, step in lines]

    def half_way(self) -> psutil.Process:
        """Wait until a stage waits at the gate, with half of its steps done. Return its process."""
        wait_until(lambda: f"step {STEPS // 2}\n" in self.output or "ERROR" in self.output, "no stage gets half-way")
        assert "ERROR" not in self.output, self.output
        return psutil.Process(self.begun[-1][1])

    def open_gate(self) -> None:
        (self.path / "gate").unlink()

    def find(self, words: str) -> list[psutil.Process]:
        """The processes here with these words on their command line, the oldest first."""
        found = [process for process in self.processes() if words in " ".join(process.cmdline())]
        return sorted(found, key=psutil.Process.create_time)

    def processes(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(self.path)]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.end()


@pytest.fixture
def cluster(started: Cluster) -> Cluster:
    """A cluster with a node, whatever a test before did to it."""
    started.make_whole(1)
    return started


@pytest.fixture
def toy(tmp_path: Path, python: Path, cluster: Cluster) -> Iterator[Toy]:
    path, programs = tmp_path / "toy", tmp_path / "bin"
    for folder in (path / "stages", path / ".dvc", tmp_path / "shared"):
        folder.mkdir(parents=True)
    (path / "src").symlink_to(ROOT / "src")
    shutil.copy(ROOT / "stages/__init__.py", path / "stages")
    (path / "stages/train.py").write_text(TRAIN)
    (path / ".dvc/config").write_text("[core]\nno_scm = true\nanalytics = false\ncheck_update = false\n")
    (path / "dvc.yaml").write_text(DVC_YAML)
    (path / "large.bin").write_bytes(os.urandom(3 << 20))
    settings = {"gate": path / "gate", "log": path / "stages.log", "steps": STEPS}
    lines = [f"{key}: {value}" for key, value in settings.items()]
    (path / "params.yaml").write_text("\n".join([*lines, "variants: {a: count, b: fail}", ""]))
    (path / "cluster.yaml").write_text(f"checkpoints: {tmp_path / 'shared'}\n")
    (path / "gate").touch()
    slow_python(programs, python)
    environment = cluster.environment | {"ELBOWROOM_CLUSTER": cluster.address}
    made = Toy(path, environment | {"PATH": f"{programs}:{os.environ['PATH']}", "OMP_NUM_THREADS": "7"})
    yield made
    for process in made.processes():  # of a test that failed
        process.kill()


def finished(toy: Toy) -> bool:
    """Run `dvc repro` with the gate open. Is the result what an uninterrupted run would have given?"""
    (toy.path / "gate").unlink(missing_ok=True)
    digest = hashlib.sha256((toy.path / "large.bin").read_bytes()).hexdigest()
    return toy.start("train@a").wait() == 0 and (toy.path / "a.txt").read_text() == f"{STEPS} {digest} 1\n"


def test_a_stage_goes_out_and_a_failure_is_one_line_and_one_attempt(toy: Toy) -> None:
    """Its process here has neither Ray nor PyTorch. The process of DVC does not wait longer than it must."""
    assert toy.start("train@b").wait() != 0
    assert "\nerror: told to fail\n" in toy.output
    assert len(toy.begun) == 1
    run = toy.start("train@a")
    toy.half_way()
    (here,) = toy.find("-m stages.train")
    assert not [file.path for file in here.memory_maps() if "ray" in Path(file.path).parts or "torch" in file.path]
    toy.open_gate()
    assert run.wait() == 0
    assert "step 40\n" in toy.output
    assert finished(toy)


def test_a_killed_worker_is_replaced_and_goes_on(toy: Toy) -> None:
    run = toy.start("train@a")
    stage = toy.half_way()
    (worker,) = (process for process in psutil.process_iter(["name"]) if process.info["name"] == "ray::train@a")
    worker.kill()
    wait_until(lambda: len(toy.begun) == 2, "no second attempt")
    wait_until(lambda: not stage.is_running(), "a stage outlived its worker")
    toy.open_gate()
    assert run.wait() == 0
    assert "train@a: its worker or node was lost; attempt 2, on " in toy.output
    assert [step for _, _, step in toy.begun] == [0, STEPS // 2]
    assert finished(toy)


def test_a_killed_node_is_replaced_by_another(toy: Toy, cluster: Cluster) -> None:
    cluster.make_whole(2)
    run = toy.start("train@a")
    stage = toy.half_way()
    parents = [process.pid for process in stage.parents()]
    (lost,) = (name for name, process in cluster.nodes.items() if process.pid in parents)
    cluster.kill(lost)
    wait_until(lambda: len(toy.begun) == 2, "no second attempt")
    toy.open_gate()
    assert run.wait() == 0
    assert [step for _, _, step in toy.begun] == [0, STEPS // 2]
    assert finished(toy)


@pytest.mark.parametrize("victim", ["dvc", "elbowroom.cluster.driver"])
def test_a_stage_ends_with_what_submitted_it(toy: Toy, victim: str) -> None:
    run = toy.start("train@a")
    stage = toy.half_way()
    toy.find(victim)[0].kill()
    wait_until(lambda: not stage.is_running(), "a stage outlived the kill")
    assert run.wait() != 0
    if victim != "dvc":
        assert "error: found no answer from the cluster" in toy.output
    wait_until(lambda: not toy.processes(), "something outlived the kill")
    assert finished(toy)
    assert toy.begun[-1][2] == STEPS // 2


def test_ctrl_c_ends_a_stage_and_the_next_run_goes_on(toy: Toy) -> None:
    run = toy.start("train@a", dvc=Path(sys.executable).with_name("dvc"))  # with its stage in one session
    stage = toy.half_way()
    os.killpg(run.pid, signal.SIGINT)
    wait_until(lambda: not stage.is_running(), "a stage outlived Ctrl-C")
    assert run.wait() != 0
    assert "interrupted by SIGINT: run the same command to continue\n" in toy.output
    assert finished(toy)
    assert toy.begun[-1][2] == STEPS // 2


def test_a_full_object_store_is_one_line(toy: Toy) -> None:
    whole = (toy.path / "large.bin").read_bytes()
    (toy.path / "large.bin").write_bytes(bytes(150 << 20))
    assert toy.start("train@a").wait() != 0
    assert "\nerror: train@a: found the cluster's object store full, expected room for files\n" in toy.output
    (toy.path / "large.bin").write_bytes(whole)
    assert finished(toy)


def test_results_are_the_same_to_the_byte(
    tiny: Checkout, cluster: Cluster, python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = os.environ["OMP_NUM_THREADS"]
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ELBOWROOM_CLUSTER", cluster.address)
    monkeypatch.setenv("ELBOWROOM_DEVICE", "cpu")
    slow_python(tmp_path / "bin", python)
    kinds = ("train", "evaluate", "explore")
    (tiny.path / "cluster.yaml").write_text("".join(f"{kind}: {{cpus: {float(threads)}}}\n" for kind in kinds))
    before = contents(tiny)
    stages = [f"{kind}@cifar10-ae16" for kind in kinds]
    said = tiny._replace(python=tmp_path / "bin").run("dvc", "repro", "--force", "--single-item", *stages)
    assert f"CPU, {threads} thread" in said  # what train says first
    assert contents(tiny) == before
    assert [*cluster.folder.glob("node-*/checkpoints/*/epoch-1.safetensors")]


def test_a_lost_head_is_one_line_and_another_cluster_goes_on(toy: Toy, cluster: Cluster) -> None:
    run = toy.start("train@a")
    stage = toy.half_way()
    address = cluster.address
    cluster.kill("head")
    assert run.wait() != 0
    said = f"found no answer from the cluster at {address} any more, expected its head to stay up"
    assert f"\nerror: {said}: run the same command again\n" in toy.output
    assert (toy.path / note_file("train@a", "error")).read_text() == f"{said}: run the same command again"
    wait_until(lambda: not stage.is_running(), "a stage outlived the cluster")
    cluster.make_whole(1)
    assert finished(toy._replace(environment=toy.environment | {"ELBOWROOM_CLUSTER": cluster.address}))
    assert toy.begun[-1][2] == STEPS // 2
