"""Does bfloat16 cost anything? Train each seed in bfloat16 and in float32, and test whether the two are equivalent.

`python benchmarks/precision.py` does what benchmarks/precision.json lacks, by two processes of one thread each: hours.
It writes docs/precision.md after every training. Stop it at any time, and the same command goes on: finished trainings
are in the file, others in .checkpoints of the current folder. It always computes on the CPU, where a card would compute
float32 as TF32.
"""

import argparse
import json
import multiprocessing
import os
import platform
import signal
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "src"))  # the library beside this, not an installed copy

from benchmarks import settings
from benchmarks.equivalence import BF16, EPOCHS, FLOAT32, NAMES, PRECISIONS, SEEDS, Gradients, Raw, Training, page
from elbowroom.core import files
from elbowroom.core.dataset_settings import Dataset, PublishedDataset
from elbowroom.core.errors import StudyError, short
from elbowroom.core.params import load_study
from elbowroom.core.paths import CHECKPOINTS
from elbowroom.core.settings import Recipe, Variant
from elbowroom.datasets.images import Images
from elbowroom.training.checkpoint import Checkpoints, fingerprints
from elbowroom.training.loop import train
from elbowroom.training.seed_run import SeedRun

JSON, PAGE = Path(__file__).with_suffix(".json"), settings.ROOT / "docs" / "precision.md"
DRAWS = 100  # of noise, each with another batch, when gradients are compared
PROCESSES = 2
CPU = torch.device("cpu")
PACE: dict[tuple[str, str], float] = {}  # seconds of an epoch of a variant in a precision, by this process's last one


@dataclass(frozen=True)
class Part:
    """What is trained of a variant of the root study. recipe: with the epochs of this experiment, in float32.

    code: a digest of all that decides the weights (code, settings, images). It is the same for both precisions.
    """

    name: str
    variant: Variant
    recipe: Recipe
    counts: Dataset
    code: str
    machine: str


@dataclass(frozen=True)
class Job:
    """A seed to train, or, with draws, gradients to compare. epoch_seconds: what an epoch takes; 0 if not known."""

    part: Part
    seed: int
    precision: str
    draws: int = 0
    epoch_seconds: float = 0.0

    @property
    def recipe(self) -> Recipe:
        return self.part.recipe.model_copy(update={"precision": self.precision})

    @property
    def label(self) -> str:
        return f"{self.part.name}, " + ("gradients" if self.draws else f"seed {self.seed}, {NAMES[self.precision]}")


def parts(beginning: str) -> list[Part]:
    """Return the parts whose names begin so. Raises StudyError if there is none."""
    study, found = load_study(settings.PARAMS), []
    for name in (name for name in EPOCHS if name.startswith(beginning)):
        variant = study.variant(name)
        recipe = study.recipes[variant.recipe].model_copy(update={"epochs": EPOCHS[name], "precision": FLOAT32})
        counts = study.dataset(variant.dataset)
        images = _images(variant.dataset, counts.train_images, counts.test_images)
        code = fingerprints(variant, recipe, images, [0])[0][:12]
        found.append(Part(name, variant, recipe, counts, code, machine()))
    if not found:
        raise StudyError(f"--only: found {beginning!r}, expected how one of {', '.join(EPOCHS)} begins")
    return found


def machine() -> str:
    """Name what bfloat16 is computed by: the kind of processor, its instructions for it, PyTorch's version."""
    facts = Path("/proc/cpuinfo")
    known = set(facts.read_text().split()) if facts.is_file() else set()
    instructions = " and ".join(sorted({"amx_bf16", "avx512_bf16"} & known)) or "no instructions for bfloat16"
    return f"{platform.machine()} with {instructions}, PyTorch {torch.__version__}"


@cache
def _images(dataset: str, train_images: int, test_images: int) -> Images:
    return settings.read_images(
        dataset, PublishedDataset(source=dataset, train_images=train_images, test_images=test_images), CPU
    )


