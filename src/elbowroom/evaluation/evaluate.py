"""Measure one trained seed: its losses, likelihood, latents, reconstructions, samples and paths.

`evaluate` lists the groups of metrics in the order of the columns of metrics/<variant>.csv. Each group is a function,
here, in picture_metrics.py or in sample_metrics.py, whose docstring defines its metrics.
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from elbowroom.core.random_streams import Stream
from elbowroom.core.settings import ACTIVE_THRESHOLD, SIGMA2, Evaluation, Variant
from elbowroom.datasets.images import Images
from elbowroom.evaluation import iwae
from elbowroom.evaluation.latents import active_units, knn_accuracy, probe_accuracy
from elbowroom.evaluation.picture_metrics import reconstruction, smoothness
from elbowroom.evaluation.sample_metrics import samples
from elbowroom.evaluation.setup import UNDEFINED, Codes, Metrics, Setup
from elbowroom.evaluation.truncated import CutDown, sizes_kept, truncated
from elbowroom.results.metrics import HEADLINE
from elbowroom.results.used_latents import effective_latents, used_latents
from elbowroom.vae.latent_space import principal_plane
from elbowroom.vae.model import parameters
from elbowroom.vae.objective import effective_beta, split_means, split_noise
from elbowroom.vae.trained import TrainedVAE
from elbowroom.yardsticks.judge import Judges


class SeedMeasurements(NamedTuple):
    """What was measured of one trained seed.

    metrics: by column of metrics/<variant>.csv, in its order. spectrum: the KL of each latent (latent_dim,), nats, mean
    over test images, largest first; it sums to test_rate. latent_map: mu of the first test images in the plane of their
    two principal components, (N, 2). truncated: the losses of a VAE cut down to fewer latents, fewest first.
    """

    metrics: Metrics
    spectrum: np.ndarray
    latent_map: np.ndarray
    truncated: list[CutDown]


@torch.no_grad()
def evaluate(
    model: TrainedVAE, judges: Judges | None, images: Images, settings: Evaluation, progress: tqdm
) -> SeedMeasurements:
    """Measure one trained seed. progress is told of `pictures_decoded(...)` pictures in all."""
    decoded = pictures_decoded(model.variant, images, settings)
    setup = Setup(model.prepared(decoded), judges, images, settings, progress)
    test = setup.encode(images.test.images, Stream.TEST_NOISE)
    train = setup.encode(images.train.images[: settings.probe_images], Stream.TRAIN_NOISE)
    quality, reconstructed = reconstruction(setup, test.mu)
    mapped = test.mu[: settings.map_images].cpu().numpy()
    plane = principal_plane(mapped)
    metrics = (
        losses(setup)
        | likelihood(setup)
        | latents_in_use(setup, test)
        | quality
        | readout(setup, test.mu, train.mu)
        | samples(setup, reconstructed, test, train)
        | {"pca_2d": plane.share}
        | smoothness(setup, test.mu)
        | pixel_variance(setup)
        | {"parameters": parameters(model.network)}
    )
    spectrum = test.spectrum.sort(descending=True).values.cpu().numpy()
    return SeedMeasurements(metrics, spectrum, plane.project(mapped), truncated(setup, test, train))


def pictures_decoded(variant: Variant, images: Images, settings: Evaluation) -> int:
    """Count the pictures that `evaluate` decodes for one seed."""
    test, train = len(images.test.images), len(images.train.images)
    losses_and_reconstructions = 2 * test + train
    paths = 2 * min(settings.path_pairs, test // 2) * settings.path_steps if images.tells_apart else 0
    if variant.model == "ae":
        return losses_and_reconstructions + paths
    weights = min(settings.iwae_images, test) * settings.iwae_samples[-1]
    samples = (
        3 * min(settings.sample_images, test) if images.tells_apart else 0
    )  # of both priors, and reconstructions from a sampled z
    cut_down = test * len(sizes_kept(variant.latent_dim))
    return losses_and_reconstructions + paths + weights + samples + cut_down


def losses(setup: Setup) -> Metrics:
    """loss, distortion and rate on test and train: nats per image, means over the whole split, one sample of z each.

    Both splits are measured with the final weights, unlike the training curves' train loss.
    """
    model, progress = setup.model, setup.progress
    found: Metrics = {}
    splits = (("test", setup.images.test, Stream.TEST_NOISE), ("train", setup.images.train, Stream.TRAIN_NOISE))
    for split, part, stream in splits:
        noise = split_noise(len(part.images), model.variant.latent_dim, model.seed, stream, part.images.device)
        size = setup.settings.batch_size
        means = split_means(model.variant, model.fast, part.images, noise, size, progress.update)
        found |= {f"{split}_{term}": value for term, value in means.numbers(model.variant.beta).items()}
        progress.set_postfix(split=split, loss=f"{found[f'{split}_loss']:.1f}", refresh=False)
    return found


def likelihood(setup: Setup) -> Metrics:
    """iwae_nll_K, iwae_nll and effective_samples: importance-sampled bounds of -log p(x), nats (`iwae.bounds`).

    Means over the first test images.
    """
    settings, ladder = setup.settings, setup.settings.iwae_samples
    if setup.model.variant.model == "ae":
        return dict.fromkeys(iwae.bound_names(ladder), UNDEFINED)
    chosen = setup.images.test.images[: settings.iwae_images]
    log_w = iwae.log_weights(setup.model, chosen, ladder[-1], settings.batch_size, setup.progress.update)
    return iwae.bounds(log_w, ladder)


def latents_in_use(setup: Setup, test: Codes) -> Metrics:
    """active_units and active_units_kl: how many latents vary in mu, and how many have a KL, above ACTIVE_THRESHOLD.

    used_latents and effective_latents: how many carry the KL, as results.used_latents counts them.
    """
    if setup.model.variant.model == "ae":
        none = dict.fromkeys(("active_units_kl", "used_latents", "effective_latents"), UNDEFINED)
        return {"active_units": active_units(test.mu)} | none
    kl_of_each = test.spectrum.cpu().numpy()
    return {
        "active_units": active_units(test.mu),
        "active_units_kl": int((test.spectrum > ACTIVE_THRESHOLD).sum()),
        "used_latents": used_latents(kl_of_each),
        "effective_latents": effective_latents(kl_of_each),
    }


def readout(setup: Setup, mu: Tensor, train_mu: Tensor) -> Metrics:
    """probe_accuracy and knn_accuracy: how well classifiers of mu (N, latent_dim) find the labels of all test images.

    They learn from the first training images, whose mu are train_mu (M, latent_dim). UNDEFINED without labels.
    """
    labels, test_labels = setup.images.train.labels, setup.images.test.labels
    if labels is None or test_labels is None:
        return {"probe_accuracy": UNDEFINED, "knn_accuracy": UNDEFINED}
    labelled = [part.cpu().numpy() for part in (train_mu, labels[: len(train_mu)], mu, test_labels)]
    return {"probe_accuracy": probe_accuracy(*labelled), "knn_accuracy": knn_accuracy(*labelled)}


def pixel_variance(setup: Setup) -> Metrics:
    """sigma2: the variance of a Gaussian likelihood, in the units of the pixel range. effective_beta: a VAE's.

    objective.effective_beta defines the latter.
    """
    variant, fitted = setup.model.variant, setup.model.network.sigma2
    fixed = SIGMA2 if variant.likelihood == "gaussian" else UNDEFINED
    sigma2 = fixed if fitted is None else fitted.item()
    beta = effective_beta(variant, sigma2) if variant.model == "vae" else UNDEFINED
    return {"sigma2": sigma2, "effective_beta": beta}


def headline_metrics(seeds: pd.DataFrame) -> dict[str, float | None]:
    """The metrics to read first: means over seeds (a row each), to six digits; None for what a variant does not have.

    A mean of whole numbers that is whole stays a whole number.
    """
    found: dict[str, float | None] = {}
    for short, name in HEADLINE.items():
        mean = seeds[name].mean()
        whole = seeds[name].dtype.kind == "i" and mean == int(mean)
        found[short] = None if math.isnan(mean) else int(mean) if whole else float(f"{mean:.6g}")
    return found
