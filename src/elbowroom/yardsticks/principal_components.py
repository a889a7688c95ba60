"""Principal components of a dataset's training images, and how well they reconstruct images. All in float64."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from elbowroom.yardsticks.pixel_statistics import BATCH, float_batches, pixel_means

MOST_COMPONENTS = 512  # components at most: the largest latent size that a baseline has
# Reconstructions leave (0, 1), where a cross-entropy is not defined. They are clipped to a quarter of a grey level from
# its ends: of the margins from 1e-7 to 0.03, this one is on MNIST never more than 0.7 nats worse than the best.
CLIP = 1e-3


class Components(NamedTuple):
    """The first K = min(D, 512) principal components of N images of D pixels in [0, 1].

    mean: (D,). variances: (K,), largest first; sums of squares are divided by N, not by N - 1. axes: (D, K),
    orthonormal, or 0 in directions in which the images do not vary, so that these change no reconstruction. spectrum:
    all min(N, D) variances. total: the variance in all D directions.
    """

    mean: Tensor
    variances: Tensor
    axes: Tensor
    spectrum: Tensor
    total: float


def principal_components(train: Tensor) -> Components:
    """Find the principal components of bytes (N, D).

    They follow from either of two matrices, of pixels (D, D) or of images (N, N); the smaller one is decomposed.
    """
    count, size = train.shape
    mean = pixel_means(train)
    if count < size:
        centred = train.double() / 255 - mean
        products = centred @ centred.T / count
        spectrum, vectors = _largest_first(products)
        axes = centred.T @ (vectors / (count * spectrum[:MOST_COMPONENTS].clamp(min=1e-30)).sqrt())
    else:
        products = covariance(train)
        spectrum, axes = _largest_first(products)
    varies = spectrum > spectrum[0] * size * torch.finfo(torch.float64).eps  # by more than rounding
    spectrum = spectrum.where(varies, 0)
    missing = max(min(size, MOST_COMPONENTS) - len(spectrum), 0)
    return Components(
        mean,
        pad(spectrum[:MOST_COMPONENTS], (0, missing)),
        pad(axes.where(varies[:MOST_COMPONENTS], 0), (0, missing)),
        spectrum,
        products.trace().item(),
    )


def covariance(train: Tensor) -> Tensor:
    """The covariance of the pixels of bytes (N, D), taken as [0, 1]: (D, D).

    It is exact except for one last rounding, since sums of products of bytes are whole numbers below 2^53.
    """
    count, size = train.shape
    products = torch.zeros(size, size, dtype=torch.float64, device=train.device)
    for part in train.split(8 * BATCH):
        values = part.double()
        products.addmm_(values.T, values)
    sums = train.sum(0).double()
    return (count * products - torch.outer(sums, sums)) / (255 * count) ** 2


def _largest_first(symmetric: Tensor) -> tuple[Tensor, Tensor]:
    """All eigenvalues (N,) of a symmetric matrix (N, N), and the vectors (N, K) of the largest 512."""
    values, vectors = torch.linalg.eigh(symmetric)
    return values.flip(0), vectors.flip(1)[:, :MOST_COMPONENTS]


class Projected(NamedTuple):
    """Images relative to the mean image.

    squared_distances: (N,), from the mean image. coordinates: (N, K), on the axes.
    """

    squared_distances: Tensor
    coordinates: Tensor


def project(images: Tensor, components: Components) -> Projected:
    """Project bytes (N, D) on the principal components of the training images."""
    centred = [x - components.mean for x in float_batches(images)]
    return Projected(
        torch.cat([x.square().sum(1) for x in centred]),
        torch.cat([x @ components.axes for x in centred]),
    )


def reconstruction_cross_entropies(images: Tensor, components: Components, sizes: list[int]) -> list[float]:
    """Binary cross-entropy of the clipped reconstructions of bytes (N, D) from their first d components.

    One number for each d in sizes, which ascend: nats per image, mean over images.
    """
    total = torch.zeros(len(sizes), dtype=torch.float64, device=images.device)
    for x in float_batches(images):
        coordinates = (x - components.mean) @ components.axes[:, : sizes[-1]]
        pictures = components.mean.expand_as(x).clone()
        done = 0
        for i, d in enumerate(sizes):
            pictures.addmm_(coordinates[:, done:d], components.axes[:, done:d].T)
            done = d
            ones = pictures.clamp(CLIP, 1 - CLIP)
            zeros = 1 - ones
            total[i] -= zeros.log().sum() + ones.div_(zeros).log_().mul_(x).sum()
    return (total / len(images)).tolist()
