"""Fit a better prior to a trained VAE, to see what N(0, I) costs it.

A VAE is trained to make q(z|x) of all images together look like N(0, I), and does not quite: where no image lies,
samples are of nothing it has learned. This is the prior's hole (Rosca et al. 2018, arXiv:1802.06847). A mixture of
Gaussians fitted after training (Ghosh et al. 2020, arXiv:1903.12436) has less of it.
"""

import math
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch import Tensor

from elbowroom.core.settings import ACTIVE_THRESHOLD

FIT_IMAGES = 5000  # at most as many training images, one z of each
COMPONENTS = (1, 2, 5, 10, 20)  # sizes of mixtures to choose from
ENOUGH = 10  # z for each latent and component, at least, to fit a full covariance: of fewer it is nearly singular
NARROWEST = 1e-4  # added to variances: z has noise of its own, so no component may close in on a single z
MIXTURE_SEED = 0


@dataclass(frozen=True)
class FittedPrior:
    """A mixture of Gaussians over some latents, and N(0, I) over the others. modelled: (latent_dim,), bool: which."""

    mixture: GaussianMixture
    modelled: np.ndarray

    def log_ratio(self, z: Tensor) -> Tensor:
        """Compute log p_fit(z) - log N(z; 0, I) of z (N, latent_dim): (N,), nats, float64."""
        modelled = self._part(z)
        standard = -(np.square(modelled) + math.log(2 * math.pi)).sum(1) / 2
        return torch.from_numpy(self.mixture.score_samples(modelled) - standard)

    def sample(self, noise: Tensor) -> Tensor:
        """Draw a z for each row of standard normal noise (N, latent_dim). It fills the latents not modelled."""
        z = noise.clone()
        z[:, self.modelled] = torch.from_numpy(self.mixture.sample(len(z))[0]).to(z)
        return z

    def _part(self, z: Tensor) -> np.ndarray:
        return z[:, self.modelled].cpu().double().numpy()


def fit_prior(z: Tensor, kl: Tensor) -> FittedPrior:
    """Fit a mixture of Gaussians to z ~ q(z|x) of training images (N, latent_dim); N at least 2.

    kl: the mean KL of each latent (latent_dim,), nats. A latent whose KL is below ACTIVE_THRESHOLD keeps N(0, 1): no
    other prior could save more than its KL. The Bayesian information criterion chooses between diagonal and full
    covariances and among the sizes in COMPONENTS, where larger ones are tried as long as it falls. scikit-learn's
    expectation-maximisation, from a fixed seed.
    """
    modelled = (kl >= kl.max().clamp(max=ACTIVE_THRESHOLD)).cpu().numpy()
    points = z.cpu().double().numpy()[:, modelled]
    best, lowest = None, math.inf
    for covariances in ("diag", "full"):
        before = math.inf
        for components in COMPONENTS:
            if len(points) < components * (ENOUGH * points.shape[1] if covariances == "full" else 1):
                break
            mixture = GaussianMixture(
                components, covariance_type=covariances, reg_covar=NARROWEST, random_state=MIXTURE_SEED
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early, it is a prior as well
                criterion = mixture.fit(points).bic(points)
            if criterion < lowest:
                best, lowest = mixture, criterion
            if criterion >= before:
                break
            before = criterion
    return FittedPrior(best, modelled)
