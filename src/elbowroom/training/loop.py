"""Train the seeds of a variant: take locks, resume from checkpoints, go through the epochs."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from operator import attrgetter
from pathlib import Path

import torch
from tqdm import tqdm

from elbowroom.core.device import bf16_warning, compute_in
from elbowroom.core.settings import Recipe, Variant
from elbowroom.datasets.images import Images
from elbowroom.training.checkpoint import Checkpoints, fingerprints
from elbowroom.training.cost import forget_peak_memory
from elbowroom.training.epochs import Epochs
from elbowroom.training.resumable_run import ResumableRun, TrainedSeed
from elbowroom.training.seed_run import SeedRun
from elbowroom.vae.objective import Terms

SPARSE = 10  # on a card, wait this many times as long as the last save took before saving again
SHOWN = 20  # steps between two losses on the progress bar


def train(
    variant: Variant,
    recipe: Recipe,
    images: Images,
    seeds: Sequence[int],
    progress: tqdm,
    folder: Path | None = None,
) -> Iterator[TrainedSeed]:
    """Train seeds, on a card all side by side, on the CPU one after another.

    The result of a seed does not depend on the others. `progress` counts training images. With a folder, checkpoints
    are kept there, and an interrupted training goes on from them: on the CPU to the same bytes. Raises StudyError if
    training diverges.
    """
    device = images.train.images.device
    if warning := bf16_warning(recipe.precision, device):
        tqdm.write(warning)
    for group in [seeds] if images.train.images.is_cuda else [[seed] for seed in seeds]:
        with _resumed(variant, recipe, images, group, folder) as runs:
            _count_finished(progress, runs)
            checkpoints = CheckpointRhythm(device)
            for epochs, behind in _epochs_to_go(runs):
                start, seen = time.perf_counter(), 0
                for step, size in enumerate(epochs.train(), 1):
                    seen += size
                    progress.update(size * len(behind))
                    if device.type == "cpu":  # on a card, looking at a loss would mean waiting for it
                        epochs.runs[0].check()
                        _show_loss(progress, epochs.runs[0], step, seen)
                seconds = time.perf_counter() - start
                for each in behind:
                    each.cost.add(seconds, len(behind), device)
                checkpoints.save(behind)
        yield from (each.result() for each in runs)


@contextmanager
def _resumed(
    variant: Variant, recipe: Recipe, images: Images, seeds: Sequence[int], folder: Path | None
) -> Iterator[list[ResumableRun]]:
    """Yield the seeds as their checkpoints left them. The checkpoints are locked until this ends."""
    with ExitStack() as stack:
        checkpoints = _lock_checkpoints(variant, recipe, images, seeds, folder, stack)
        stack.callback(compute_in, "highest")
        yield [ResumableRun(SeedRun(variant, recipe, images, seed), checkpoints.get(seed)) for seed in seeds]


def _count_finished(progress: tqdm, runs: Sequence[ResumableRun]) -> None:
    """Show the epochs before an interruption as done; the speed shown does not count them."""
    finished = sum(each.run.epoch * len(each.run.order) for each in runs)
    progress.n += finished
    progress.initial = getattr(progress, "initial", 0) + finished


def _epochs_to_go(runs: Sequence[ResumableRun]) -> Iterator[tuple[Epochs, list[ResumableRun]]]:
    """Yield, for each next epoch, what trains it, and the seeds that it trains: all that are behind it."""
    recipe, epochs = runs[0].run.recipe, None
    for epoch in range(min(each.run.epoch for each in runs) + 1, recipe.epochs + 1):
        behind = [each for each in runs if each.run.epoch < epoch]
        if epochs is None or len(behind) > len(epochs.runs):  # others have been caught up with
            forget_peak_memory(runs[0].run.order.device)
            epochs = Epochs([each.run for each in behind])
        yield epochs, behind


class CheckpointRhythm:
    """When to save checkpoints: on the CPU after each epoch, on a card only so often that saving takes little time."""

    def __init__(self, device: torch.device) -> None:
        self.each_epoch = device.type == "cpu"
        self.saved, self.took = time.perf_counter(), 0.0  # when checkpoints were last saved, and how long that took

    def save(self, runs: Sequence[ResumableRun]) -> None:
        """Save the epoch that these seeds have just finished, if it is time or their last."""
        start, run = time.perf_counter(), runs[0].run
        if self.each_epoch or run.epoch == run.recipe.epochs or start - self.saved >= SPARSE * self.took:
            for each in runs:
                each.save()
            self.saved = time.perf_counter()
            self.took = self.saved - start


def _lock_checkpoints(
    variant: Variant, recipe: Recipe, images: Images, seeds: Sequence[int], folder: Path | None, stack: ExitStack
) -> dict[int, Checkpoints]:
    """Return the checkpoints of each seed, locked until the stack is closed; none without a folder."""
    if not folder:
        return {}
    names = fingerprints(variant, recipe, images, seeds)
    checkpoints = {seed: Checkpoints(folder / name) for seed, name in names.items()}
    for kept in sorted(checkpoints.values(), key=attrgetter("folder")):  # in one order: no two wait for each other
        stack.enter_context(kept)
    return checkpoints


def _show_loss(progress: tqdm, run: SeedRun, step: int, seen: int) -> None:
    """Show the mean loss of the epoch's first `seen` images, at every SHOWNth step."""
    if step % SHOWN == 0 and not progress.disable:
        means = Terms(*run.train_total / seen)
        progress.set_postfix(loss=f"{means.loss(run.variant.beta):.1f}", refresh=False)
