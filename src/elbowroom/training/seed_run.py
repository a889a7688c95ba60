"""One seed of a variant in training: what it draws, measures, and carries from epoch to epoch.

On a card, everything that a step reads and writes stays there, at the same address, so that a CUDA graph can replay
the step (cuda_graph.py).
"""

import math
from typing import Any

import torch
from torch import Tensor

from elbowroom.core.files import Arrays
from elbowroom.core.random_streams import Stream, generator
from elbowroom.core.settings import Recipe, Variant
from elbowroom.datasets.images import Images, scale
from elbowroom.training.adam import Adam
from elbowroom.training.divergence import DivergenceWatch
from elbowroom.training.master_weights import MasterWeights
from elbowroom.training.snapshots import Snapshots, is_snapshot_epoch
from elbowroom.training.step import train_step, warmed_up
from elbowroom.vae import fast_cpu
from elbowroom.vae.model import VAE
from elbowroom.vae.objective import Terms, optimal_sigma2, split_means, split_noise

GRAPH_BATCH = 1000  # images, at least, in a batch of a test on a card: a graph of few nodes


class SeedRun:
    """One seed in training.

    The seed alone decides the initial weights, the order of the images and the noise, each by a stream of its own
    (core/random_streams.py). Variants with the same number of images see them in the same order. Nothing in `step` or
    `end_epoch` waits for the device, and they work on tensors that stay where they are.

    epoch: the last finished one. history: two rows for each epoch so far, as resumable_run.TrainedSeed has them.
    """

    def __init__(self, variant: Variant, recipe: Recipe, images: Images, seed: int) -> None:
        self.variant, self.recipe, self.images, self.seed = variant, recipe, images, seed
        train, test = images.train.images, images.test.images
        device = train.device
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.model = VAE(variant, images.shape).to(device).to(memory_format=torch.channels_last)
        self.network = fast_cpu.accelerate(self.model)
        self.optimizer = Adam(self.model.parameters(), recipe.learning_rate)
        self.bf16 = recipe.precision == "bf16"
        self.trained, self.masters = self.network, None
        if self.bf16 and device.type == "cpu":  # where copies of the weights take less time than autocast
            self.trained = fast_cpu.bf16_copy(self.model)
            self.masters = MasterWeights(self.optimizer, self.trained.parameters())
        self.shuffling = generator(seed, Stream.ORDER, device)
        self.sampling = generator(seed, Stream.TRAINING_NOISE, device)
        self.order = torch.empty(len(train), dtype=torch.int64, device=device)
        self.noise = torch.empty(len(train), variant.latent_dim, device=device)
        self.seen = torch.zeros((), dtype=torch.int64, device=device)  # images, since the beginning
        self.train_total = torch.zeros(2, dtype=torch.float64, device=device)  # distortion and rate in this epoch
        self.test_means = torch.zeros(2, dtype=torch.float64, device=device)  # and after it
        self.test_noise = split_noise(len(test), variant.latent_dim, seed, Stream.TEST_NOISE, device)
        if self.model.sigma2 is not None:
            self.train_noise = split_noise(len(train), variant.latent_dim, seed, Stream.TRAIN_NOISE, device)
        self.watch = DivergenceWatch(seed, variant.recipe, train[0].numel(), device)
        self.epoch = 0
        self.history: list[dict[str, float | int | str]] = []
        self.snapshots = Snapshots(variant, test)
        self.snapshots.take(0, self.network)

    def begin_epoch(self) -> None:
        """Shuffle, and draw the noise of the whole epoch."""
        self.trained.train()
        torch.randperm(len(self.order), generator=self.shuffling, out=self.order)
        self.noise.normal_(generator=self.sampling)
        self.train_total.zero_()
        self.watch.begin_epoch()

    def step(self, size: int) -> None:
        """Take a gradient step with the next `size` images of the order."""
        rows = self.seen % len(self.order) + torch.arange(size, device=self.order.device)
        beta = warmed_up(self.variant.beta, self.seen / len(self.order), self.recipe.warmup_epochs)
        x = scale(self.images.train.images[self.order[rows]], self.variant.pixel_range)
        noise, optimizer, autocast = self.noise[rows], self.masters or self.optimizer, self.bf16 and not self.masters
        measured = train_step(self.trained, optimizer, self.variant, x, noise, beta, autocast)
        total = torch.stack(measured).double().sum(1)
        self.train_total += total
        self.seen += size
        self.watch.observe(total, Terms(*total / size).loss(self.variant.beta), size)

    def check(self) -> None:
        """Raise StudyError if training diverged in this epoch. Waits for the device."""
        self.watch.check(self.epoch + 1)

    def end_epoch(self) -> None:
        """Compute the optimal variance, if the variant has one, and test."""
        size = max(self.recipe.batch_size, GRAPH_BATCH) if self.order.is_cuda else self.recipe.batch_size
        if self.network.sigma2 is not None:
            train = self.images.train.images
            self.network.sigma2.copy_(optimal_sigma2(self.variant, self.network, train, self.train_noise, size))
        means = split_means(self.variant, self.network, self.images.test.images, self.test_noise, size)
        self.test_means.copy_(torch.stack(means))

    def record(self) -> None:
        """Read the epoch's losses from the device, which finishes it. Raises StudyError if training diverged."""
        self.check()
        self.epoch += 1
        for split, means in (("train", self.train_total / len(self.order)), ("test", self.test_means)):
            numbers = Terms(*means.cpu()).numbers(self.variant.beta)
            if not math.isfinite(numbers["loss"]):
                raise self.watch.error(f"after epoch {self.epoch}, {split}", numbers["loss"])
            self.history.append({"seed": self.seed, "split": split, "epoch": self.epoch, **numbers})
        if is_snapshot_epoch(self.epoch) or self.epoch == self.recipe.epochs:
            self.snapshots.take(self.epoch, self.network)

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return all that the next epochs depend on, and what came of those so far, as arrays and a header."""
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in self._tensors().items()}
        arrays |= {f"generators.{n}": g.get_state().numpy() for n, g in enumerate((self.shuffling, self.sampling))}
        arrays |= {f"evolution.{name}": array for name, array in self.snapshots.arrays(self.epoch).items()}
        history = [list(row.items()) for row in self.history]
        return arrays, {"epoch": self.epoch, "history": history}

    @torch.no_grad()
    def restore(self, arrays: Arrays, header: dict[str, Any]) -> None:
        """Go on from what `state()` returned."""
        for name, tensor in self._tensors().items():
            tensor.copy_(torch.from_numpy(arrays[name]))
        for number, stream in enumerate((self.shuffling, self.sampling)):
            stream.set_state(torch.from_numpy(arrays[f"generators.{number}"]))
        if self.masters:
            self.masters.refresh()
        self.snapshots.restore({name: arrays[f"evolution.{name}"] for name in ("epochs", "mu", "reconstructions")})
        self.epoch, self.history = header["epoch"], [dict(row) for row in header["history"]]
        if self.epoch == self.recipe.epochs and self.snapshots.taken[-1].epoch != self.epoch:
            self.snapshots.take(self.epoch, self.network)  # it was not the last epoch of the training that saved it

    def _tensors(self) -> dict[str, Tensor]:
        """Return what changes through training, by name."""
        return {
            **{f"model.{name}": tensor for name, tensor in self.model.state_dict().items()},
            **{f"optimizer.{number}": tensor for number, tensor in enumerate(self.optimizer.state)},
            "seen": self.seen,
            "losses": self.watch.losses,
        }
