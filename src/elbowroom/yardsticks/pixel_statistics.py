"""Statistics of images held as bytes (N, D), in float64, for pixels in [0, 1]."""

from collections.abc import Iterator

import torch
from torch import Tensor

BATCH = 256  # images at once, at most
PIXELS = BATCH * 3 * 32 * 32  # at once, at most: small enough for a processor's cache
EXACT = 1024  # pixels: the sum of as many products of -128 to 127 is at most 2^24, which float32 has exactly


def pixel_means(images: Tensor) -> Tensor:
    """The mean image: (D,)."""
    return images.sum(0).double() / (255 * len(images))


def mean_square(images: Tensor) -> float:
    """The mean of squared pixels over all images and pixels."""
    return ((histogram(images) * grey_levels(images.device).square()).sum() / images.numel()).item()


def histogram(images: Tensor) -> Tensor:
    """Count how often each byte occurs: (256,)."""
    return sum((part.flatten().bincount(minlength=256) for part in _cached(images)), torch.tensor(0))


def grey_levels(device: torch.device) -> Tensor:
    """What each byte stands for, 0 to 1: (256,)."""
    return torch.arange(256, dtype=torch.float64, device=device) / 255


def float_batches(images: Tensor) -> Iterator[Tensor]:
    """Yield batches of images as float64 in [0, 1], (B, D)."""
    for part in _cached(images):
        yield part.double() / 255


def signed_parts(images: Tensor) -> Iterator[Tensor]:
    """Yield images less 128 as float32, EXACT pixels of each at a time, (N, EXACT): their products are exact."""
    for part in images.split(EXACT, dim=1):
        yield part.float() - 128


def _cached(images: Tensor) -> tuple[Tensor, ...]:
    """Split images into batches that a processor's cache can hold as float64."""
    return images.split(max(1, min(BATCH, PIXELS // images.shape[1])))
