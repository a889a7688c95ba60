"""train_step, and fit: a variant and its seeds in, trained models and their histories out.

On a card everything that a step reads and writes stays there and at its address, so that steps are captured in a CUDA
graph, with all seeds side by side in it; on the CPU the same steps are called, seed after seed.
"""

import math
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.optim.adam import adam
from tqdm import tqdm

from elbowroom.artifacts import Arrays
from elbowroom.config import Recipe, StudyError, Variant
from elbowroom.data import Images, compute_in, scale, to_bytes
from elbowroom.model import VAE
from elbowroom.objective import Terms, optimal_sigma2, pixel_mean, split_means, split_noise, terms

SNAPSHOTS = 11  # after epoch 0, at log-spaced epochs
MAP_IMAGES = 1000  # test images whose mu is followed through training
FOLLOWED = 10  # of which as many are reconstructed
WARM_UP = 3  # calls before a capture, as PyTorch's notes on CUDA graphs have it


@dataclass(frozen=True)
class Fit:
    """What training one seed gives.

    history: a row for each epoch and split, losses in nats per image, with the whole beta also during warm-up. Train:
    the mean over the epoch, while the weights moved. Test: after the epoch, whole split, z sampled.
    evolution: snapshots through training of the first test images, arrays over S epochs: epochs (S,), mu (S, N,
    latent_dim) float16, reconstructions (S, M, C, H, W) uint8.
    cost: seconds, during which seeds_together were trained; images_per_second (training images of this seed; the tests
    after each epoch count in the time); and peak_memory_mib, the most that the card held for all of them, or on the CPU
    the process so far.
    """

    seed: int
    model: VAE
    history: list[dict[str, float | int | str]]
    evolution: Arrays
    cost: dict[str, float]


class Adam:
    """torch.optim.Adam, fused, with its other settings as they are, by the function that it calls.

    A captured step keeps the learning rate that it was captured with.

    The class itself imports torch's compiler when it is made, which takes longer than to import torch.
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float) -> None:
        self.parameters = list(parameters)
        self.learning_rate = learning_rate
        self.means = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.steps = [torch.zeros((), device=parameter.device) for parameter in self.parameters]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Update the parameters by their gradients, which may lie in memory otherwise than these do.

        Not to the fused function, which takes both as they lie, element after element.
        """
        pairs = list(zip(self.parameters, gradients, strict=True))
        adam(
            self.parameters,
            [g if g.stride() == p.stride() else torch.empty_like(p).copy_(g) for p, g in pairs],
            self.means,
            self.squares,
            [],
            self.steps,
            fused=True,
            capturable=self.parameters[0].is_cuda,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self.learning_rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )


def train_step(
    model: VAE, optimizer: Adam, variant: Variant, x: Tensor, noise: Tensor, beta: float | Tensor, bf16: bool = False
) -> Terms:
    """Take one gradient step; return the terms measured before it.

    x: (B, C, H, W) in the variant's pixel range; noise: (B, latent_dim) ~ N(0, I); beta: the weight of the rate in this
    step; bf16: layers compute in bfloat16. Each term: (B,), nats per image, detached.
    """
    # A cached cast would be of a captured step's weights, not of the next one's: hence no cache.
    with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16, cache_enabled=False):
        measured = terms(variant, model, x, noise)
    optimizer.step(torch.autograd.grad(measured.loss(beta).mean(), optimizer.parameters))
    return Terms(*(term.detach() for term in measured))


def warmed_up(beta: float, epochs: Tensor, warmup_epochs: int) -> Tensor:
    """The weight of the rate after so many epochs (and parts of one): linear from 0 to beta; Bowman et al. 2016."""
    return beta * (epochs / warmup_epochs).clamp(max=1) if warmup_epochs else torch.full_like(epochs, beta)


