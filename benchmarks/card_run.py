"""What card.py does on the machine with the card, in one process, so that imports and CUDA's start are paid once."""

import argparse
import contextlib
import gc
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ruamel.yaml import YAML

from benchmarks import machine, parcels, settings
from benchmarks.card_results import importance, needs, written
from benchmarks.card_rows import card
from benchmarks.settings import ROOT
from elbowroom.core import files, paths
from elbowroom.core.code_digest import Code
from elbowroom.core.device import choose_device
from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from stages import baseline, evaluate, judge, prepare, train

MAIN: dict[str, Callable[[str], None]] = {
    "prepare": prepare.main,
    "train": train.main,
    "judge": judge.main,
    "evaluate": evaluate.main,
    "baseline": baseline.main,
}
SEEDS = range(5)
PUBLISHED = {
    "notebook-mnist": {"epochs": 50, "precision": "high"},
    "report-cifar10": {"epochs": 10, "precision": "high"},
}
IWAE = [1, 10, 100, 1000, 5000]  # the z of each test image
TESTING, MEASURING = 0.25, 0.4  # shares of the time left that these may take at most
PACKING = 15.0  # seconds, kept for that


def settings_of(params: Path, tiny: bool) -> str:
    """Return the params.yaml of a card's run: the root study as published, with five seeds; or one tiny in all."""
    parser = YAML()  # keeps comments and order
    parser.width, parser.preserve_quotes = 10**6, True
    study = parser.load(params.read_text(encoding="utf-8"))
    for name, recipe in study["recipes"].items():
        recipe["seeds"][:] = SEEDS
        recipe.update(PUBLISHED.get(name, {}))
    study["evaluation"]["iwae_samples"][:] = IWAE
    if tiny:
        for dataset in study["datasets"].values():
            dataset.update(train_images=256, test_images=128)
        for recipe in study["recipes"].values():
            recipe.update(epochs=2, batch_size=32)
            recipe["seeds"][:] = range(2)
        for variant in study["variants"].values():
            variant.update(channels=variant["channels"] // 16)
        study["judge"].update(epochs=1, batch_size=64)
        few = {"iwae_images": 4, "sample_images": 100, "probe_images": 100, "path_pairs": 4}
        study["evaluation"].update(few)
        study["evaluation"]["iwae_samples"][:] = [1, 5]
    text = io.StringIO()
    parser.dump(study, text)
    return text.getvalue()


@dataclass(frozen=True)
class Plan:
    """The settings of the run, as text and read, and the stages to run, the most important ones first."""

    params: str
    study: Study
    datasets: list[str]
    stages: list[str]


def plan(params: str, chosen: list[str]) -> Plan:
    """Order the stages of the chosen variants, or of all: VAEs before autoencoders, since the answer is about VAEs.

    Baselines come last: they need no card. Raises StudyError if the study has no such variant.
    """
    study = read_study(params)
    names = chosen or sorted(study.variants, key=lambda name: study.variants[name].model == "ae")
    of = {name: study.variant(name).dataset for name in names}
    stages = [
        stage
        for name, dataset in of.items()
        for stage in (f"prepare@{dataset}", f"train@{name}", f"judge@{dataset}", f"evaluate@{name}")
    ]
    stages += [f"baseline@{dataset}" for dataset in of.values()]
    return Plan(params, study, list(dict.fromkeys(of.values())), list(dict.fromkeys(stages)))


def read_study(params: str) -> Study:
    """Read and check the text of a params.yaml."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "params.yaml"
        path.write_text(params, encoding="utf-8")
        return load_study(path)


class TimeUp(BaseException):
    """The time is up (SIGALRM), or another signal asked the run to end. A BaseException, since it is no error."""

    def __init__(self, number: int) -> None:
        self.signal = signal.Signals(number)
        super().__init__("the time is up" if self.signal == signal.SIGALRM else self.signal.name)


class Run:
    """A run of the plan in a study's folder. `about` is what it says of itself, and what it has done so far."""

    def __init__(self, plan: Plan, work: Path, tiny: bool, end: float) -> None:
        """end: by time.monotonic(). Raises StudyError if the folder holds results of other code or settings."""
        self.plan, self.work, self.end, self.file = plan, work, end, work / "run.json"
        code = Code()
        device = choose_device()
        self.about: dict[str, Any] = {
            "facts": machine.facts(device, "python benchmarks/card.py" + " --tiny" * tiny),
            "tiny": tiny,
            "params": plan.params,
            "code": {stage: code.of_stage(stage) for stage in MAIN},
            "tests": "",
            "rows": [],
            "seconds": {},
            "failed": [],
        }
        if self.file.is_file():
            kept = json.loads(self.file.read_text(encoding="utf-8"))
            for key in ("params", "code"):
                if kept[key] != self.about[key]:
                    raise StudyError(
                        f"{work}: found results of other {key}, expected none (--work names another folder)"
                    )
            gone = [f"prepare@{name}" for name in plan.study.datasets if not (work / paths.data_file(name)).is_file()]
            kept["seconds"] = {stage: taken for stage, taken in kept["seconds"].items() if stage not in gone}
            self.about = kept
        files.write(work / paths.PARAMS, plan.params)
        self.save()

    def save(self) -> None:
        files.save_json(self.file, self.about)

    def left(self) -> float:
        """Return the seconds left."""
        return max(0.0, self.end - time.monotonic())

    def tests(self) -> None:
        """Run the tests that need a card, in a process of their own. Raises RuntimeError if they fail or take long."""
        if self.about["tests"]:
            return
        marked = [path for path in sorted((ROOT / "tests/unit").rglob("test_*.py")) if "mark.cuda" in path.read_text()]
        found = os.pathsep.join(path for path in sys.path if path)  # with the packages that were carried here
        command = [sys.executable, "-m", "pytest", "-q", "-m", "cuda", "-p", "no:cacheprovider", *map(str, marked)]
        with (self.work / "tests.txt").open("w+", encoding="utf-8") as said:
            try:
                done = subprocess.run(  # noqa: S603
                    command,
                    cwd=ROOT,
                    env=os.environ | {"PYTHONPATH": found},
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    timeout=TESTING * self.left(),
                )
            finally:
                said.seek(0)
                self.about["tests"] = said.read()
                print(self.about["tests"], flush=True)
        if done.returncode:
            raise RuntimeError(f"pytest ended with status {done.returncode}")

    def rows(self) -> None:
        """Measure what `card` of card_rows.py measures."""
        if self.about["rows"]:
            return
        settings.PARAMS = self.work / paths.PARAMS
        settings.TURNS, settings.SECONDS = (1, 0.0) if self.about["tiny"] else (3, 0.3)
        settings.MATRIX = {"cpu": 256, "cuda": 1024} if self.about["tiny"] else settings.MATRIX
        chosen = {
            name: settings.read(name, settings.IMAGES, settings.EPOCH_IMAGES)
            for name in settings.VARIANTS
            if name in self.plan.datasets
        }
        for found in card(chosen):
            print(f"{found['what']}: {found['median']:g} {found['unit']}", flush=True)
            self.about["rows"].append(self.about["facts"] | found)
        self.save()

    def stages(self) -> None:
        """Run the stages that are still to do. A stage that failed is told; those that need it are left out."""
        for stage in self.plan.stages:
            if stage in self.about["seconds"]:
                continue
            if lacking := [need for need in needs(stage, self.plan.study) if need not in self.about["seconds"]]:
                print(f"{stage}: not run, needs {', '.join(lacking)}", flush=True)
                continue
            kind, _, name = stage.partition("@")
            start = time.monotonic()
            with self.reported(stage), contextlib.chdir(self.work):
                MAIN[kind](name)
                self.about["seconds"][stage] = round(time.monotonic() - start, 1)
                print(f"{stage}: {self.about['seconds'][stage]} s, {self.left():.0f} s left", flush=True)
            self.save()
            gc.collect()  # a captured graph holds memory until then
            torch.cuda.empty_cache()

    @contextlib.contextmanager
    def reported(self, what: str) -> Iterator[None]:
        """Report an error with its traceback, note it, and go on."""
        self.about["failed"] = [other for other in self.about["failed"] if other != what]
        try:
            yield
        except Exception:
            traceback.print_exc()
            print(f"{what}: failed", flush=True)
            self.about["failed"].append(what)


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TimeUp after these seconds, and on SIGINT and SIGTERM."""

    def stop(number: int, _: object) -> None:
        raise TimeUp(number)

    numbers = (signal.SIGALRM, signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, stop) for number in numbers]
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def run(plan: Plan, parts: list[str], arguments: argparse.Namespace, started: float) -> int:
    """Do the parts, each within its time, then write the parcels. Return 1 if anything failed, else 0.

    started: by time.monotonic(). Raises StudyError if --work holds results of other code or settings.
    """
    run = Run(plan, arguments.work.absolute(), arguments.tiny, started + 60 * arguments.minutes - PACKING)
    shares = {"tests": 1.0, "rows": MEASURING, "study": 1.0}  # `tests` limits its own process
    does = {"tests": run.tests, "rows": run.rows, "study": run.stages}
    for part in parts:
        if not run.left():
            break
        try:
            with limited(shares[part] * run.left()), run.reported(part):
                does[part]()
        except TimeUp as up:
            print(f"{part}: stopped ({up})", flush=True)
            if up.signal != signal.SIGALRM:
                break
    run.save()
    send(run, arguments.out, range(arguments.parcels[0], arguments.parcels[1] + 1))
    return 1 if run.about["failed"] else 0


def send(run: Run, out: Path, wanted: range) -> None:
    """Write the wanted parcels of what is done, tables first. run.json and params.yaml beside them are for people."""
    results = [path for stage in run.about["seconds"] for path in written(run.work, stage)]
    ordered = sorted(results, key=lambda path: importance(path, run.plan.study))
    count = parcels.pack(run.work, ordered, run.about, out, wanted)
    files.write(out / "params.yaml", run.plan.params)
    files.save_json(out / "run.json", run.about)
    print(f"{out}: parcels {wanted.start} to {min(wanted.stop, count) - 1}, of {count}", flush=True)