def left(raw: Raw, wanted: Sequence[Part]) -> list[Job]:
    """Return the jobs that are not done: gradients first, then seed by seed, so that pairs are soon complete.

    A finished pair stays, even if the code has changed since. Its halves must be of the same code and machine.
    """
    seconds = raw.epoch_seconds()
    trained = {(t.variant, t.seed, t.precision): t for t in raw.trainings}
    compared = {(g.variant, g.code, g.machine) for g in raw.gradients}
    jobs = [Job(p, SEEDS[0], FLOAT32, DRAWS) for p in wanted if (p.name, p.code, p.machine) not in compared]
    for seed, part in product(SEEDS, wanted):
        pair = [trained.get((part.name, seed, precision)) for precision in PRECISIONS]
        origins = [(t.code, t.machine) if t and len(t.loss) >= part.recipe.epochs else None for t in pair]
        if origins[0] is None or origins[0] != origins[1]:
            for precision, origin in zip(PRECISIONS, origins, strict=True):
                if origin != (part.code, part.machine):
                    jobs.append(Job(part, seed, precision, 0, seconds.get((part.name, precision), 0.0)))
    return jobs


def forecast(jobs: Sequence[Job]) -> str:
    """Say what is left, and how long it takes by what was measured."""
    timed = [job for job in jobs if job.epoch_seconds]
    hours = sum(job.part.recipe.epochs * job.epoch_seconds for job in timed) / PROCESSES / 3600
    untimed = [job for job in jobs if not job.epoch_seconds and not job.draws]
    kinds = ", ".join(sorted({f"{job.part.name} in {NAMES[job.precision]}" for job in untimed}))
    gradients = ", ".join(job.part.name for job in jobs if job.draws)
    said = [f"trainings: {len(timed)}, about {hours:.1f} hours"] if timed else []
    said += [f"trainings, not timed yet: {len(untimed)} ({kinds})"] if untimed else []
    said += [f"gradients: {gradients}"] if gradients else []
    return f"left: {'; '.join(said) or 'nothing'}"


class OutOfTimeError(Exception):
    """The next epoch would end after the deadline."""


class Clock:
    """In place of a progress bar of `train`: counts images, and stops the training between epochs, at the deadline."""

    disable = True

    def __init__(self, job: Job, deadline: float) -> None:
        self.job, self.deadline, self.n = job, deadline, 0
        self.kind, self.begun = (job.part.name, job.precision), 0.0
        PACE.setdefault(self.kind, job.epoch_seconds)

    def update(self, size: int) -> None:
        """Count the images of a step. The first step of an epoch is the time to stop: the last epoch is saved."""
        before, self.n = self.n, self.n + size
        if (parent := multiprocessing.parent_process()) and not parent.is_alive():
            os._exit(1)  # nobody would record what comes of it
        if before % self.job.part.counts.train_images == 0:
            now = time.time()
            if self.begun:
                PACE[self.kind] = now - self.begun
            self.begun = now
            if now + PACE[self.kind] > self.deadline:
                raise OutOfTimeError
            epoch = before // self.job.part.counts.train_images + 1
            pace = f", {PACE[self.kind]:.0f} s an epoch" if PACE[self.kind] else ""
            print(f"{self.job.label}: epoch {epoch} of {self.job.recipe.epochs}{pace}", flush=True)


def work(job: Job, deadline: float) -> list[Training] | list[Gradients]:
    """Do a job. Returns nothing if there is no time left for it; then it goes on from its last epoch later."""
    if time.time() + PACE.get((job.part.name, job.precision), job.epoch_seconds) > deadline:
        return []
    counts = job.part.counts
    images = _images(job.part.variant.dataset, counts.train_images, counts.test_images)
    try:
        return compare_gradients(job, images, deadline) if job.draws else train_seed(job, images, deadline)
    except OutOfTimeError:
        return []


def train_seed(job: Job, images: Images, deadline: float) -> list[Training]:
    """Train a seed in one precision. Returns its test losses after each epoch, which `train` measures in float32."""
    part, clock = job.part, Clock(job, deadline)
    (trained,) = train(part.variant, job.recipe, images, [job.seed], clock, CHECKPOINTS)  # type: ignore[arg-type]
    tests = [row for row in trained.history if row["split"] == "test"]
    loss, rate = ([float(row[term]) for row in tests] for term in ("loss", "rate"))
    seconds = float(trained.cost["seconds"])
    return [Training(part.name, job.seed, job.precision, part.code, part.machine, seconds, loss, rate)]


