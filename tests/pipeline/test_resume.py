"""A killed `dvc repro` takes its stage along, and the next one goes on."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.support.checkout import Checkout

pytestmark = pytest.mark.dvc
STAGE = "train@mnist-z128"
EPOCHS = 100
PATIENCE = 60  # seconds, on a busy machine


def wait_for(condition: Callable[[], object]) -> None:
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def at_work(study: Checkout) -> list[int]:
    """The stages that train in this folder."""
    found = psutil.process_iter(["pid", "cmdline", "cwd"])
    return [p.pid for p in found if "stages.train" in (p.info["cmdline"] or []) and p.info["cwd"] == str(study.path)]


def trained(study: Checkout) -> dict[str, bytes]:
    files = [*study.path.glob("models/mnist-z128/*"), study.path / "plots/mnist-z128/history.csv"]
    return {path.name: path.read_bytes() for path in files}


@pytest.fixture
def longer(tiny: Checkout) -> Checkout:
    """With more epochs to be killed in, and a python that is a process of its own."""
    tiny.edit(lambda p: p["recipes"]["notebook-mnist"].update(epochs=EPOCHS))
    shutil.rmtree(tiny.path / ".checkpoints")
    return tiny._replace(python=Path(sys.executable).parent)


def test_killed_in_three_ways_a_training_comes_to_the_same(longer: Checkout, python: Path, tmp_path: Path) -> None:
    uninterrupted = longer.copy(tmp_path / "uninterrupted")
    uninterrupted._replace(python=python).run("python", "-m", "stages.train", "mnist-z128")
    reached, printed = 0, []
    for kill in (
        lambda dvc: dvc.kill(),  # the kernel ends the stage
        lambda dvc: os.killpg(dvc.pid, signal.SIGINT),  # Ctrl-C
        lambda dvc: os.kill(at_work(longer)[0], signal.SIGKILL),  # as where memory ends
    ):
        command = ["dvc", "repro", "--single-item", STAGE]
        environment = os.environ | {"PATH": f"{longer.python}:{os.environ['PATH']}", "SHELL": "/bin/sh"}
        dvc = subprocess.Popen(  # noqa: S603
            command, cwd=longer.path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, text=True,
        )  # fmt: skip
        wait_for(lambda after=reached: newest(longer) > after)
        kill(dvc)
        assert dvc.wait(PATIENCE) != 0
        wait_for(lambda: not at_work(longer))
        printed.append(dvc.communicate()[0])
        reached = newest(longer)
        assert not list(longer.path.glob("models/mnist-z128/*"))
    assert reached < EPOCHS
    assert not any("Traceback" in text for text in printed)
    assert "interrupted by SIGINT: run the same command to continue" in printed[1]
    output = longer._replace(python=python).run("dvc", "repro", "--single-item", STAGE)
    assert f"seed 0: goes on after epoch {reached} of {EPOCHS}" in output
    assert trained(longer) == trained(uninterrupted)


def newest(study: Checkout) -> int:
    """The last epoch of which there is a checkpoint."""
    files = study.path.glob(".checkpoints/*/epoch-*.safetensors")
    return max((int(path.stem.removeprefix("epoch-")) for path in files), default=0)


def test_what_diverges_leaves_nothing_and_does_not_keep_others(tiny: Checkout) -> None:
    def diverge(params: dict) -> None:
        params["recipes"]["wild"] = params["recipes"]["notebook-mnist"] | {"learning_rate": 1.0, "epochs": 30}
        params["variants"]["mnist-z256"]["recipe"] = "wild"
        params["recipes"]["notebook-mnist"]["epochs"] = 2

    tiny.edit(diverge)
    output = tiny.run("dvc", "repro", "--keep-going", "train@mnist-z128", "train@mnist-z256", status=255)
    (line,) = [line for line in output.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: training diverged: seed 0, epoch ")
    assert "Traceback" not in output
    assert not list(tiny.path.glob("models/mnist-z256/*"))
    assert not (tiny.path / "plots/mnist-z256/history.csv").exists()
    assert sorted(path.name for path in tiny.path.glob("models/mnist-z128/*")) == [
        "evolution.safetensors",
        "seed-0.safetensors",
    ]
