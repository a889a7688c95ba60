"""What is measured of a trained model."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from elbowroom.config import Evaluation, Variant
from elbowroom.data import Images, batches, scale
from elbowroom.latent import principal_plane
from elbowroom.model import VAE, parameters
from elbowroom.objective import split_means


def evaluate(
    variant: Variant, model: VAE, images: Images, seed: int, settings: Evaluation, progress: tqdm
) -> tuple[dict[str, dict[str, float]], np.ndarray]:
    """Measure one trained seed.

    Returns metrics as {group: {name: value}}: loss, distortion and rate of test and train (nats per image, whole split,
    z sampled, the same weights for both), and pca_2d, the share of variance in the plane of the latent map. Then that
    map: (N, 2), the first test images' mu on their two principal components.
    """
    metrics: dict[str, dict[str, float]] = {}
    for split, part in (("test", images.test), ("train", images.train)):
        means = split_means(variant, model, part.images, seed, settings.batch_size, progress.update)
        metrics[split] = means.numbers(variant.beta)
        progress.set_postfix(split=split, loss=f"{metrics[split]['loss']:.1f}", refresh=False)
    mu = encode(variant, model, images.test.images[: settings.map_images], settings.batch_size).cpu().numpy()
    centre, axes, explained = principal_plane(mu)
    metrics["latent"] = {"pca_2d": explained}
    metrics["cost"] = {"parameters": parameters(model)}
    return metrics, (mu - centre) @ axes.T


@torch.no_grad()
def encode(variant: Variant, model: VAE, images: Tensor, batch_size: int) -> Tensor:
    """mu of images (N, C, H, W) uint8: (N, latent_dim)."""
    return torch.cat([model.encode(scale(images[b], variant.pixel_range))[0] for b in batches(len(images), batch_size)])


def mean_over_seeds(measured: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, Any]]:
    """The mean of each metric. What is the same whole number for every seed stays one."""
    return {
        group: {name: _mean([seed[group][name] for seed in measured]) for name in names}
        for group, names in measured[0].items()
    }


def _mean(values: list[float]) -> float:
    return values[0] if len(set(values)) == 1 else float(np.mean(values))
