"""Measure samples: how near to test images, how real, how varied, and what N(0, I) as the prior costs them."""

import torch
from torch import Tensor

from elbowroom.evaluation.fitted_prior import FIT_IMAGES, FittedPrior, fit_prior
from elbowroom.evaluation.image_metrics import frechet_distance, kernel_distance
from elbowroom.evaluation.precision_recall import precision_recall
from elbowroom.evaluation.setup import UNDEFINED, Codes, Metrics, Setup
from elbowroom.vae.latent_space import prior_samples
from elbowroom.yardsticks.judge import extract

OF_A_VAE = ("fcd", "kid", "fcd_second", "precision", "recall", "rate_fit", "fcd_fit", "fcd_recon_sampled")
OF_ALL = ("fcd_recon", "fcd_floor", "kid_floor", "train_precision", "train_recall")


def samples(setup: Setup, reconstructed: Tensor, test: Codes, train: Codes) -> Metrics:
    """Compare N pictures that the model makes with the first N test images, in the features of the judges.

    fcd, kid: Fréchet and kernel distances of samples, z ~ N(0, I); lower is nearer. fcd_second: fcd by the second
    judge. precision, recall: of the same samples (`precision_recall`). fcd_floor, kid_floor, train_precision and
    train_recall: the same of the first N training images, or of all if there are fewer, from which the judges have
    learned. No samples can be expected to do better.

    fcd_recon: of the reconstructions of these test images from mu, whose features are the first of `reconstructed`
    (M, D). fcd_recon_sampled: of those from z ~ q(z|x). Both have no floor: they are 0 if reconstructions are perfect.

    fcd_fit: of samples from a fitted prior (`fit_prior`). rate_fit: test_rate under that prior in place of N(0, I): the
    mean of log q(z|x) - log p_fit(z), nats. What differs from test_rate is a mean over the z of test_loss; the rest of
    it is exact.

    test, train: q(z|x) of all test images and of the training images that the prior is fitted to. Without judges all
    but rate_fit is UNDEFINED.
    """
    is_vae = setup.model.variant.model == "vae"
    if not setup.judges:
        undefined: Metrics = dict.fromkeys((*OF_A_VAE, *OF_ALL), UNDEFINED)
        return undefined | (
            {"rate_fit": _fitted_rate(fit_prior(train.z[:FIT_IMAGES], train.spectrum), test)} if is_vae else {}
        )
    size = setup.settings.batch_size
    real, real_second = (
        extract(judge, setup.images.test.images[: setup.settings.sample_images], size) for judge in setup.judges
    )
    learned = extract(setup.judge, setup.images.train.images[: len(real)], size)
    found: Metrics = dict.fromkeys(OF_A_VAE, UNDEFINED)
    if is_vae:
        z = prior_samples(len(real), test.z.shape[1], setup.model.seed).to(real.device)
        both = [[judge.features(made) for judge in setup.judges] for made in setup.decode(z)]
        made, made_second = (torch.cat(part) for part in zip(*both, strict=True))
        prior = fit_prior(train.z[:FIT_IMAGES], train.spectrum)
        closeness = precision_recall(real, made)
        found = {
            "fcd": frechet_distance(real, made),
            "kid": kernel_distance(real, made),
            "fcd_second": frechet_distance(real_second, made_second),
            "precision": closeness.precision,
            "recall": closeness.recall,
            "rate_fit": _fitted_rate(prior, test),
            "fcd_fit": frechet_distance(real, _features(setup, prior.sample(z))),
            "fcd_recon_sampled": frechet_distance(real, _features(setup, test.z[: len(real)])),
        }
    of_train = precision_recall(real, learned)
    return found | {
        "fcd_recon": frechet_distance(real, reconstructed[: len(real)]),
        "fcd_floor": frechet_distance(real, learned),
        "kid_floor": kernel_distance(real, learned),
        "train_precision": of_train.precision,
        "train_recall": of_train.recall,
    }


def _fitted_rate(prior: FittedPrior, test: Codes) -> float:
    return (test.spectrum.sum().cpu() - prior.log_ratio(test.z).mean()).item()


def _features(setup: Setup, z: Tensor) -> Tensor:
    """The first judge's features of the pictures decoded from z (N, latent_dim)."""
    return torch.cat([setup.judge.features(made) for made in setup.decode(z)])
