"""How likely images are to a VAE, -log p(x), estimated by importance sampling (Burda et al. 2016, arXiv:1509.00519)."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from elbowroom.datasets.images import batches
from elbowroom.vae.model import reparameterize
from elbowroom.vae.trained import TrainedVAE


@torch.no_grad()
def log_weights(
    model: TrainedVAE,
    images: Tensor,
    samples: int,
    batch_size: int,
    progress: Callable[[int], object] | None = None,
) -> Tensor:
    """log p(x|z) + log p(z) - log q(z|x) for samples z ~ q(z|x) of each image: (N, samples), nats, float64.

    images: (N, C, H, W) uint8. No more than batch_size pictures are decoded at once, of as many images as they belong
    to; no weight depends on it, since each image's noise is drawn whole. `progress` is told how many were decoded.
    """
    model = model.prepared(len(images) * samples)
    generator = torch.Generator(images.device).manual_seed(model.seed)
    found = []
    for group in batches(len(images), math.ceil(batch_size / samples)):
        mu, logvar = model.encode(images[group])
        noise = torch.stack([torch.randn(samples, mu.shape[1], generator=generator, device=mu.device) for _ in mu])
        owner = torch.arange(len(mu), device=mu.device).repeat_interleave(samples)  # whose sample it is: (B * samples,)
        for batch in batches(len(owner), batch_size):
            of, unit = owner[batch], noise.flatten(0, 1)[batch]
            z = reparameterize(mu[of], logvar[of], unit)
            # log N(z; 0, I) - log N(z; mu, sigma^2): the constants cancel
            ratio = (unit.double().square() + logvar[of].double() - z.double().square()).sum(1) / 2
            found.append(ratio - model.distortion(images[group][of], z))
            if progress:
                progress(len(z))
    return torch.cat(found).view(len(images), samples)


def bounds(log_w: Tensor, ladder: list[int]) -> dict[str, float]:
    """iwae_nll_K for each K of the ladder, iwae_nll for the last, effective_samples; means over images, nats.

    log_w: (N, K), K the last of the ladder, whose rungs divide one another. A rung is -log((w_1 + ... + w_k) / k), an
    upper bound of -log p(x) on average (Burda et al. 2016, eq. 8), here over all K / k groups of k samples: every rung
    uses every sample, and by Jensen's inequality none is above the one before. effective_samples: (sum w)^2 / sum w^2
    of the K samples, 1 where one outweighs all others.
    """
    rungs = {f"iwae_nll_{k}": (math.log(k) - log_w.unflatten(1, (-1, k)).logsumexp(2)).mean().item() for k in ladder}
    effective = (2 * log_w.logsumexp(1) - (2 * log_w).logsumexp(1)).exp()
    return rungs | {"iwae_nll": rungs[f"iwae_nll_{ladder[-1]}"], "effective_samples": effective.mean().item()}


def names(ladder: list[int]) -> list[str]:
    """What `bounds` returns, in its order."""
    return [*(f"iwae_nll_{k}" for k in ladder), "iwae_nll", "effective_samples"]
