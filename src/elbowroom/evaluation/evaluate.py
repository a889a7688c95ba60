"""What is measured of a trained model."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from elbowroom.core.settings import ACTIVE_THRESHOLD, SIGMA2, Evaluation, Variant
from elbowroom.datasets.images import Images, batches, scale
from elbowroom.evaluation import iwae
from elbowroom.evaluation.image_metrics import (
    frechet_distance,
    kernel_distance,
    peak_signal_noise_ratio,
    structural_similarity,
)
from elbowroom.evaluation.latents import active_units, evenness, knn_accuracy, probe_accuracy
from elbowroom.results.metrics import HEADLINE
from elbowroom.vae.latent_space import interpolate, principal_plane, prior_samples, slerp
from elbowroom.vae.model import parameters
from elbowroom.vae.objective import effective_beta, kl, split_means, split_noise
from elbowroom.vae.trained import TrainedVAE
from elbowroom.yardsticks.judge import Judge, extract

NONE = float("nan")  # of what a variant does not have: an empty cell
Progress = Callable[[int], object]


class Measured(NamedTuple):
    """Of one trained seed.

    metrics: by name, in the order of metrics/<variant>.csv; nan where the variant has no such thing. What each
    is stands at the function below that measures it.
    spectrum: (latent_dim,), the KL of each latent, nats, mean over test images, largest first; it sums to test_rate.
    latent_map: (N, 2), the first test images' mu on their two principal components.
    """

    metrics: dict[str, float]
    spectrum: np.ndarray
    latent_map: np.ndarray


@torch.no_grad()
def evaluate(model: TrainedVAE, judge: Judge, images: Images, settings: Evaluation, progress: tqdm) -> Measured:
    """Measure one trained seed. `progress` counts pictures decoded, `pictures(...)` of them in all."""
    variant, size, count, test = model.variant, settings.batch_size, settings.sample_images, images.test.images
    metrics = losses(model, images, settings, progress)
    metrics |= likelihood(model, test, settings, progress.update)
    mu, logvar = model.encode(test, size)
    spectrum = kl(mu.double(), logvar.double()).mean(0) if variant.model == "vae" else mu.new_zeros(mu.shape[1])
    metrics["active_units"] = active_units(mu)
    metrics["active_units_kl"] = int((spectrum > ACTIVE_THRESHOLD).sum()) if variant.model == "vae" else NONE
    prepared = model.prepared(pictures(variant, images, settings))
    quality, made = reconstruction(prepared, judge, test, mu, size, progress.update)
    metrics |= quality
    metrics |= readout(model, images, mu, settings)
    metrics |= distances(prepared, judge, images, made[:count], settings, progress.update)
    shown = mu[: settings.map_images].cpu().numpy()
    plane = principal_plane(shown)
    metrics["pca_2d"] = plane.share
    metrics |= smoothness(prepared, judge, mu, settings, progress.update)
    metrics |= variance(model)
    metrics["parameters"] = parameters(model.network)
    return Measured(metrics, spectrum.sort(descending=True).values.cpu().numpy(), plane.project(shown))


def pictures(variant: Variant, images: Images, settings: Evaluation) -> int:
    """How many pictures `evaluate` decodes."""
    test, train = len(images.test.images), len(images.train.images)
    paths = 2 * min(settings.path_pairs, test // 2) * settings.path_steps
    if variant.model == "ae":
        return 2 * test + train + paths
    weighed = min(settings.iwae_images, test) * settings.iwae_samples[-1]
    return 2 * test + train + paths + weighed + min(settings.sample_images, test)


def losses(model: TrainedVAE, images: Images, settings: Evaluation, progress: tqdm) -> dict[str, float]:
    """loss, distortion and rate of test and train: nats per image, z sampled, whole splits, the same weights."""
    found: dict[str, float] = {}
    for split, part in (("test", images.test), ("train", images.train)):
        noise = split_noise(len(part.images), model.variant.latent_dim, model.seed, part.images.device)
        means = split_means(model.variant, model.fast, part.images, noise, settings.batch_size, progress.update)
        found |= {f"{split}_{term}": value for term, value in means.numbers(model.variant.beta).items()}
        progress.set_postfix(split=split, loss=f"{found[f'{split}_loss']:.1f}", refresh=False)
    return found


def likelihood(model: TrainedVAE, test: Tensor, settings: Evaluation, progress: Progress) -> dict[str, float]:
    """The bounds of -log p(x) by importance sampling, of the first test images (iwae.bounds)."""
    ladder = settings.iwae_samples
    if model.variant.model == "ae":
        return dict.fromkeys(iwae.names(ladder), NONE)
    chosen = test[: settings.iwae_images]
    return iwae.bounds(iwae.log_weights(model, chosen, ladder[-1], settings.batch_size, progress), ladder)


def decoded(model: TrainedVAE, z: Tensor, batch_size: int, progress: Progress) -> Iterator[Tensor]:
    """Pictures (B, C, H, W) of z (N, latent_dim), batch after batch; `progress` is told how many each batch had."""
    for made in model.decode_batches(z, batch_size):
        yield made
        progress(len(made))


@torch.no_grad()
def reconstruction(
    model: TrainedVAE, judge: Judge, images: Tensor, mu: Tensor, batch_size: int, progress: Progress
) -> tuple[dict[str, float], Tensor]:
    """psnr (dB) and ssim of images (N, C, H, W) uint8 against their reconstruction from mu, and its judge features.

    Both for pictures in [0, 1], of each image on its own, then the mean.
    """
    total = torch.zeros(2, dtype=torch.float64, device=images.device)
    features = []
    for batch, made in zip(batches(len(images), batch_size), decoded(model, mu, batch_size, progress), strict=True):
        real = scale(images[batch], [0, 1])
        psnr, ssim = peak_signal_noise_ratio(made, real), structural_similarity(made, real)
        total += torch.stack([psnr, ssim]).double().sum(1)
        features.append(judge.features(made))
    psnr_mean, ssim_mean = (total / len(images)).tolist()
    return {"psnr": psnr_mean, "ssim": ssim_mean}, torch.cat(features)


def readout(model: TrainedVAE, images: Images, mu: Tensor, settings: Evaluation) -> dict[str, float]:
    """How well labels are read out of mu: learnt from the first training images, scored on all test images' mu."""
    learnt = slice(settings.probe_images)
    train_mu, _ = model.encode(images.train.images[learnt], settings.batch_size)
    known = [part.cpu().numpy() for part in (train_mu, images.train.labels[learnt], mu, images.test.labels)]
    return {"probe_accuracy": probe_accuracy(*known), "knn_accuracy": knn_accuracy(*known)}


