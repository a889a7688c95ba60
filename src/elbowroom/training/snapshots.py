"""Snapshots of a model through training: how its latent space and its reconstructions evolve."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from elbowroom.core.files import Arrays
from elbowroom.core.settings import Variant
from elbowroom.datasets.images import scale, to_bytes
from elbowroom.vae.model import VAE
from elbowroom.vae.objective import pixel_mean

MAP_IMAGES = 1000  # test images whose mu is followed
FOLLOWED = 10  # test images whose reconstruction is followed


@dataclass(frozen=True)
class Snapshot:
    """A model at one epoch: mu (N, latent_dim) float16 and pictures (M, C, H, W) uint8 of the first test images."""

    epoch: int
    mu: np.ndarray
    reconstructions: np.ndarray


class Snapshots:
    """The snapshots of one training, in the order of their epochs."""

    def __init__(self, variant: Variant, test_images: Tensor) -> None:
        """test_images: (N, C, H, W) uint8."""
        self.variant, self.images = variant, test_images[:MAP_IMAGES]
        self.taken: list[Snapshot] = []

    @torch.no_grad()
    def take(self, epoch: int, model: VAE) -> None:
        """Add a snapshot of the model after this epoch."""
        model.eval()
        mu, _ = model.encode(scale(self.images, self.variant.pixel_range))
        made = to_bytes(pixel_mean(self.variant, model.decode(mu[:FOLLOWED])))
        self.taken.append(Snapshot(epoch, mu.half().cpu().numpy(), made))

    def arrays(self, epoch: int) -> Arrays:
        """Return what a training that ends with this epoch keeps: no last snapshots of shorter trainings.

        Over S snapshots: epochs (S,), mu (S, N, latent_dim), reconstructions (S, M, C, H, W).
        """
        kept = [snapshot for snapshot in self.taken if is_snapshot_epoch(snapshot.epoch) or snapshot.epoch == epoch]
        return {
            "epochs": np.array([snapshot.epoch for snapshot in kept]),
            "mu": np.stack([snapshot.mu for snapshot in kept]),
            "reconstructions": np.stack([snapshot.reconstructions for snapshot in kept]),
        }

    def restore(self, arrays: Arrays) -> None:
        """Take the snapshots that `arrays` returned instead of those taken so far."""
        rows = zip(arrays["epochs"], arrays["mu"], arrays["reconstructions"], strict=True)
        self.taken = [Snapshot(int(epoch), mu, made) for epoch, mu, made in rows]


def is_snapshot_epoch(epoch: int) -> bool:
    """Return whether this epoch gets a snapshot: 0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, ..., ten to a decade."""
    return epoch == 0 or epoch == round(10 ** (round(10 * math.log10(epoch)) / 10))
