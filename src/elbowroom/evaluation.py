"""What is measured of a trained model."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from elbowroom.config import Evaluation, Variant
from elbowroom.data import Images, batches, scale
from elbowroom.latent import principal_plane
from elbowroom.model import VAE, parameters
from elbowroom.objective import kl, split_means, split_noise

HEADLINE = {  # in metrics/<variant>.json -> what it is in the table of seeds
    "loss": "test_loss",
    "distortion": "test_distortion",
    "rate": "test_rate",
    "train_loss": "train_loss",
    "pca_2d": "pca_2d",
    "parameters": "parameters",
}


class Measured(NamedTuple):
    """Of one trained seed.

    metrics: loss, distortion and rate of test and train (nats per image, whole split, z sampled, the same weights for
    both); pca_2d, the share of variance in the plane of the latent map; parameters.
    spectrum: (latent_dim,), the KL of each latent, nats, mean over test images, largest first; it sums to test_rate.
    latent_map: (N, 2), the first test images' mu on their two principal components.
    """

    metrics: dict[str, float]
    spectrum: np.ndarray
    latent_map: np.ndarray


def evaluate(variant: Variant, model: VAE, images: Images, seed: int, settings: Evaluation, progress: tqdm) -> Measured:
    """Measure one trained seed. `progress` counts images of both splits."""
    metrics: dict[str, float] = {}
    for split, part in (("test", images.test), ("train", images.train)):
        noise = split_noise(len(part.images), variant.latent_dim, seed, part.images.device)
        means = split_means(variant, model, part.images, noise, settings.batch_size, progress.update)
        metrics |= {f"{split}_{term}": value for term, value in means.numbers(variant.beta).items()}
        progress.set_postfix(split=split, loss=f"{metrics[f'{split}_loss']:.1f}", refresh=False)
    mu, logvar = encode(variant, model, images.test.images, settings.batch_size)
    spectrum = kl(mu.double(), logvar.double()).mean(0) if variant.model == "vae" else mu.new_zeros(mu.shape[1])
    shown = mu[: settings.map_images].cpu().numpy()
    centre, axes, explained = principal_plane(shown)
    metrics |= {"pca_2d": explained, "parameters": parameters(model)}
    return Measured(metrics, spectrum.sort(descending=True).values.cpu().numpy(), (shown - centre) @ axes.T)


@torch.no_grad()
def encode(variant: Variant, model: VAE, images: Tensor, batch_size: int) -> tuple[Tensor, Tensor]:
    """mu and logvar of images (N, C, H, W) uint8, both (N, latent_dim)."""
    model.eval()
    encoded = [model.encode(scale(images[batch], variant.pixel_range)) for batch in batches(len(images), batch_size)]
    mu, logvar = zip(*encoded, strict=True)
    return torch.cat(mu), torch.cat(logvar)


def headline(seeds: pd.DataFrame) -> dict[str, float]:
    """The metrics to read first: means over seeds (a row each), to six digits. Whole numbers stay whole."""
    means = {short: seeds[name].mean() for short, name in HEADLINE.items()}
    return {
        name: int(mean) if seeds[HEADLINE[name]].dtype.kind == "i" else float(f"{mean:.6g}")
        for name, mean in means.items()
    }
