"""Statistics of images held as bytes (N, D), in float64, for pixels in [0, 1]."""

from collections.abc import Iterator

import torch
from torch import Tensor

BATCH = 256  # images at once: small enough for a processor's cache


def pixel_means(images: Tensor) -> Tensor:
    """The mean image: (D,)."""
    return images.sum(0).double() / (255 * len(images))


def mean_square(images: Tensor) -> float:
    """The mean of squared pixels over all images and pixels."""
    return ((histogram(images) * grey_levels(images.device).square()).sum() / images.numel()).item()


def histogram(images: Tensor) -> Tensor:
    """Count how often each byte occurs: (256,)."""
    return sum((part.flatten().bincount(minlength=256) for part in images.split(8 * BATCH)), torch.tensor(0))


def grey_levels(device: torch.device) -> Tensor:
    """What each byte stands for, 0 to 1: (256,)."""
    return torch.arange(256, dtype=torch.float64, device=device) / 255


def float_batches(images: Tensor) -> Iterator[Tensor]:
    """Yield batches of images as float64 in [0, 1], (B, D)."""
    for part in images.split(BATCH):
        yield part.double() / 255
