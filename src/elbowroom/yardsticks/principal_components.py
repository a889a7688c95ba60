"""Principal components of a dataset's training images, and how well they reconstruct images. All in float64."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from elbowroom.yardsticks.pixel_statistics import BATCH, EXACT, PIXELS, mean_square, pixel_means, signed_parts

MOST_COMPONENTS = 512  # components at most: the largest latent size that a baseline has
MOST_EXACT = 8192  # rows of a matrix whose eigenvectors take two minutes of one core, and 2.5 GB
SPARE, BLOCKS = 64, 4  # of approximate components: vectors beyond MOST_COMPONENTS, and how often they are multiplied
ROWS = 2048  # images at once
# Reconstructions leave (0, 1), where a cross-entropy is not defined. They are clipped to a quarter of a grey level from
# its ends: of the margins from 1e-7 to 0.03, this one is on MNIST never more than 0.7 nats worse than the best.
CLIP = 1e-3


class Components(NamedTuple):
    """The first K = min(D, 512) principal components of N images of D pixels in [0, 1].

    mean: (D,). variances: (K,), largest first; sums of squares are divided by N, not by N - 1. axes: (D, K),
    orthonormal, or 0 in directions in which the images do not vary, so that these change no reconstruction. spectrum:
    all min(N, D) variances. total: the variance in all D directions.

    errors: None if they are exact. Of approximate ones, (K,): the first d hold at most errors[d - 1] less variance than
    the exact ones; and the spectrum ends with the K-th variance.
    """

    mean: Tensor
    variances: Tensor
    axes: Tensor
    spectrum: Tensor
    total: float
    errors: Tensor | None = None

    @property
    def known_from(self) -> float:
        """The spectrum has every variance above this one."""
        return 0.0 if self.errors is None else self.spectrum[-1].item()


def principal_components(train: Tensor, most_exact: int = MOST_EXACT) -> Components:
    """Find the principal components of bytes (N, D).

    They follow from either of two matrices, of pixels (D, D) or of images (N, N); the smaller one is decomposed. If
    even that has more than `most_exact` rows, they are approximate.
    """
    count, size = train.shape
    mean = pixel_means(train)
    if min(count, size) > most_exact:
        variances, axes, errors = _leading(train, mean)
        total = mean_square(train) * size - mean.square().sum().item()
        return Components(mean, variances, axes, variances, total, errors)
    if count < size:
        products = gram(train)
        spectrum, vectors = _largest_first(products)
        weights = vectors / (count * spectrum[:MOST_COMPONENTS].clamp(min=1e-30)).sqrt()
        parts = zip(train.split(EXACT, dim=1), mean.split(EXACT), strict=True)
        axes = torch.cat([(part.double() / 255 - its_mean).T @ weights for part, its_mean in parts])
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


def gram(train: Tensor) -> Tensor:
    """The products of centred bytes (N, D), taken as [0, 1], by N: (N, N), with the covariance's eigenvalues.

    Products of bytes are exact, and so is the result, except for one last rounding, as long as N^2 D < 2^39.
    """
    count = len(train)
    products = torch.zeros(count, count, dtype=torch.float64, device=train.device)
    for part in signed_parts(train):  # that 128 is taken from each changes nothing once the mean is
        products += part @ part.T
    sums = products.sum(0)
    products.mul_(count**2).sub_(count * sums).sub_(count * sums.unsqueeze(1)).add_(sums.sum())
    return products.div_(255**2 * count**3)


def covariance(train: Tensor) -> Tensor:
    """The covariance of the pixels of bytes (N, D), taken as [0, 1]: (D, D).

    It is exact except for one last rounding, since sums of products of bytes are whole numbers below 2^53.
    """
    count, size = train.shape
    products = torch.zeros(size, size, dtype=torch.float64, device=train.device)
    for part in train.split(ROWS):
        values = part.double()
        products.addmm_(values.T, values)
    sums = train.sum(0).double()
    return (count * products - torch.outer(sums, sums)) / (255 * count) ** 2


def _largest_first(symmetric: Tensor) -> tuple[Tensor, Tensor]:
    """All eigenvalues (N,) of a symmetric matrix (N, N), and the vectors (N, K) of the largest 512."""
    values, vectors = torch.linalg.eigh(symmetric)
    return values.flip(0), vectors.flip(1)[:, :MOST_COMPONENTS]


def _leading(train: Tensor, mean: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Approximate the first K = MOST_COMPONENTS components of bytes (N, D): variances (K,), axes (D, K), errors (K,).

    A block Krylov method: the best axes within the space that BLOCKS products with the covariance span, from a random
    start (Musco and Musco 2015, arXiv:1504.05477). The axes U are exact for a matrix that differs from the covariance
    C by sqrt(2) |R| in Frobenius norm, where R = C U - U diag(variances). Hence the errors are bounds (Hoffman and
    Wielandt 1953), unless the start missed a direction, which has probability 0.
    """
    generator = torch.Generator(train.device).manual_seed(0)
    block = torch.randn(
        len(mean), MOST_COMPONENTS + SPARE, generator=generator, dtype=torch.float64, device=train.device
    )
    blocks = []
    for _ in range(BLOCKS):
        block = torch.linalg.qr(_covariance_times(train, mean, block)).Q
        blocks.append(block)
    basis = torch.linalg.qr(torch.cat(blocks, dim=1)).Q
    moved = _covariance_times(train, mean, basis)
    variances, vectors = _largest_first(basis.T @ moved)
    variances, axes = variances[:MOST_COMPONENTS], basis @ vectors
    residuals = (moved @ vectors - axes * variances).square().sum(0)
    sizes = torch.arange(1, MOST_COMPONENTS + 1, device=train.device)
    return variances, axes, (2 * sizes * residuals.cumsum(0)).sqrt()