def compare_gradients(job: Job, images: Images, deadline: float) -> list[Gradients]:
    """Compare gradients with the initial weights, and with those after an epoch in float32."""
    part = job.part
    recipes = {p: part.recipe.model_copy(update={"precision": p}) for p in PRECISIONS}
    runs = {p: SeedRun(part.variant, recipe, images, job.seed) for p, recipe in recipes.items()}
    found = [_gradients(job, 0, runs)]
    one = replace(job, part=replace(part, recipe=part.recipe.model_copy(update={"epochs": 1})))
    train_seed(one, images, deadline)
    (name,) = fingerprints(part.variant, part.recipe, images, [job.seed]).values()
    checkpoint = Checkpoints(CHECKPOINTS / name).newest(1)
    assert checkpoint
    for run in runs.values():
        run.restore(*checkpoint)
    return [*found, _gradients(job, 1, runs)]


def _gradients(job: Job, epoch: int, runs: dict[str, SeedRun]) -> Gradients:
    """Compare gradients of steps at a learning rate of 0, with the same batches and the same noise."""
    errors, cosines, sums = [], [], dict.fromkeys(runs, torch.zeros(()).double())
    for run in runs.values():
        run.optimizer.learning_rate = 0.0
        run.begin_epoch()
    for _ in range(job.draws):
        found = {}
        for precision, run in runs.items():
            run.step(job.recipe.batch_size)
            parameters = run.model.parameters()
            found[precision] = torch.cat([p.grad.flatten().double() for p in parameters])  # type: ignore[union-attr]
            sums[precision] = sums[precision] + found[precision]
        errors.append(_relative_error(found))
        cosines.append(torch.cosine_similarity(found[BF16], found[FLOAT32], dim=0).item())
    error, cosine = (sum(values) / job.draws for values in (errors, cosines))
    part = job.part
    return Gradients(part.name, epoch, part.code, part.machine, job.draws, error, cosine, _relative_error(sums))


def _relative_error(found: dict[str, torch.Tensor]) -> float:
    return float((found[BF16] - found[FLOAT32]).norm() / found[FLOAT32].norm())


def read() -> Raw:
    """Read the results so far; none if there is no file. Raises StudyError if it is damaged."""
    if not JSON.is_file():
        return Raw([], [])
    try:
        content = json.loads(JSON.read_text())
        gradients, trainings = content["gradients"], content["trainings"]
        return Raw([Gradients(**row) for row in gradients], [Training(**row) for row in trainings])
    except (ValueError, TypeError, KeyError) as error:
        raise StudyError(f"{JSON}: damaged ({short(str(error))}), expected what this script wrote") from None


def record(rows: list[Training] | list[Gradients]) -> Raw:
    """Put results in place of older ones of the same, a line each, and write the page."""
    raw = read().with_rows(rows)
    lists = {
        name: ",\n".join(json.dumps(asdict(row)) for row in rows)
        for name, rows in (("gradients", raw.gradients), ("trainings", raw.trainings))
    }
    files.write(JSON, "{" + ",\n".join(f'"{name}": [\n{lines}\n]' for name, lines in lists.items()) + "}\n")
    files.write(PAGE, page(raw))
    return raw


def measure(wanted: Sequence[Part], deadline: float) -> None:
    """Do what is left until the deadline (seconds since 1970), and record each result when it comes."""
    print(forecast(jobs := left(read(), wanted)), flush=True)
    pool = ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn"), _start)
    try:
        for future in as_completed([pool.submit(work, job, deadline) for job in jobs]):
            if rows := future.result():
                print(forecast(jobs := left(record(rows), wanted)), flush=True)
    except BaseException:
        for worker in multiprocessing.active_children():  # the last epoch of each is saved
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    if jobs:
        print("out of time: run the same command to continue")


def _start() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
    torch.set_num_threads(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only variants whose name begins so, as cifar10")
    parser.add_argument(
        "--minutes",
        type=float,
        default=float("inf"),
        help="begin no epoch that would end later, by how long the last took",
    )
    parser.add_argument("--page", action="store_true", help="write the page from the results so far, and end")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    deadline = time.time() + 60 * arguments.minutes
    if arguments.page:
        files.write(PAGE, page(read()))
    else:
        measure(parts(arguments.only), deadline)


if __name__ == "__main__":
    try:
        main()
    except StudyError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted: run the same command to continue")
