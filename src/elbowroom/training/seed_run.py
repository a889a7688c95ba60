"""train_step, and Run: one seed of a variant in training, what it draws, measures and carries from epoch to epoch.

On a card everything that a step reads and writes stays there and at its address, so that steps can be captured in a
CUDA graph (fit.py).
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elbowroom.core.errors import StudyError
from elbowroom.core.files import Arrays
from elbowroom.core.settings import Recipe, Variant
from elbowroom.datasets.images import Images, scale, to_bytes
from elbowroom.training.adam import Adam
from elbowroom.vae import fast_cpu
from elbowroom.vae.model import VAE
from elbowroom.vae.objective import Terms, optimal_sigma2, pixel_mean, split_means, split_noise, terms

MAP_IMAGES = 1000  # test images whose mu is followed through training
FOLLOWED = 10  # of which as many are reconstructed
EXPLODED = 1000  # nats for each value of an image: no model, however bad, is so far off


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

    epoch: the last that is finished. history: of it and those before, two rows each (fit.Fit has what is in them).
    """

    def __init__(self, variant: Variant, recipe: Recipe, images: Images, seed: int) -> None:
        self.variant, self.recipe, self.images, self.seed = variant, recipe, images, seed
        train, test = images.train.images, images.test.images
        where = train.device
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.model = VAE(variant, images.shape).to(where).to(memory_format=torch.channels_last)
        self.network = fast_cpu.accelerate(self.model)
        self.optimizer = Adam(self.model.parameters(), recipe.learning_rate)
        self.shuffling = torch.Generator(where).manual_seed(seed)
        self.sampling = torch.Generator(where).manual_seed(seed + 2**31)  # seeds of the study are below 2**31
        self.order = torch.empty(len(train), dtype=torch.int64, device=where)
        self.noise = torch.empty(len(train), variant.latent_dim, device=where)
        self.seen = torch.zeros((), dtype=torch.int64, device=where)  # images, since the beginning
        self.train_total = torch.zeros(2, dtype=torch.float64, device=where)  # distortion and rate in this epoch
        self.test_means = torch.zeros(2, dtype=torch.float64, device=where)  # and after it
        self.sound = torch.ones((), dtype=torch.bool, device=where)  # all steps so far
        self.sound_steps = torch.zeros((), dtype=torch.int64, device=where)  # in this epoch
        self.losses = torch.full((2,), torch.nan, dtype=torch.float64, device=where)  # of the last sound step; after it
        self.test_noise = split_noise(len(test), variant.latent_dim, seed, where)
        if self.model.sigma2 is not None:
            self.train_noise = split_noise(len(train), variant.latent_dim, seed, where)
        self.epoch = 0
        self.history: list[dict[str, float | int | str]] = []
        self.snapshots = [(0, *self._snapshot())]

    def begin_epoch(self) -> None:
        """Shuffle, and draw the noise of the whole epoch."""
        self.network.train()
        torch.randperm(len(self.order), generator=self.shuffling, out=self.order)
        self.noise.normal_(generator=self.sampling)
        self.train_total.zero_()
        self.sound_steps.zero_()

    def step(self, size: int) -> None:
        """A gradient step by the next `size` images."""
        rows = self.seen % len(self.order) + torch.arange(size, device=self.order.device)
        beta = warmed_up(self.variant.beta, self.seen / len(self.order), self.recipe.warmup_epochs)
        x = scale(self.images.train.images[self.order[rows]], self.variant.pixel_range)
        bf16 = self.recipe.precision == "bf16"
        measured = train_step(self.network, self.optimizer, self.variant, x, self.noise[rows], beta, bf16)
        total = torch.stack(measured).double().sum(1)
        self.train_total += total
        self.seen += size
        loss = Terms(*total / size).loss(self.variant.beta)
        self.losses[1].copy_(torch.where(self.sound, loss, self.losses[1]))
        self.sound &= total.sum().abs() < EXPLODED * x.numel()  # which nothing that is not finite is
        self.losses[0].copy_(torch.where(self.sound, loss, self.losses[0]))
        self.sound_steps += self.sound

    def check(self) -> None:
        """Raise StudyError if a step's loss was not finite, or exploded. Waits for the device."""
        if not self.sound:
            last, found = self.losses.tolist()
            raise self._diverged(f"epoch {self.epoch + 1}, step {int(self.sound_steps) + 1}", found, last)

    def end_epoch(self) -> None:
        """Find the optimal variance, if the variant has one, and test."""
        variant, model, size = self.variant, self.network, self.recipe.batch_size
        if self.order.is_cuda:
            size = max(size, 1000)  # a graph with fewer nodes; no result depends on it
        if model.sigma2 is not None:
            train = self.images.train.images
            model.sigma2.copy_(optimal_sigma2(variant, model, train, self.train_noise, size))
        means = split_means(variant, model, self.images.test.images, self.test_noise, size)
        self.test_means.copy_(torch.stack(means))

    def record(self) -> None:
        """Read the losses of the epoch from the device: it is finished. Raises StudyError where training diverged."""
        self.check()
        self.epoch += 1
        for split, means in (("train", self.train_total / len(self.order)), ("test", self.test_means)):
            numbers = Terms(*means.cpu()).numbers(self.variant.beta)
            if not math.isfinite(numbers["loss"]):
                raise self._diverged(f"after epoch {self.epoch}, {split}", numbers["loss"], self.losses[0].item())
            self.history.append({"seed": self.seed, "split": split, "epoch": self.epoch, **numbers})
        if is_round(self.epoch) or self.epoch == self.recipe.epochs:
            self.snapshots.append((self.epoch, *self._snapshot()))

    def _diverged(self, when: str, found: float, last: float) -> StudyError:
        limit = EXPLODED * self.images.test.images[0].numel()
        return StudyError(
            f"training diverged: seed {self.seed}, {when}: found loss {found:g} after {last:g}, expected a finite one "
            f"below {limit:,} nats (a lower learning_rate in recipes.{self.variant.recipe} may help, or warmup_epochs)"
        )

    @torch.no_grad()
    def _snapshot(self) -> tuple[np.ndarray, np.ndarray]:
        """Mu of the first test images (N, latent_dim) float16, and reconstructions from it of a few of them, uint8."""
        variant, model = self.variant, self.network.eval()
        mu = model.encode(scale(self.images.test.images[:MAP_IMAGES], variant.pixel_range))[0]
        return mu.half().cpu().numpy(), to_bytes(pixel_mean(variant, model.decode(mu[:FOLLOWED])))

    def evolution(self) -> Arrays:
        """The snapshots so far, of which those at the ends of shorter trainings are left out (fit.Fit)."""
        wanted = [taken for taken in self.snapshots if is_round(taken[0]) or taken[0] == self.epoch]
        return dict(zip(("epochs", "mu", "reconstructions"), map(np.stack, zip(*wanted, strict=True)), strict=True))

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """All that the next epochs depend on, and what this training comes to so far: arrays, and a header."""
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in self._tensors().items()}
        arrays |= {f"generators.{n}": g.get_state().numpy() for n, g in enumerate((self.shuffling, self.sampling))}
        arrays |= {f"evolution.{name}": array for name, array in self.evolution().items()}
        return arrays, {"epoch": self.epoch, "history": [list(row.items()) for row in self.history]}

    @torch.no_grad()
    def restore(self, arrays: Arrays, header: dict[str, Any]) -> None:
        """Stand where the run stood whose state this is."""
        for name, tensor in self._tensors().items():
            tensor.copy_(torch.from_numpy(arrays[name]))
        for number, generator in enumerate((self.shuffling, self.sampling)):
            generator.set_state(torch.from_numpy(arrays[f"generators.{number}"]))
        names = ("epochs", "mu", "reconstructions")
        self.snapshots = list(zip(*(arrays[f"evolution.{name}"] for name in names), strict=True))
        self.epoch, self.history = header["epoch"], [dict(row) for row in header["history"]]
        if self.epoch == self.recipe.epochs and self.snapshots[-1][0] != self.epoch:  # the end, but of a longer one not
            self.snapshots.append((self.epoch, *self._snapshot()))

    def _tensors(self) -> dict[str, Tensor]:
        """What changes through training, by name."""
        return {
            **{f"model.{name}": tensor for name, tensor in self.model.state_dict().items()},
            **{f"optimizer.{number}": tensor for number, tensor in enumerate(self.optimizer.state)},
            **{"seen": self.seen, "losses": self.losses},
        }


def is_round(epoch: int) -> bool:
    """Is it 0, or one of 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, ..., ten to a decade?"""
    return epoch == 0 or epoch == round(10 ** (round(10 * math.log10(epoch)) / 10))
