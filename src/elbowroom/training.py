"""train_step, and fit: a variant and a seed in, a trained model and its history out."""

import math
import resource
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.optim.adam import adam
from tqdm import tqdm

from elbowroom.artifacts import Arrays
from elbowroom.config import Recipe, StudyError, Variant
from elbowroom.data import Images, batches, scale, to_bytes
from elbowroom.model import VAE
from elbowroom.objective import Terms, optimal_sigma2, pixel_mean, split_means, split_noise, terms

SNAPSHOTS = 11  # after epoch 0, at log-spaced epochs
MAP_IMAGES = 1000  # test images whose mu is followed through training
FOLLOWED = 10  # of which as many are reconstructed


@dataclass(frozen=True)
class Fit:
    """What training one seed gives.

    history: a row for each epoch and split, losses in nats per image, with the whole beta also during warm-up. Train:
    the mean over the epoch, while the weights moved. Test: after the epoch, whole split, z sampled.
    evolution: snapshots through training of the first test images, arrays over S epochs: epochs (S,), mu (S, N,
    latent_dim) float16, reconstructions (S, M, C, H, W) uint8.
    cost: seconds, images_per_second (training images; the tests after each epoch count in the time), and
    peak_memory_mib, the most that the card held for it, or on the CPU the process so far.
    """

    model: VAE
    history: list[dict[str, float | int | str]]
    evolution: Arrays
    cost: dict[str, float]


class Adam:
    """torch.optim.Adam with its other settings as they are, by the function that it calls.

    The class itself imports torch's compiler when it is made, which takes longer than to import torch.
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float) -> None:
        self.parameters = list(parameters)
        self.learning_rate = learning_rate
        self.means = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.steps = [torch.zeros(()) for _ in self.parameters]

    @torch.no_grad()
    def step(self) -> None:
        """Update the parameters by their gradients, and clear those."""
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        adam(
            self.parameters,
            gradients,
            self.means,
            self.squares,
            [],
            self.steps,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self.learning_rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )
        for parameter in self.parameters:
            parameter.grad = None


def train_step(model: VAE, optimizer: Adam, variant: Variant, x: Tensor, noise: Tensor, beta: float) -> Terms:
    """Take one gradient step; return the terms measured before it.

    x: (B, C, H, W) in the variant's pixel range; noise: (B, latent_dim) ~ N(0, I); beta: the weight of the rate in this
    step. Each term: (B,), nats per image, detached.
    """
    measured = terms(variant, model, x, noise)
    measured.loss(beta).mean().backward()
    optimizer.step()
    return Terms(*(term.detach() for term in measured))


def warmed_up(beta: float, epochs: float, warmup_epochs: int) -> float:
    """The weight of the rate after so many epochs (and parts of one): linear from 0 to beta; Bowman et al. 2016."""
    return beta * min(1.0, epochs / warmup_epochs) if warmup_epochs else beta


def fit(variant: Variant, recipe: Recipe, images: Images, seed: int, progress: tqdm) -> Fit:
    """Train one seed from scratch by Adam.

    The seed alone decides the initial weights, the order of the images and the noise; the order is the same for every
    variant with as many images, so variants are compared in pairs. `progress` counts training images. Raises StudyError
    where the loss is no longer finite.
    """
    train, where = images.train.images, images.train.images.device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = VAE(variant, images.shape).to(where).to(memory_format=torch.channels_last)
    if where.type == "cuda":
        torch.cuda.reset_peak_memory_stats(where)
    optimizer = Adam(model.parameters(), recipe.learning_rate)
    order = torch.Generator(where).manual_seed(seed)
    noise = torch.Generator(where).manual_seed(seed + 2**31)  # seeds of the study are below 2**31

    test_noise = split_noise(len(images.test.images), variant.latent_dim, seed, where)
    steps = math.ceil(len(train) / recipe.batch_size)

    history: list[dict[str, float | int | str]] = []
    snapshots = [(0, *snapshot(variant, model, images))]
    wanted = snapshot_epochs(recipe.epochs)
    start = time.perf_counter()
    for epoch in range(1, recipe.epochs + 1):
        model.train()
        total = torch.zeros(2, dtype=torch.float64, device=where)
        permutation = torch.randperm(len(train), generator=order, device=where)
        for step, batch in enumerate(batches(len(train), recipe.batch_size, permutation)):
            x = scale(train[batch], variant.pixel_range)
            epsilon = torch.randn(len(x), variant.latent_dim, generator=noise, device=where)
            beta = warmed_up(variant.beta, epoch - 1 + step / steps, recipe.warmup_epochs)
            measured = train_step(model, optimizer, variant, x, epsilon, beta)
            total += torch.stack(measured).double().sum(1)
            if not progress.disable and step % 20 == 0:  # reading the loss waits for the device
                progress.set_postfix(loss=f"{measured.loss(variant.beta).mean().item():.1f}", refresh=False)
            progress.update(len(x))
        if model.sigma2 is not None:
            train_noise = split_noise(len(train), variant.latent_dim, seed, where)
            model.sigma2.copy_(optimal_sigma2(variant, model, train, train_noise, recipe.batch_size))
        test = split_means(variant, model, images.test.images, test_noise, recipe.batch_size)
        for split, means in (("train", Terms(*(total / len(train)))), ("test", test)):
            numbers = means.numbers(variant.beta)
            if not math.isfinite(numbers["loss"]):
                raise StudyError(
                    f"training diverged: seed {seed}, epoch {epoch}: found {split} loss {numbers['loss']}, expected a "
                    f"finite one (a lower learning_rate in recipes.{variant.recipe} may help)"
                )
            history.append({"seed": seed, "split": split, "epoch": epoch, **numbers})
        if epoch in wanted:
            snapshots.append((epoch, *snapshot(variant, model, images)))
    seconds = time.perf_counter() - start
    cost = {
        "seconds": round(seconds, 3),
        "images_per_second": round(recipe.epochs * len(train) / seconds, 1),
        "peak_memory_mib": round(peak_memory(where) / 2**20, 1),
    }
    epochs, mu, reconstructions = (np.stack(part) for part in zip(*snapshots, strict=True))
    evolution = {"epochs": epochs, "mu": mu, "reconstructions": reconstructions}
    return Fit(model.eval(), history, evolution, cost)


def peak_memory(where: torch.device) -> int:
    """Bytes: the most that tensors took on the card, or on the CPU the whole process."""
    if where.type == "cuda":
        return torch.cuda.max_memory_allocated(where)
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