class Run:
    """One seed in training.

    The seed alone decides the initial weights, the order of the images and the noise; the order is the same for every
    variant with as many images, so variants are compared in pairs. Nothing in `step` or `end_epoch` waits for the
    device, and they work on tensors that stay where they are.
    """

    def __init__(self, variant: Variant, recipe: Recipe, images: Images, seed: int) -> None:
        self.variant, self.recipe, self.images, self.seed = variant, recipe, images, seed
        train, test = images.train.images, images.test.images
        where = train.device
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.model = VAE(variant, images.shape).to(where).to(memory_format=torch.channels_last)
        self.optimizer = Adam(self.model.parameters(), recipe.learning_rate)
        self.shuffling = torch.Generator(where).manual_seed(seed)
        self.sampling = torch.Generator(where).manual_seed(seed + 2**31)  # seeds of the study are below 2**31
        self.order = torch.empty(len(train), dtype=torch.int64, device=where)
        self.noise = torch.empty(len(train), variant.latent_dim, device=where)
        self.seen = torch.zeros((), dtype=torch.int64, device=where)  # images, since the beginning
        self.train_total = torch.zeros(2, dtype=torch.float64, device=where)  # distortion and rate in this epoch
        self.test_means = torch.zeros(2, dtype=torch.float64, device=where)  # and after it
        self.test_noise = split_noise(len(test), variant.latent_dim, seed, where)
        if self.model.sigma2 is not None:
            self.train_noise = split_noise(len(train), variant.latent_dim, seed, where)
        self.history: list[dict[str, float | int | str]] = []

    def begin_epoch(self) -> None:
        """Shuffle, and draw the noise of the whole epoch."""
        self.model.train()
        torch.randperm(len(self.order), generator=self.shuffling, out=self.order)
        self.noise.normal_(generator=self.sampling)
        self.train_total.zero_()

    def step(self, size: int) -> None:
        """A gradient step by the next `size` images."""
        rows = self.seen % len(self.order) + torch.arange(size, device=self.order.device)
        beta = warmed_up(self.variant.beta, self.seen / len(self.order), self.recipe.warmup_epochs)
        x = scale(self.images.train.images[self.order[rows]], self.variant.pixel_range)
        bf16 = self.recipe.precision == "bf16"
        measured = train_step(self.model, self.optimizer, self.variant, x, self.noise[rows], beta, bf16)
        self.train_total += torch.stack(measured).double().sum(1)
        self.seen += size

    def end_epoch(self) -> None:
        """Find the optimal variance, if the variant has one, and test."""
        variant, model, size = self.variant, self.model, self.recipe.batch_size
        if self.order.is_cuda:
            size = max(size, 1000)  # a graph with fewer nodes; no result depends on it
        if model.sigma2 is not None:
            train = self.images.train.images
            model.sigma2.copy_(optimal_sigma2(variant, model, train, self.train_noise, size))
        means = split_means(variant, model, self.images.test.images, self.test_noise, size)
        self.test_means.copy_(torch.stack(means))

    def record(self, epoch: int) -> None:
        """Read the losses from the device. Raises StudyError where one is not finite."""
        for split, means in (("train", self.train_total / len(self.order)), ("test", self.test_means)):
            numbers = Terms(*means.cpu()).numbers(self.variant.beta)
            if not math.isfinite(numbers["loss"]):
                raise StudyError(
                    f"training diverged: seed {self.seed}, epoch {epoch}: found {split} loss {numbers['loss']}, "
                    f"expected a finite one (a lower learning_rate in recipes.{self.variant.recipe} may help)"
                )
            self.history.append({"seed": self.seed, "split": split, "epoch": epoch, **numbers})


class SideBySide:
    """Functions of no arguments and results, called together: on the CPU in turn, on a card each on its own stream.

    On a card, from call WARM_UP + 1 on, they are replayed as one CUDA graph with a branch for each; so they must read
    and write the same tensors each time, and not wait for the device.
    https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    """

    def __init__(self, functions: Sequence[Callable[[], None]], where: torch.device) -> None:
        self.functions = functions
        self.streams = [torch.cuda.Stream(where) for _ in functions] if where.type == "cuda" else []
        self.calls = 0
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        self.calls += 1
        if not self.streams:
            for function in self.functions:
                function()
        elif self.calls <= WARM_UP:
            self._fork_and_join()
        else:
            if self.graph is None:
                self.graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self.graph):  # which runs nothing
                    self._fork_and_join()
            self.graph.replay()

    def _fork_and_join(self) -> None:
        current = torch.cuda.current_stream()
        for function, stream in zip(self.functions, self.streams, strict=True):
            stream.wait_stream(current)
            with torch.cuda.stream(stream):
                function()
        for stream in self.streams:
            current.wait_stream(stream)


