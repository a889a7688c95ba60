"""Epochs of training: the steps of each, by several seeds side by side."""

from collections.abc import Iterator, Sequence
from functools import partial

from elbowroom.core.device import compute_in
from elbowroom.training.cuda_graph import side_by_side
from elbowroom.training.seed_run import SeedRun


class Epochs:
    """Epochs of seeds that have all finished the same epoch.

    Checkpoints are used for as long as the code of this class, and all that it calls, is the same (checkpoint.py). So
    nothing that only shows or keeps what training gives belongs here.
    """

    def __init__(self, runs: Sequence[SeedRun]) -> None:
        self.runs, device, size = runs, runs[0].order.device, runs[0].recipe.batch_size
        whole, rest = divmod(len(runs[0].order), size)
        self.sizes = [size] * whole + [rest] * (rest > 0)
        self.steps = {size: side_by_side([partial(run.step, size) for run in runs], device) for size in {*self.sizes}}
        self.end_epoch = side_by_side([run.end_epoch for run in runs], device)

    def train(self) -> Iterator[int]:
        """Train for one epoch. After each step, yield how many images it took from each seed."""
        compute_in(self.runs[0].recipe.precision)
        for run in self.runs:
            run.begin_epoch()
        for size in self.sizes:
            self.steps[size]()
            yield size
        self.end_epoch()
        for run in self.runs:
            run.record()
