"""Baselines of a dataset: what any variant is measured against, computed exactly, with nothing trained or sampled.

Losses are in nats per image, means over a split. They compare with those of variants of the same family, that is, of
the same likelihood and pixel range. Whatever is fitted is fitted to the training images.
"""

import math
from collections.abc import Iterator

import pandas as pd
import torch
from torch import Tensor

from elbowroom.core.pixel_range import PIXEL_RANGES, UNIT, error_factor
from elbowroom.core.settings import SIGMA2
from elbowroom.datasets.images import Images
from elbowroom.results.rows import Baseline, BaselineRow
from elbowroom.results.schema import to_table, without_empty
from elbowroom.results.used_latents import used_latents
from elbowroom.vae.continuous_bernoulli import log_normaliser
from elbowroom.yardsticks.bernoulli import bernoulli_logit, continuous_bernoulli_logit, cross_entropy
from elbowroom.yardsticks.pixel_statistics import float_batches, grey_levels, histogram, mean_square, pixel_means
from elbowroom.yardsticks.principal_components import (
    MOST_COMPONENTS,
    Components,
    Projected,
    project,
    reconstruction_cross_entropies,
)

ROUNDING = 1 / (12 * 255**2)  # the variance of a pixel within its grey level, which even a single image has


def baselines(dataset: str, images: Images, components: Components) -> pd.DataFrame:
    """Compute every baseline of a dataset: a table of BaselineRow, whose whole numbers are written as such.

    components: those of the training images.
    """
    train, test = (part.images.flatten(1) for part in (images.train, images.test))
    projected = project(test, components)
    rows = [
        *mean_image(dataset, train, test),
        *pca(dataset, components, projected),
        *pca_bernoulli(dataset, components, train, test),
        *linear_vae(dataset, components, projected),
        floor(dataset, train, test),
    ]
    table = to_table(BaselineRow, rows)
    if components.errors is not None:
        rounded_up = (components.errors * 1e6).ceil() / 1e6
        errors = dict(enumerate(rounded_up.tolist(), start=1))  # by latent size, which no other rows have
        table["axes_error"] = table.latent_dim.map(errors)
    whole = {"latent_dim": "Int64", "active_units": "Int64", "used_latents": "Int64"}
    return without_empty(table.astype(whole), "axes_error")


def mean_image(dataset: str, train: Tensor, test: Tensor) -> Iterator[BaselineRow]:
    """Measure the best constant picture for bytes (N, D), in every family: what a collapsed VAE decodes to.

    The best constant is the mean image, except under the continuous Bernoulli, whose parameter is not its mean.
    """

    def row(
        likelihood: str, pixel_range: str, train_loss: float, test_loss: float, psnr: float = math.nan
    ) -> BaselineRow:
        return BaselineRow(
            dataset=dataset,
            baseline=Baseline.MEAN_IMAGE,
            likelihood=likelihood,
            pixel_range=pixel_range,
            train_loss=train_loss,
            test_loss=test_loss,
            test_distortion=test_loss,
            test_rate=0.0,
            psnr=psnr,
        )

    mean, test_mean = pixel_means(train), pixel_means(test)
    size = len(mean)
    error = max(mean_square(train) * size - mean.square().sum().item(), size * ROUNDING)
    errors = torch.cat([(x - mean).square().sum(1) for x in float_batches(test)])
    test_error = errors.mean().item()
    for pixel_range, factor in _error_factors().items():
        yield row("gaussian", pixel_range, factor * error, factor * test_error, _mean_psnr(errors, size).item())
    for pixel_range, factor in _error_factors().items():
        sigma2 = factor * error / size
        constant = size / 2 * math.log(2 * math.pi * sigma2)
        yield row("gaussian_optimal", pixel_range, constant + size / 2, constant + factor * test_error / (2 * sigma2))
    logit = bernoulli_logit(mean)
    yield row("bernoulli", str(UNIT), cross_entropy(logit, mean), cross_entropy(logit, test_mean))
    logit = continuous_bernoulli_logit(mean)
    constant = log_normaliser(logit).sum().item()
    train_loss, test_loss = (cross_entropy(logit, x) - constant for x in (mean, test_mean))
    yield row("continuous_bernoulli", str(UNIT), train_loss, test_loss)


def pca(dataset: str, components: Components, test: Projected) -> Iterator[BaselineRow]:
    """Squared error of reconstructions from the first d principal components, for every d.

    On the training images, no linear autoencoder with d latents has a smaller one.
    """
    train_errors = (components.total - components.variances.cumsum(0)).clamp(min=0).tolist()
    errors = (test.squared_distances.unsqueeze(1) - test.coordinates.square().cumsum(1)).clamp(min=0)  # (N, K)
    psnr = _mean_psnr(errors, len(components.mean)).tolist()
    for pixel_range, factor in _error_factors().items():
        for d, (train_error, test_error) in enumerate(zip(train_errors, errors.mean(0).tolist(), strict=True), start=1):
            yield BaselineRow(
                dataset=dataset,
                baseline=Baseline.PCA,
                likelihood="gaussian",
                pixel_range=pixel_range,
                latent_dim=d,
                train_loss=factor * train_error,
                test_loss=factor * test_error,
                test_distortion=factor * test_error,
                psnr=psnr[d - 1],
            )


