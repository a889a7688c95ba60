"""Kill and crowd runs of a small study at random moments, and count what outlived a kill and what was lost."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import yaml

from benchmarks import damage
from benchmarks.settings import ROOT
from elbowroom.core.params import load_study
from elbowroom.scheduler.repair import repair
from elbowroom.scheduler.runner import GRACE

EARLIER = 16  # a kill comes after at most one part in so many of the time that the study takes,
LATER = 2  # or after so many times that of `make repro`, which plans and imports first
AT_MOST = 30  # kills of a study
PATIENCE = 2 * GRACE + 5  # seconds within which everything has to follow a process that was killed
STAGE, SERVER = "-m stages.", "-m elbowroom.scheduler.stage_server"
REPRO = ["dvc", "repro", "--quiet"]
MAKE = ["make", "--silent", "-f", str(ROOT / "Makefile"), "repro", "READY=", "STUDY=.", "JOBS=2"]
SHELLS = [shell for shell in ("/bin/sh", "/bin/bash") if Path(shell).exists()]  # by which DVC runs commands
ENDED, SAME = "studies run to their end", "of these, the same to the byte as uninterrupted"


def small_study(folder: Path) -> Path:
    """Two variants of two seeds on MNIST, six epochs of 1024 images."""
    folder.parent.mkdir(parents=True)
    damage.study(folder)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["datasets"] = {"mnist": {"source": "mnist", "train_images": 1024, "test_images": 128}}
    for recipe in params["recipes"].values():
        recipe.update(epochs=6)
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    return folder


def results(study: Path) -> dict[str, str]:
    """The digest of every file that a run leaves and that does not depend on its speed."""
    folders = ("data", "metrics", "models", "plots")
    return {
        name: md5 for name, md5 in damage.tree(study).items() if name.startswith(folders) and "cost.csv" not in name
    }


def forget(study: Path) -> None:
    """Leave the study as it was before it was first run."""
    for name in ("code", "data", "metrics", "models", "plots", "report", ".checkpoints", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(study / name, ignore_errors=True)
    (study / "dvc.lock").unlink(missing_ok=True)


def start(study: Path, command: list[str], shell: str = "/bin/sh") -> subprocess.Popen[bytes]:
    with (study.parent / "output.log").open("ab") as output:
        return subprocess.Popen(  # noqa: S603
            command, cwd=study, env=os.environ | {"SHELL": shell}, stdout=output, stderr=output, start_new_session=True
        )


def processes(study: Path, having: str = "") -> list[psutil.Process]:
    """Those that are at work in this study, with these words on their command line."""
    found = psutil.process_iter(["cmdline", "cwd", "ppid"])
    return [p for p in found if p.info["cwd"] == str(study) and having in " ".join(p.info["cmdline"] or [])]


def whole(study: Path) -> tuple[dict[str, str], float]:
    """What an uninterrupted run leaves, and the seconds that it takes."""
    small_study(study)
    begun = time.monotonic()
    subprocess.run(REPRO, cwd=study, check=True)  # noqa: S603
    return results(study), time.monotonic() - begun


def served(study: Path) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """The stage server, and the stages that it has forked."""
    found = processes(study, SERVER)
    forked = [process for process in found if process.info["ppid"] in {other.pid for other in found}]
    return [process for process in found if process not in forked], forked


def kill(found: list[psutil.Process], process: subprocess.Popen[bytes]) -> None:
    """Kill these; if there is none, what was started."""
    for victim in found or [psutil.Process(process.pid)]:
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            victim.kill()


Kill = Callable[[subprocess.Popen[bytes], Path], None]
SIGNALS: dict[str, Kill] = {
    "SIGKILL": lambda process, study: process.kill(),
    "SIGTERM": lambda process, study: process.terminate(),
    "Ctrl-C": lambda process, study: os.killpg(process.pid, signal.SIGINT),
}
RUNS = {"`dvc repro`": REPRO, "`make repro`": MAKE}
WAYS: dict[str, dict[str, Kill]] = {  # the stage by SIGKILL: as the kernel does if memory ends
    "`dvc repro`": SIGNALS
    | {
        "SIGKILL of the stage": lambda process, study: kill(processes(study, STAGE), process),
        "SIGKILL of it and the stage": lambda process, study: os.killpg(process.pid, signal.SIGKILL),
    },
    "`make repro`": SIGNALS
    | {
        "SIGKILL of the scheduler": lambda process, study: kill(processes(study, "scheduler.local"), process),
        "SIGKILL of the stage server": lambda process, study: kill(served(study)[0], process),
        "SIGKILL of its stages": lambda process, study: kill(served(study)[1], process),
        "SIGKILL of a stage's dvc": lambda process, study: kill(processes(study, "--single-item")[:1], process),
    },
}


def outlived(study: Path) -> bool:
    """Is anything still at work there long after a kill?"""
    limit = time.monotonic() + PATIENCE
    while left := processes(study):
        if time.monotonic() > limit:
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            return True
        time.sleep(0.1)
    return False


def kills(
    study: Path, expected: dict[str, str], longest: float, count: int, seed: int, seconds: float
) -> dict[str, int]:
    """Kill runs at random moments, AT_MOST times before a study is let run to its end.

    Compare each with an uninterrupted one. Begin no more after so many kills, or seconds. longest: a run of `dvc repro`
    lasts no longer before its kill, one of `make repro` LATER times as long.
    """
    small_study(study)
    dice, begun = random.Random(seed), time.monotonic()  # noqa: S311
    found = Counter({"kills": 0} | {f"{run}, {way}": 0 for run, ways in WAYS.items() for way in ways})
    while found["kills"] < count and time.monotonic() - begun < seconds:
        forget(study)
        status = -1
        for _ in range(min(AT_MOST, count - found["kills"])):
            run = dice.choice(list(RUNS))
            way = dice.choice(list(WAYS[run]))
            process = start(study, RUNS[run], dice.choice(SHELLS))
            try:
                status = process.wait(dice.uniform(0, longest * (LATER if run == "`make repro`" else 1)))
                break
            except subprocess.TimeoutExpired:
                WAYS[run][way](process, study)
                status = process.wait()
                found.update({"kills": status != 0, f"{run}, {way}": status != 0})  # else it had ended by itself
                found["kills that something outlived"] += outlived(study)
                with contextlib.chdir(study):
                    found["kills that left half a file of DVC's, and it was moved aside"] += bool(repair())
                status = -1
        if status == -1:
            status = start(study, REPRO).wait()
        found["runs that failed without a kill"] += status != 0
        found[ENDED] += status == 0
        found[SAME] += status == 0 and results(study) == expected
    return dict(found)


def crowds(study: Path, expected: dict[str, str], count: int, seed: int) -> dict[str, int]:
    """Three `dvc repro` of what writes data, models and metrics in one checkout, within two seconds. DVC turns some
    away; no stage may run twice at once."""
    small_study(study)
    command = [*REPRO, *(f"evaluate@{name}" for name in load_study(study / "params.yaml").variants)]
    dice, found = random.Random(seed), Counter[str]()  # noqa: S311
    for _ in range(count):
        forget(study)
        crowd = []
        for _ in range(3):
            crowd.append(start(study, command))
            time.sleep(dice.uniform(0, 1))
        twice = False
        while any(process.poll() is None for process in crowd):
            names = [" ".join(process.info["cmdline"]).partition(STAGE)[2] for process in processes(study, STAGE)]
            twice |= len(set(names)) < len(names)
            time.sleep(0.2)
        found["`dvc repro` started, three at a time"] += len(crowd)
        found["of these, turned away by DVC"] += sum(process.returncode != 0 for process in crowd)
        found["times that a stage ran twice at once"] += twice
        subprocess.run(command, cwd=study, check=True)  # noqa: S603
        found[ENDED] += 1
        ours = results(study)
        found[SAME] += bool(ours) and ours.items() <= expected.items()
    return dict(found)
