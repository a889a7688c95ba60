"""Train a variant by several processes: `torchrun --nproc-per-node=2 -m elbowroom.training.distributed VARIANT`.

It runs in a study's folder and leaves only checkpoints, as `train` does (checkpoint.py). `dvc repro` then goes on from
them: DVC decides what is up to date, and one process writes the results. No stage reaches this module, so that its code
makes no result stale.

Every process has the whole training: weights, order, noise. Of a batch it takes its part, and the gradients are added.
"""

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import Parameter
from tqdm import tqdm

from elbowroom.core import paths
from elbowroom.core.device import choose_device, compute_in
from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.settings import Recipe, Variant
from elbowroom.core.stage import run
from elbowroom.datasets.images import Images, load_images, scale
from elbowroom.training.adam import Adam
from elbowroom.training.checkpoint import Checkpoints, fingerprints
from elbowroom.training.master_weights import MasterWeights
from elbowroom.training.resumable_run import ResumableRun
from elbowroom.training.seed_run import SeedRun
from elbowroom.training.step import train_step, warmed_up
from elbowroom.vae.objective import Terms


class SummedGradients:
    """An optimizer that first adds up the gradients of all processes.

    share: the part of the batch that this process has. Its gradients are of the mean over that part, and become the
    part's share of the mean over the batch.
    """

    def __init__(self, optimizer: Adam | MasterWeights, parameters: Sequence[Parameter], share: float) -> None:
        self.optimizer, self.parameters, self.share = optimizer, parameters, share

    def zero_grad(self) -> None:
        self.optimizer.zero_grad()

    @torch.no_grad()
    def step(self) -> None:
        weighed = [self._weighed(parameter) for parameter in self.parameters]
        for parameter, total in zip(self.parameters, summed(weighed), strict=True):
            parameter.grad = total
        self.optimizer.step()

    def _weighed(self, parameter: Parameter) -> Tensor:
        if parameter.grad is None or not self.share:  # of no image the mean is not a number
            return torch.zeros_like(parameter)
        return parameter.grad * self.share


def summed(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return the sums of tensors over all processes, laid out as they are. It takes one message."""
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    dist.all_reduce(flat)
    parts = flat.split([tensor.numel() for tensor in tensors])
    return [torch.empty_like(like).copy_(part.view(like.shape)) for like, part in zip(tensors, parts, strict=True)]


class DistributedRun(SeedRun):
    """A seed that all processes train together."""

    def step(self, size: int) -> None:
        """Take a gradient step with the next `size` images of the order, this process with its part of them."""
        rank, world = dist.get_rank(), dist.get_world_size()
        rows = self.seen % len(self.order) + torch.arange(size, device=self.order.device)
        rows = rows[size * rank // world : size * (rank + 1) // world]
        beta = warmed_up(self.variant.beta, self.seen / len(self.order), self.recipe.warmup_epochs)
        x = scale(self.images.train.images[self.order[rows]], self.variant.pixel_range)
        optimizer, autocast = self.masters or self.optimizer, self.bf16 and not self.masters
        adding = cast(Adam, SummedGradients(optimizer, [*self.trained.parameters()], len(rows) / size))
        measured = train_step(self.trained, adding, self.variant, x, self.noise[rows], beta, autocast)
        (total,) = summed([torch.stack(measured).double().sum(1)])
        self.train_total += total
        self.seen += size
        self.watch.observe(total, Terms(*total / size).loss(self.variant.beta), size)

    def train_epoch(self) -> None:
        """Train for one epoch, and test."""
        compute_in(self.recipe.precision)
        self.begin_epoch()
        whole, rest = divmod(len(self.order), self.recipe.batch_size)
        for size in [self.recipe.batch_size] * whole + [rest] * (rest > 0):
            self.step(size)
        self.end_epoch()
        if self.network.sigma2 is not None:
            dist.broadcast(self.network.sigma2, 0)  # another kind of processor may have rounded it otherwise
        self.record()

    @torch.no_grad()
    def share(self) -> None:
        """Give all processes what the next epoch of the first one depends on."""
        device = self.order.device
        epoch = torch.tensor(self.epoch, device=device)
        streams = [stream.get_state().to(device) for stream in (self.shuffling, self.sampling)]
        for tensor in (epoch, *self._tensors().values(), *streams):
            dist.broadcast(tensor, 0)
        self.epoch = int(epoch)
        for stream, state in zip((self.shuffling, self.sampling), streams, strict=True):
            stream.set_state(state.cpu())
        if self.masters:
            self.masters.refresh()


def train_seed(
    variant: Variant, recipe: Recipe, images: Images, seed: int, progress: tqdm, folder: Path
) -> list[dict[str, float | int | str]]:
    """Train a seed to its last epoch. The first process alone locks, reads and writes its checkpoints.

    Return its history (resumable_run.TrainedSeed).
    """
    with ExitStack() as stack:
        checkpoints = None
        if dist.get_rank() == 0:
            (name,) = fingerprints(variant, recipe, images, [seed]).values()
            checkpoints = stack.enter_context(Checkpoints(folder / name))
        each = ResumableRun(training := DistributedRun(variant, recipe, images, seed), checkpoints)
        training.share()
        progress.update(training.epoch * len(training.order))
        while training.epoch < recipe.epochs:
            start = time.perf_counter()
            training.train_epoch()
            each.cost.add(time.perf_counter() - start, 1, training.order.device)
            each.save()
            progress.update(len(training.order))
        return training.history


def main(name: str) -> None:
    if "RANK" not in os.environ:
        raise StudyError("distributed: found one process, expected torchrun --nproc-per-node=2 -m ... to start several")
    study = load_study()
    variant = study.variant(name)
    recipe = study.recipes[variant.recipe]
    if torch.cuda.is_available():
        os.environ.setdefault("ELBOWROOM_DEVICE", f"cuda:{os.environ.get('LOCAL_RANK', 0)}")
    device = choose_device()
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    images = load_images(variant.dataset, device)
    total = len(recipe.seeds) * recipe.epochs * len(images.train.images)
    with tqdm(total=total, desc=f"train {name}", unit="img", disable=dist.get_rank() > 0 or None) as progress:
        for seed in recipe.seeds:
            train_seed(variant, recipe, images, seed, progress, paths.CHECKPOINTS)
    dist.destroy_process_group()


if __name__ == "__main__":
    run(main, "variant")
