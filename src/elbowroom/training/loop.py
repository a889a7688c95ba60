"""fit: a variant and its seeds in, trained models and their histories out.

On a card all seeds train side by side, their steps captured in one CUDA graph; on the CPU one after another.
"""

import re
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from elbowroom.core.device import compute_in, hardware
from elbowroom.core.files import Arrays
from elbowroom.core.settings import Recipe, Variant
from elbowroom.datasets.images import Images
from elbowroom.training.checkpoint import Checkpoints, fingerprints
from elbowroom.training.cuda_graph import SideBySide
from elbowroom.training.seed_run import Run
from elbowroom.vae.model import VAE
from elbowroom.vae.objective import Terms

SPARSE = 10  # on a card, where epochs may be shorter, checkpoints come after so many times the seconds that they take


@dataclass(frozen=True)
class Fit:
    """What training one seed gives.

    history: a row for each epoch and split, losses in nats per image, with the whole beta also during warm-up. Train:
    the mean over the epoch, while the weights moved. Test: after the epoch, whole split, z sampled.
    evolution: snapshots of the first test images, arrays over S epochs (training.is_round, and the last): epochs (S,),
    mu (S, N, latent_dim) float16, reconstructions (S, M, C, H, W) uint8.
    cost: seconds, during which seeds_together were trained; images_per_second (training images of this seed; the tests
    after each epoch count in the time, what is written to a checkpoint does not); and peak_memory_mib, the most that
    the card held for all of them, or on the CPU the process so far; device. Of an interrupted training, of all its
    parts.
    """

    seed: int
    model: VAE
    history: list[dict[str, float | int | str]]
    evolution: Arrays
    cost: dict[str, float | str]


class Training:
    """A run, what it cost, and its checkpoints, from the last of which it goes on. Without a folder there are none."""

    def __init__(self, run: Run, checkpoints: Checkpoints | None) -> None:
        self.run, self.checkpoints = run, checkpoints
        self.cost: dict[str, Any] = {"seconds": 0.0, "seeds_together": 1, "peak_memory": 0, "device": ""}
        if checkpoints and (found := checkpoints.newest(run.recipe.epochs)):
            arrays, header = found
            self.cost = header.pop("cost")
            run.restore(arrays, header)
            tqdm.write(f"seed {run.seed}: goes on after epoch {run.epoch} of {run.recipe.epochs}")

    def save(self) -> None:
        """Keep a checkpoint of the finished epoch."""
        if self.checkpoints:
            arrays, header = self.run.state()
            self.checkpoints.save(self.run.epoch, arrays, header | {"cost": self.cost})

    def result(self) -> Fit:
        run, seconds = self.run, self.cost["seconds"]
        cost = {
            "seconds": round(seconds, 3),
            "seeds_together": self.cost["seeds_together"],
            "images_per_second": round(run.epoch * len(run.order) / seconds, 1),
            "peak_memory_mib": round(self.cost["peak_memory"] / 2**20, 1),
            "device": self.cost["device"],
        }
        return Fit(run.seed, run.model.eval(), run.history, run.evolution(), cost)


def fit(
    variant: Variant,
    recipe: Recipe,
    images: Images,
    seeds: Sequence[int],
    progress: tqdm,
    folder: Path | None = None,
) -> Iterator[Fit]:
    """Train seeds by Adam, all side by side on a card, else one after another.

    What a seed comes to does not depend on the others. `progress` counts training images. With a folder, checkpoints
    are kept there, from which an interrupted training goes on: on the CPU to the same bytes. Raises StudyError where
    training diverges.
    """
    together = images.train.images.is_cuda
    for group in [seeds] if together else [[seed] for seed in seeds]:
        with ExitStack() as locks:
            kept: dict[int, Checkpoints] = {}
            if folder:
                names = fingerprints(variant, recipe, images, group)
                kept = {seed: Checkpoints(folder / name) for seed, name in names.items()}
            for checkpoints in sorted(
                kept.values(), key=attrgetter("folder")
            ):  # lest two processes wait for each other
                locks.enter_context(checkpoints)
            trainings = [Training(Run(variant, recipe, images, seed), kept.get(seed)) for seed in group]
            try:
                done = sum(training.run.epoch for training in trainings) * len(images.train.images)
                progress.n += done
                progress.initial = getattr(progress, "initial", 0) + done  # which says nothing of the speed
                while (epoch := min(training.run.epoch for training in trainings)) < recipe.epochs:
                    behind = [training for training in trainings if training.run.epoch == epoch]
                    ahead = (training.run.epoch for training in trainings if training.run.epoch > epoch)
                    _train(behind, min(ahead, default=recipe.epochs), progress)  # until it has caught up
            finally:
                compute_in("highest")
        yield from (training.result() for training in trainings)


class Epochs:
    """Epochs of runs that stand at the same one, and all that decides their weights. On a card runs go side by side.

    A checkpoint is good for as long as this and what it calls is the same code (checkpoint.DECISIVE). So nothing that
    only shows or keeps what comes of it is here.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs, where = runs, runs[0].order.device
        size = runs[0].recipe.batch_size
        whole, rest = divmod(len(runs[0].order), size)
        self.sizes = [size] * whole + [rest] * (rest > 0)
        self.steps = {size: SideBySide([partial(run.step, size) for run in runs], where) for size in {*self.sizes}}
        self.end_epoch = SideBySide([run.end_epoch for run in runs], where)

    def train(self) -> Iterator[int]:
        """Train for one epoch; after each step, yield the number of images that it took from each run."""
        compute_in(self.runs[0].recipe.precision)
        for run in self.runs:
            run.begin_epoch()
        for size in self.sizes:
            self.steps[size]()
            yield size
        self.end_epoch()
        for run in self.runs:
            run.record()


def _train(trainings: list[Training], until: int, progress: tqdm) -> None:
    """Train runs that stand at the same epoch, up to another."""
    runs = [training.run for training in trainings]
    where = runs[0].order.device
    if where.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(where)
    epochs = Epochs(runs)
    saved, saving = time.perf_counter(), 0.0  # when the last checkpoints were, and the seconds that they took
    for epoch in range(runs[0].epoch + 1, until + 1):
        start, done = time.perf_counter(), 0
        for number, size in enumerate(epochs.train(), 1):
            done += size
            progress.update(size * len(runs))
            if where.type == "cpu":  # elsewhere to look would be to wait
                runs[0].check()
                if not progress.disable and number % 20 == 0:
                    means = Terms(*runs[0].train_total / done)
                    progress.set_postfix(loss=f"{means.loss(runs[0].variant.beta):.1f}", refresh=False)
        seconds, memory = time.perf_counter() - start, peak_memory(where)
        for training in trainings:
            cost = training.cost
            cost["seconds"] += seconds
            cost["seeds_together"] = max(cost["seeds_together"], len(runs))
            if not cost["device"].endswith(hardware(where)):
                cost["device"] += f", then {hardware(where)}" if cost["device"] else hardware(where)
            cost["peak_memory"] = max(cost["peak_memory"], memory)
        now = time.perf_counter()
        if where.type == "cpu" or epoch == until or now - saved >= SPARSE * saving:
            for training in trainings:
                training.save()
            saved = time.perf_counter()
            saving = saved - now


def peak_memory(where: torch.device) -> int:
    """Bytes: the most that was reserved on the card (graphs keep theirs), or on the CPU the whole process took."""
    if where.type == "cuda":
        return torch.cuda.max_memory_reserved(where)
    status = Path("/proc/self/status")
    if status.is_file():  # Linux, where ru_maxrss counts the parent's, too
        return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1])  # type: ignore[index]
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
