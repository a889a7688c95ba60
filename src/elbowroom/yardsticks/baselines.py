"""What any variant is measured against, in closed form and in float64: nothing here is trained or sampled.

Losses are in nats per image, means over a split, and stand beside those of variants of the same family, that is, of the
same likelihood and pixel range. What is fitted is fitted on train.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import pad, softplus

from elbowroom.core.settings import SIGMA2
from elbowroom.datasets.images import Images

COLUMNS = [
    *("baseline", "likelihood", "pixel_range", "latent_dim", "train_loss", "test_loss"),
    *("test_distortion", "test_rate", "active_units", "psnr"),
]
RANGES = {"[0, 1]": 1, "[-1, 1]": 4}  # pixel range -> what it multiplies the squared errors of [0, 1] by
MOST = 512  # the largest latent size
ROUNDING = 1 / (12 * 255**2)  # variance of a pixel within its grey level: what a single image has
BATCH = 256  # images: small enough for a processor's cache
# A constant's parameter is kept this far from 0 and 1, where torch.distributions, and with it objective.distortion in
# float32, clamps. MNIST has pixels that are black in all training images; the best parameter there is 0, which no test
# image may contradict.
CLAMP = torch.finfo(torch.float32).eps
# PCA's pictures leave (0, 1) and are clipped to this far from its ends, a quarter of a grey level: of 1e-7 to 0.03, on
# MNIST never more than 0.7 nats from the best.
CLIP = 1e-3

Row = dict[str, float | str]


class Components(NamedTuple):
    """The principal components of the training images in [0, 1], K = min(D, 512) of them.

    mean: (D,). variances: (K,), of N images (not N - 1), largest first. axes: (D, K), orthonormal; 0 where the training
    images do not vary, so that reconstructions stay as they are at the last direction in which they do. total: the
    variance in all D directions.
    """

    mean: Tensor
    variances: Tensor
    axes: Tensor
    total: float


def baselines(images: Images) -> pd.DataFrame:
    """Every baseline of a dataset, a row each; a cell is empty where it does not apply.

    train_loss, test_loss, test_distortion, test_rate: nats per image. psnr: dB, mean over test images, of pixels in
    [0, 1] whatever the pixel range. latent_dim and active_units are whole numbers.
    """
    train, test = (part.images.flatten(1) for part in (images.train, images.test))
    components = principal_components(train)
    errors, projections = project(test, components)
    rows = [
        *mean_image(train, test),
        *pca(components, errors, projections),
        *pca_bernoulli(components, train, test),
        *linear_vae(components, errors, projections),
        floor(train, test),
    ]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"latent_dim": "Int64", "active_units": "Int64"})


def mean_image(train: Tensor, test: Tensor) -> Iterator[Row]:
    """The best constant picture for bytes (N, D), in every family: what a collapsed VAE decodes to.

    It is the mean, save for the continuous Bernoulli, whose parameter is not its mean.
    """

    def row(likelihood: str, pixel_range: str, train_loss: float, test_loss: float, psnr: float = math.nan) -> Row:
        return {
            **{"baseline": "mean image", "likelihood": likelihood, "pixel_range": pixel_range},
            **{"train_loss": train_loss, "test_loss": test_loss, "test_distortion": test_loss, "test_rate": 0.0},
            "psnr": psnr,
        }

    mean, test_mean = pixel_means(train), pixel_means(test)
    size = len(mean)
    error = max(_mean_of_squares(train) * size - mean.square().sum().item(), size * ROUNDING)
    errors = torch.cat([(x - mean).square().sum(1) for x in _batches(test)])
    test_error = errors.mean().item()
    for pixel_range, factor in RANGES.items():
        yield row("gaussian", pixel_range, factor * error, factor * test_error, _psnr(errors, size).item())
    for pixel_range, factor in RANGES.items():
        sigma2 = factor * error / size
        constant = size / 2 * math.log(2 * math.pi * sigma2)
        yield row("gaussian_optimal", pixel_range, constant + size / 2, constant + factor * test_error / (2 * sigma2))
    logit = mean.clamp(CLAMP, 1 - CLAMP).logit()
    yield row("bernoulli", "[0, 1]", cross_entropy(logit, mean), cross_entropy(logit, test_mean))
    logit = continuous_bernoulli_logit(mean)
    constant = log_normaliser(logit).sum().item()
    train_loss, test_loss = (cross_entropy(logit, x) - constant for x in (mean, test_mean))
    yield row("continuous_bernoulli", "[0, 1]", train_loss, test_loss)


def pca(components: Components, errors: Tensor, projections: Tensor) -> Iterator[Row]:
    """Squared error of the reconstruction from the first d principal components, for test images as `project` has them.

    No linear autoencoder has less on train.
    """
    train_errors = (components.total - components.variances.cumsum(0)).clamp(min=0).tolist()
    left = (errors.unsqueeze(1) - projections.square().cumsum(1)).clamp(min=0)  # (N, K)
    psnr = _psnr(left, len(components.mean)).tolist()
    for pixel_range, factor in RANGES.items():
        for d, (train_error, test_error) in enumerate(zip(train_errors, left.mean(0).tolist(), strict=True)):
            yield {
                **{"baseline": "PCA", "likelihood": "gaussian", "pixel_range": pixel_range, "latent_dim": d + 1},
                **{"train_loss": factor * train_error, "test_loss": factor * test_error},
                **{"test_distortion": factor * test_error, "psnr": psnr[d]},
            }


def pca_bernoulli(components: Components, train: Tensor, test: Tensor) -> Iterator[Row]:
    """Cross-entropy of the same reconstructions of bytes (N, D), clipped into (0, 1), at powers of two."""
    sizes = [2**i for i in range(MOST.bit_length()) if 2**i <= len(components.variances)]
    losses = (_clipped_cross_entropies(components, split, sizes) for split in (train, test))
    for d, train_loss, test_loss in zip(sizes, *losses, strict=True):
        yield {
            **{"baseline": "PCA", "likelihood": "bernoulli", "pixel_range": "[0, 1]", "latent_dim": d},
            **{"train_loss": train_loss, "test_loss": test_loss, "test_distortion": test_loss},
        }


def linear_vae(components: Components, errors: Tensor, projections: Tensor) -> Iterator[Row]:
    """The global optimum of a VAE with linear encoder and decoder and variance sigma^2 = 1/2, at each latent size.

    With probabilistic PCA's W = U (Lambda - sigma^2)^(1/2) as its decoder, a direction is active where its variance
    lambda exceeds sigma^2, as far as there are latents; its posterior has mean sqrt(lambda - sigma^2)/lambda times the
    projection, and variance sigma^2/lambda (Lucas et al. 2019, arXiv:1911.02469, section 4). Test losses are exact
    expectations over z, for test images as `project` has them.
    """
    for pixel_range, factor in RANGES.items():
        variances = factor * components.variances
        squares = factor * projections.square().mean(0)
        active = variances > SIGMA2
        noise = SIGMA2 / variances.clamp(min=SIGMA2)  # of the posterior: 1, the prior's, where not active
        train_gain = variances / (2 * SIGMA2) - (1 - noise.log()) / 2
        distortion = (noise.square() * squares + (1 - noise) * SIGMA2) / (2 * SIGMA2)
        distortion_gain = squares / (2 * SIGMA2) - distortion
        rate = ((1 - noise) * squares / variances.clamp(min=SIGMA2) + noise - 1 - noise.log()) / 2
        saved = torch.stack([train_gain, distortion_gain, rate]).where(active, 0).cumsum(1).T.tolist()
        without, test_without = (factor * total / (2 * SIGMA2) for total in (components.total, errors.mean().item()))
        for d, (train_saved, test_saved, test_rate) in enumerate(saved, start=1):
            yield {
                **{"baseline": "linear VAE", "likelihood": "gaussian", "pixel_range": pixel_range, "latent_dim": d},
                **{"train_loss": without - train_saved, "test_loss": test_without - test_saved + test_rate},
                **{"test_distortion": test_without - test_saved, "test_rate": test_rate},
                "active_units": min(d, int(active.sum())),
            }


def floor(train: Tensor, test: Tensor) -> Row:
    """The least cross-entropy that reconstructions of bytes (N, D) can have, with likelihood bernoulli: their own."""
    grey = torch.arange(256, dtype=torch.float64, device=train.device) / 255
    entropy = -(torch.xlogy(grey, grey) + torch.xlogy(1 - grey, 1 - grey))
    train_loss, test_loss = (((_histogram(x) * entropy).sum() / len(x)).item() for x in (train, test))
    return {
        **{"baseline": "floor", "likelihood": "bernoulli", "pixel_range": "[0, 1]"},
        **{"train_loss": train_loss, "test_loss": test_loss, "test_distortion": test_loss},
    }


def principal_components(train: Tensor) -> Components:
    """Of bytes (N, D), from the smaller of two matrices with the same variances: (D, D), or of N images (N, N)."""
    count, size = train.shape
    mean = pixel_means(train)
    if count < size:
        centred = train.double() / 255 - mean
        products = centred @ centred.T / count
        variances, vectors = _largest_first(products)
        axes = centred.T @ (vectors / (count * variances.clamp(min=1e-30)).sqrt())
    else:
        products = covariance(train)
        variances, axes = _largest_first(products)
    varies = variances > variances[0] * size * torch.finfo(torch.float64).eps  # by more than rounding
    missing = min(size, MOST) - len(variances)
    return Components(
        mean,
        pad(variances.where(varies, 0), (0, missing)),
        pad(axes.where(varies, 0), (0, missing)),
        products.trace().item(),
    )


def covariance(train: Tensor) -> Tensor:
    """Of bytes (N, D) taken as [0, 1]: (D, D). Exact but for its last rounding: sums of bytes are below 2^53."""
    count, size = train.shape
    products = torch.zeros(size, size, dtype=torch.float64, device=train.device)
    for part in train.split(8 * BATCH):
        values = part.double()
        products.addmm_(values.T, values)
    sums = train.sum(0).double()
    return (count * products - torch.outer(sums, sums)) / (255 * count) ** 2


def _largest_first(symmetric: Tensor) -> tuple[Tensor, Tensor]:
    """The first 512 eigenvalues (K,) and vectors (N, K) of a matrix (N, N)."""
    values, vectors = torch.linalg.eigh(symmetric)
    return values.flip(0)[:MOST], vectors.flip(1)[:, :MOST]


def project(images: Tensor, components: Components) -> tuple[Tensor, Tensor]:
    """Squared distances from the mean image (N,), and coordinates on the axes (N, K), of bytes (N, D)."""
    centred = [x - components.mean for x in _batches(images)]
    return torch.cat([x.square().sum(1) for x in centred]), torch.cat([x @ components.axes for x in centred])


def _clipped_cross_entropies(components: Components, images: Tensor, sizes: list[int]) -> list[float]:
    """At each of the sizes, ascending: mean over images of bytes (N, D)."""
    total = torch.zeros(len(sizes), dtype=torch.float64, device=images.device)
    for x in _batches(images):
        latents = (x - components.mean) @ components.axes[:, : sizes[-1]]
        pictures = components.mean.expand_as(x).clone()
        done = 0
        for i, d in enumerate(sizes):
            pictures.addmm_(latents[:, done:d], components.axes[:, done:d].T)
            done = d
            ones = pictures.clamp(CLIP, 1 - CLIP)
            zeros = 1 - ones
            total[i] -= zeros.log().sum() + ones.div_(zeros).log_().mul_(x).sum()
    return (total / len(images)).tolist()


def cross_entropy(logit: Tensor, mean: Tensor) -> float:
    """Of a constant (D,) with images whose pixels have this mean (D,), summed over pixels: it is linear in a pixel."""
    return (softplus(logit, threshold=700) - logit * mean).sum().item()


def continuous_bernoulli_logit(mean: Tensor) -> Tensor:
    """The logits of the continuous Bernoullis with these means, within the clamp; any shape.

    Solved by bisection, since the mean 1/(1 - exp(-logit)) - 1/logit rises with the logit (Loaiza-Ganem and Cunningham
    2019, eq. 8, in terms of the logit). The likelihood of a pixel that is always black rises without bound as its
    parameter falls to 0: with the clamp, all means below 0.063 have the same logit, -15.9.
    """
    high = torch.full_like(mean, CLAMP).logit().neg()
    low = -high
    for _ in range(64):
        middle = (low + high) / 2
        below = continuous_bernoulli_mean(middle) < mean
        low, high = low.where(~below, middle), high.where(below, middle)
    return (low + high) / 2


def continuous_bernoulli_mean(logit: Tensor) -> Tensor:
    """Any shape; to 1e-12, by its series near 0."""
    near = logit.abs() < 1e-3
    safe = logit.where(~near, 1)
    return torch.where(near, 0.5 + logit / 12, -1 / torch.expm1(-safe) - 1 / safe)


def log_normaliser(logit: Tensor) -> Tensor:
    """log C(l) = log[2 atanh(1 - 2l) / (1 - 2l)] of the parameter with this logit; log 2 at l = 1/2. Any shape."""
    near = logit.abs() < 1e-3
    safe = logit.where(~near, 1)
    return torch.where(near, math.log(2) + logit.square() / 12, torch.log(safe / torch.tanh(safe / 2)))


def pixel_means(images: Tensor) -> Tensor:
    """Of bytes (N, D), in [0, 1]: (D,)."""
    return images.sum(0).double() / (255 * len(images))


def _mean_of_squares(images: Tensor) -> float:
    """Of the pixels of bytes (N, D), in [0, 1]."""
    grey = torch.arange(256, dtype=torch.float64, device=images.device) / 255
    return ((_histogram(images) * grey.square()).sum() / images.numel()).item()


def _histogram(images: Tensor) -> Tensor:
    """How often each of the 256 bytes is there."""
    return sum((part.flatten().bincount(minlength=256) for part in images.split(8 * BATCH)), torch.tensor(0))


def _psnr(errors: Tensor, size: int) -> Tensor:
    """Mean over images (first axis) of each one's peak signal-to-noise ratio, dB, from squared errors over pixels."""
    return (10 * torch.log10(size / errors)).mean(0)


def _batches(images: Tensor) -> Iterator[Tensor]:
    """Bytes (N, D) -> float64 in [0, 1], some at a time."""
    for part in images.split(BATCH):
        yield part.double() / 255