def fit(variant: Variant, recipe: Recipe, images: Images, seeds: Sequence[int], progress: tqdm) -> Iterator[Fit]:
    """Train seeds from scratch by Adam, all side by side on a card, else one after another.

    What a seed comes to does not depend on the others. `progress` counts training images. Raises StudyError where a
    loss is no longer finite.
    """
    together = images.train.images.is_cuda
    for group in [seeds] if together else [[seed] for seed in seeds]:
        compute_in(recipe.precision)
        try:
            found = _fit_together(variant, recipe, images, group, progress)
        finally:
            compute_in("highest")
        yield from found


def _fit_together(variant: Variant, recipe: Recipe, images: Images, seeds: Sequence[int], progress: tqdm) -> list[Fit]:
    count, size, where = len(images.train.images), recipe.batch_size, images.train.images.device
    if where.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(where)
    runs = [Run(variant, recipe, images, seed) for seed in seeds]
    step = SideBySide([partial(run.step, size) for run in runs], where)
    end_epoch = SideBySide([run.end_epoch for run in runs], where)
    snapshots = [[(0, *snapshot(variant, run.model, images))] for run in runs]
    wanted = snapshot_epochs(recipe.epochs)
    start = time.perf_counter()
    for epoch in range(1, recipe.epochs + 1):
        for run in runs:
            run.begin_epoch()
        for number in range(1, count // size + 1):
            step()
            progress.update(size * len(runs))
            if where.type == "cpu" and not progress.disable and number % 20 == 0:  # elsewhere to read it would wait
                means = Terms(*runs[0].train_total / (number * size))
                progress.set_postfix(loss=f"{means.loss(variant.beta):.1f}", refresh=False)
        if rest := count % size:  # too seldom to be captured
            for run in runs:
                run.step(rest)
            progress.update(rest * len(runs))
        end_epoch()
        for run, taken in zip(runs, snapshots, strict=True):
            run.record(epoch)
            if epoch in wanted:
                taken.append((epoch, *snapshot(variant, run.model, images)))
    seconds = time.perf_counter() - start
    cost = {
        "seconds": round(seconds, 3),
        "seeds_together": len(runs),
        "images_per_second": round(recipe.epochs * count / seconds, 1),
        "peak_memory_mib": round(peak_memory(where) / 2**20, 1),
    }
    found = []
    for run, taken in zip(runs, snapshots, strict=True):
        epochs, mu, reconstructions = (np.stack(part) for part in zip(*taken, strict=True))
        evolution = {"epochs": epochs, "mu": mu, "reconstructions": reconstructions}
        found.append(Fit(run.seed, run.model.eval(), run.history, evolution, cost))
    return found


def peak_memory(where: torch.device) -> int:
    """Bytes: the most that was reserved on the card (graphs keep theirs), or on the CPU the whole process took."""
    if where.type == "cuda":
        return torch.cuda.max_memory_reserved(where)
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def snapshot_epochs(epochs: int) -> set[int]:
    """About a dozen log-spaced epochs, the first and the last among them."""
    return {round(epoch) for epoch in np.geomspace(1, epochs, SNAPSHOTS)}


@torch.no_grad()
def snapshot(variant: Variant, model: VAE, images: Images) -> tuple[np.ndarray, np.ndarray]:
    """Mu of the first test images (N, latent_dim) float16, and reconstructions from it of a few of them, uint8."""
    model.eval()
    mu = model.encode(scale(images.test.images[:MAP_IMAGES], variant.pixel_range))[0]
    pictures = to_bytes(pixel_mean(variant, model.decode(mu[:FOLLOWED])))
    return mu.half().cpu().numpy(), pictures
