"""Models and judges without training, and what is measured of them."""

from typing import NamedTuple

import torch
from torch import nn
from tqdm import tqdm

from elbowroom.core.settings import Evaluation, Variant
from elbowroom.datasets.images import Images
from elbowroom.evaluation.evaluate import Measured, evaluate
from elbowroom.vae.model import VAE
from elbowroom.vae.trained import TrainedVAE
from elbowroom.yardsticks.judge import Judge
from tests.support.settings import EVALUATION, cifar_variant, variant

SETTINGS = {
    "mnist": variant(),
    "cifar10": cifar_variant(likelihood="gaussian_optimal"),
    "linear": cifar_variant(network="linear", channels=1, likelihood="continuous_bernoulli"),
    "ae": variant(model="ae", beta=0.0),
}


def judge_of(images: Images) -> Judge:
    """An untrained judge: for these tests, its features are as good as any."""
    torch.manual_seed(0)
    return Judge(images.shape, 10).eval().requires_grad_(False)


def measure(model: TrainedVAE, images: Images, **changes: object) -> Measured:
    """Evaluate a model with the settings EVALUATION, changed by name, and an untrained judge."""
    evaluation = Evaluation.model_validate(EVALUATION.model_dump() | changes)
    return evaluate(model, judge_of(images), images, evaluation, tqdm(disable=True))


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


class Example(NamedTuple):
    """A model, and what was measured of it on these images."""

    images: Images
    model: TrainedVAE
    measured: Measured