def pca_bernoulli(dataset: str, components: Components, train: Tensor, test: Tensor) -> Iterator[BaselineRow]:
    """Cross-entropy of the same reconstructions of bytes (N, D), clipped into (0, 1), for d = 1, 2, 4, 8, ..."""
    sizes = [2**i for i in range(MOST_COMPONENTS.bit_length()) if 2**i <= len(components.variances)]
    losses = (reconstruction_cross_entropies(split, components, sizes) for split in (train, test))
    for d, train_loss, test_loss in zip(sizes, *losses, strict=True):
        yield BaselineRow(
            dataset=dataset,
            baseline=Baseline.PCA,
            likelihood="bernoulli",
            pixel_range=str(UNIT),
            latent_dim=d,
            train_loss=train_loss,
            test_loss=test_loss,
            test_distortion=test_loss,
        )


def linear_vae(dataset: str, components: Components, test: Projected) -> Iterator[BaselineRow]:
    """Measure the best VAE with linear encoder and decoder and variance sigma^2 = 1/2, with d latents for every d.

    Its decoder is that of probabilistic PCA, W = U (Lambda - sigma^2)^(1/2). A direction is active if its variance
    lambda exceeds sigma^2 and a latent is left for it; its posterior has mean sqrt(lambda - sigma^2)/lambda times the
    coordinate, and variance sigma^2/lambda (Lucas et al. 2019, arXiv:1911.02469, section 4). Test losses are exact
    expectations over z.
    """
    for pixel_range, factor in _error_factors().items():
        variances = factor * components.variances
        squares = factor * test.coordinates.square().mean(0)
        active = variances > SIGMA2
        noise = SIGMA2 / variances.clamp(min=SIGMA2)  # the posterior's variance; the prior's, 1, if not active
        train_gain = variances / (2 * SIGMA2) - (1 - noise.log()) / 2
        distortion = (noise.square() * squares + (1 - noise) * SIGMA2) / (2 * SIGMA2)
        distortion_gain = squares / (2 * SIGMA2) - distortion
        rate = ((1 - noise) * squares / variances.clamp(min=SIGMA2) + noise - 1 - noise.log()) / 2
        rate = rate.where(active, 0)
        gains = torch.stack([train_gain, distortion_gain, rate]).where(active, 0).cumsum(1).T.tolist()
        inactive_loss = factor * components.total / (2 * SIGMA2)  # of a VAE with no active latent
        inactive_test_loss = factor * test.squared_distances.mean().item() / (2 * SIGMA2)
        for d, (gain, test_gain, test_rate) in enumerate(gains, start=1):
            yield BaselineRow(
                dataset=dataset,
                baseline=Baseline.LINEAR_VAE,
                likelihood="gaussian",
                pixel_range=pixel_range,
                latent_dim=d,
                train_loss=inactive_loss - gain,
                test_loss=inactive_test_loss - test_gain + test_rate,
                test_distortion=inactive_test_loss - test_gain,
                test_rate=test_rate,
                active_units=min(d, int(active.sum())),
                used_latents=used_latents(rate[:d].tolist()),
            )


def floor(dataset: str, train: Tensor, test: Tensor) -> BaselineRow:
    """The least cross-entropy that any reconstruction of bytes (N, D) can have: that of the images with themselves."""
    grey = grey_levels(train.device)
    entropy = -(torch.xlogy(grey, grey) + torch.xlogy(1 - grey, 1 - grey))
    train_loss, test_loss = (((histogram(x) * entropy).sum() / len(x)).item() for x in (train, test))
    return BaselineRow(
        dataset=dataset,
        baseline=Baseline.FLOOR,
        likelihood="bernoulli",
        pixel_range=str(UNIT),
        train_loss=train_loss,
        test_loss=test_loss,
        test_distortion=test_loss,
    )


def _error_factors() -> dict[str, int]:
    """Return the factor of squared errors in each pixel range, by the range's name in tables."""
    return {str(pixel_range): error_factor(pixel_range) for pixel_range in PIXEL_RANGES}


def _mean_psnr(errors: Tensor, size: int) -> Tensor:
    """Peak signal-to-noise ratio of each image, dB, mean over images (first axis); nan if an image has no error.

    errors: squared errors of pixels in [0, 1], summed over an image's `size` pixels.
    """
    mean = (10 * torch.log10(size / errors)).mean(0)
    return mean.masked_fill(mean.isinf(), math.nan)
