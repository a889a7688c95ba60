"""Models and judges without training, and what is measured of them."""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from elbowroom.core.settings import SIGMA2, Evaluation, Variant
from elbowroom.datasets.images import Images, scale
from elbowroom.evaluation.evaluate import SeedMeasurements, evaluate
from elbowroom.vae.model import VAE
from elbowroom.vae.trained import TrainedVAE
from elbowroom.yardsticks.judge import SEEDS, Judge, Judges
from tests.support.settings import EVALUATION, cifar_variant, variant

SETTINGS = {
    "mnist": variant(),
    "cifar10": cifar_variant(likelihood="gaussian_optimal"),
    "linear": cifar_variant(network="linear", channels=1, likelihood="continuous_bernoulli"),
    "ae": variant(model="ae", beta=0.0),
}


def judges_of(images: Images) -> Judges:
    """Untrained judges: for these tests, their features are as good as any."""
    judges = []
    for seed in SEEDS:
        torch.manual_seed(seed)
        judges.append(Judge(images.shape, 10).eval().requires_grad_(False))
    return Judges(*judges)


def measure(model: TrainedVAE, images: Images, **changes: object) -> SeedMeasurements:
    """Evaluate a model with the settings EVALUATION, changed by name, and untrained judges."""
    evaluation = Evaluation.model_validate(EVALUATION.model_dump() | changes)
    return evaluate(model, judges_of(images), images, evaluation, tqdm(disable=True))


def lively(settings: Variant, images: Images) -> TrainedVAE:
    """An untrained model with He's weights, through which signals neither fade nor grow, so that its latents matter."""
    torch.manual_seed(0)
    network = VAE(settings, images.shape)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter)
    if network.sigma2 is not None:
        network.sigma2.fill_(0.1)
    return TrainedVAE("v", settings, 0, images.shape, network)


def linear_vae(images: Images, latent_dim: int, pixel_range: list[int]) -> TrainedVAE:
    """A linear VAE whose weights are all zero, for a test to set."""
    settings = variant(network="linear", channels=1, latent_dim=latent_dim, pixel_range=pixel_range)
    network = VAE(settings, images.shape).requires_grad_(False)
    for parameter in network.parameters():
        parameter.zero_()
    return TrainedVAE("linear", settings, 0, images.shape, network)


def exact_linear_vae(images: Images, latent_dim: int, pixel_range: list[int]) -> tuple[TrainedVAE, np.ndarray]:
    """Build the best linear VAE for these training images, its latents by falling KL (Lucas 2019, section 4).

    Also return the variances of all principal components, largest first, in the units of the pixel range.
    """
    model = linear_vae(images, latent_dim, pixel_range)
    x = scale(images.train.images, pixel_range).flatten(1).double()
    mean = x.mean(0)
    _, singular, axes = torch.linalg.svd(x - mean, full_matrices=False)
    variances = singular.square() / len(x)
    noise = SIGMA2 / variances[:latent_dim].clamp(min=SIGMA2)  # the posterior's variance; 1, the prior's, if unused
    kept = variances[:latent_dim].unsqueeze(1)
    weights = axes[:latent_dim] * (kept - SIGMA2).clamp(min=0).sqrt()  # of the decoder, a row for each latent
    encoder, decoder = model.network.encoder, model.network.decoder
    encoder.mu.weight.copy_(weights / kept)
    encoder.mu.bias.copy_(-(weights / kept) @ mean)
    assert encoder.logvar is not None
    encoder.logvar.bias.copy_(noise.log())
    decoder.linear.weight.copy_(weights.T)
    decoder.linear.bias.copy_(mean)
    return model, variances.numpy()


class Example(NamedTuple):
    """A model, and what was measured of it on these images."""

    images: Images
    model: TrainedVAE
    measured: SeedMeasurements