@torch.no_grad()
def distances(
    model: TrainedVAE,
    judge: Judge,
    images: Images,
    reconstructed: Tensor,
    settings: Evaluation,
    progress: Progress,
) -> dict[str, float]:
    """Frechet (fcd) and kernel (kid) distances to the first test images in judge features, lower is nearer.

    Of as many samples, z ~ N(0, I); of the reconstructions, given as features (N, D); and, as a floor to read them
    against, of as many training images (fewer, if the split has fewer), on which the judge was trained.
    """
    size = settings.batch_size
    real = extract(judge, images.test.images[: settings.sample_images], size)
    train = extract(judge, images.train.images[: len(real)], size)
    fcd = kid = NONE
    if model.variant.model == "vae":
        z = prior_samples(len(real), model.variant.latent_dim, model.seed).to(real.device)
        samples = torch.cat([judge.features(made) for made in decoded(model, z, size, progress)])
        fcd, kid = frechet_distance(real, samples), kernel_distance(real, samples)
    return {
        "fcd": fcd,
        "kid": kid,
        "fcd_recon": frechet_distance(real, reconstructed),
        "fcd_floor": frechet_distance(real, train),
        "kid_floor": kernel_distance(real, train),
    }


@torch.no_grad()
def smoothness(
    model: TrainedVAE, judge: Judge, mu: Tensor, settings: Evaluation, progress: Progress
) -> dict[str, float]:
    """How evenly pictures change between pairs of images, in judge features (probes.evenness).

    The path between their mu (N, latent_dim) is linear or slerp; blend is the cross-fade of the pixels of its two end
    pictures, to compare with.
    """
    steps, size = settings.path_steps, settings.batch_size
    firsts = range(0, 2 * min(settings.path_pairs, len(mu) // 2), 2)
    found: dict[str, float] = {}
    for name, path in (("linear", interpolate), ("slerp", slerp)):
        z = torch.cat([path(mu[i], mu[i + 1], steps) for i in firsts])
        made = torch.cat(list(decoded(model, z, size, progress))).unflatten(0, (-1, steps))
        features = torch.stack([judge.features(path_made) for path_made in made])
        found[f"path_{name}"], found[f"step_{name}"] = evenness(features)
    blends = []
    for start, end in made[:, [0, -1]]:
        blends.append(judge.features(interpolate(start.flatten(), end.flatten(), steps).unflatten(1, start.shape)))
    found["path_blend"], found["step_blend"] = evenness(torch.stack(blends))
    return found


def variance(model: TrainedVAE) -> dict[str, float]:
    """sigma2 of a Gaussian likelihood, in the units of the pixel range, and a VAE's objective.effective_beta."""
    variant, trained = model.variant, model.network.sigma2
    fixed = SIGMA2 if variant.likelihood == "gaussian" else NONE
    sigma2 = fixed if trained is None else trained.item()
    return {"sigma2": sigma2, "effective_beta": effective_beta(variant, sigma2) if variant.model == "vae" else NONE}


def headline(seeds: pd.DataFrame) -> dict[str, float | None]:
    """The metrics to read first: means over seeds (a row each), to six digits; None where there are none.

    Whole numbers stay whole where their mean is.
    """
    found: dict[str, float | None] = {}
    for short, name in HEADLINE.items():
        mean = seeds[name].mean()
        whole = seeds[name].dtype.kind == "i" and mean == int(mean)
        found[short] = None if math.isnan(mean) else int(mean) if whole else float(f"{mean:.6g}")
    return found
