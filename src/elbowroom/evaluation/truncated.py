"""Measure the loss of a trained VAE that is cut down to fewer latents: the best VAE with that many is no worse.

All but k latents are fixed at 0, the mean of their prior. That is a VAE with k latents: the others' rows leave the
encoder, and their columns the decoder. So the best VAE with k latents has no higher loss.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from elbowroom.datasets.images import batches
from elbowroom.evaluation.setup import Codes, Setup
from elbowroom.vae.objective import Terms
from elbowroom.vae.trained import TrainedVAE


class CutDown(NamedTuple):
    """The test loss of a model of which `kept` latents are left, with its terms: nats per image."""

    kept: int
    loss: float
    distortion: float
    rate: float


def sizes_kept(latent_dim: int) -> list[int]:
    """Return how many latents are kept, ascending: none, all, 1, 2, 3, 4, 6, 8, 12, 16, ... (2^n and 3 * 2^n)."""
    sizes = {step * 2**power for step in (1, 3) for power in range(latent_dim.bit_length())}
    return sorted({0, latent_dim, *(size for size in sizes if size < latent_dim)})


def truncated(setup: Setup, test: Codes, train: Codes) -> list[CutDown]:
    """Cut a VAE down to fewer latents; nothing for an autoencoder, which has no prior.

    The latents that are kept are those with the largest KL on training images, the first that the probe learns from.
    The test images have the z of the test loss.
    """
    model, images = setup.model, setup.images.test.images
    if model.variant.model == "ae":
        return []
    order = train.spectrum.argsort(descending=True, stable=True)
    sizes = sizes_kept(model.variant.latent_dim)
    return cut_down(model, images, test, order, sizes, setup.settings.batch_size, setup.progress.update)


@torch.no_grad()
def cut_down(
    model: TrainedVAE,
    images: Tensor,
    codes: Codes,
    order: Tensor,
    sizes: Sequence[int],
    batch_size: int,
    progress: Callable[[int], object] | None = None,
) -> list[CutDown]:
    """Measure the loss of a VAE that keeps only the first k latents of `order`, for each k of `sizes`.

    It is -log p(x|z) + beta * (the KL of those k), a mean over images, where the other latents of z are 0. With all
    latents kept it is the loss. images: (N, C, H, W) uint8. codes: of these images. progress is told how many pictures
    were decoded.
    """
    rates = codes.spectrum[order].cumsum(0)
    distortions = torch.zeros(len(sizes), dtype=torch.float64, device=images.device)
    for batch in batches(len(images), batch_size):
        z = codes.z[batch]
        for place, size in enumerate(sizes):
            left = torch.zeros_like(z)
            left[:, order[:size]] = z[:, order[:size]]
            distortions[place] += model.distortion(images[batch], left).double().sum()
            if progress:
                progress(len(left))
    measured = []
    for size, distortion in zip(sizes, distortions / len(images), strict=True):
        terms = Terms(distortion, rates[size - 1] if size else rates.new_zeros(()))
        measured.append(CutDown(size, **terms.numbers(model.variant.beta)))
    return measured