def _covariance_times(train: Tensor, mean: Tensor, vectors: Tensor) -> Tensor:
    """Multiply the covariance of bytes (N, D), which may be too large to be held, by vectors (D, M)."""
    found = torch.zeros_like(vectors)
    for part in train.split(ROWS // 2):
        centred = part.double().div_(255).sub_(mean)
        found.addmm_(centred.T, centred @ vectors)
    return found.div_(len(train))


class Projected(NamedTuple):
    """Images relative to the mean image.

    squared_distances: (N,), from the mean image. coordinates: (N, K), on the axes.
    """

    squared_distances: Tensor
    coordinates: Tensor


def project(images: Tensor, components: Components) -> Projected:
    """Project bytes (N, D) on the principal components of the training images."""
    found = [_project(batch, components) for batch in images.split(BATCH)]
    return Projected(*map(torch.cat, zip(*found, strict=True)))


def _project(batch: Tensor, components: Components) -> Projected:
    """Project few bytes (B, D), some pixels at a time: all of a large image would leave the processor's cache."""
    distances = torch.zeros(len(batch), dtype=torch.float64, device=batch.device)
    coordinates = distances.new_zeros(len(batch), components.axes.shape[1])
    for x, mean, axes in _some_pixels(batch, components):
        centred = x - mean
        distances += centred.square().sum(1)
        coordinates += centred @ axes
    return Projected(distances, coordinates)


def _some_pixels(batch: Tensor, components: Components) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield some pixels of bytes (B, D) as float64 in [0, 1], the mean image's, and the axes' rows."""
    parts = (each.split(PIXELS // BATCH, dim=-1) for each in (batch, components.mean, components.axes.T))
    for x, mean, axes in zip(*parts, strict=True):
        yield x.double() / 255, mean, axes.T


def reconstruction_cross_entropies(images: Tensor, components: Components, sizes: list[int]) -> list[float]:
    """Binary cross-entropy of the clipped reconstructions of bytes (N, D) from their first d components.

    One number for each d in sizes, which ascend: nats per image, mean over images.
    """
    total = torch.zeros(len(sizes), dtype=torch.float64, device=images.device)
    for batch in images.split(BATCH):
        coordinates = _project(batch, components).coordinates
        for x, mean, axes in _some_pixels(batch, components):
            pictures = mean.expand_as(x).clone()
            done = 0
            for i, d in enumerate(sizes):
                pictures.addmm_(coordinates[:, done:d], axes[:, done:d].T)
                done = d
                ones = pictures.clamp(CLIP, 1 - CLIP)
                zeros = 1 - ones
                total[i] -= zeros.log().sum() + ones.div_(zeros).log_().mul_(x).sum()
    return (total / len(images)).tolist()
