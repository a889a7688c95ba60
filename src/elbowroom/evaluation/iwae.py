"""Bound -log p(x) of a VAE by importance sampling (Burda et al. 2016, arXiv:1509.00519)."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from elbowroom.core.random_streams import Stream, generator
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
    """Compute log p(x|z) + log p(z) - log q(z|x) for samples z ~ q(z|x) of each image: (N, samples), nats, float64.

    images: (N, C, H, W) uint8. Decodes at most batch_size samples at once; the result does not depend on it, since the
    noise of an image is drawn all at once. progress is told how many were decoded.
    """
    model = model.prepared(len(images) * samples)
    draws = generator(model.seed, Stream.IMPORTANCE, images.device)
    found = []
    for group in batches(len(images), math.ceil(batch_size / samples)):
        mu, logvar = model.encode(images[group])
        noise = torch.stack([torch.randn(samples, mu.shape[1], generator=draws, device=mu.device) for _ in mu])
        owner = torch.arange(len(mu), device=mu.device).repeat_interleave(samples)  # (B * samples,)
        for batch in batches(len(owner), batch_size):
            image, unit = owner[batch], noise.flatten(0, 1)[batch]
            z = reparameterize(mu[image], logvar[image], unit)
            # log N(z; 0, I) - log N(z; mu, sigma^2): the constants cancel
            ratio = (unit.double().square() + logvar[image].double() - z.double().square()).sum(1) / 2
            found.append(ratio - model.distortion(images[group][image], z))
            if progress:
                progress(len(z))
    return torch.cat(found).view(len(images), samples)


def bounds(log_w: Tensor, ladder: list[int]) -> dict[str, float]:
    """Compute iwae_nll_k for each k of the ladder, iwae_nll for the last, and effective_samples: means over images.

    log_w: (N, K), where K is the last k of the ladder, and each k divides the next. iwae_nll_k is the mean of
    -log((w_1 + ... + w_k) / k) over all K / k groups of k samples, in nats: on average an upper bound of -log p(x)
    (Burda et al. 2016, eq. 8). As each k uses every sample, no bound is above the one before (Jensen's inequality).
    effective_samples: (sum w)^2 / sum w^2 over the K samples, 1 if one outweighs all others.
    """
    nll = {f"iwae_nll_{k}": (math.log(k) - log_w.unflatten(1, (-1, k)).logsumexp(2)).mean().item() for k in ladder}
    effective = (2 * log_w.logsumexp(1) - (2 * log_w).logsumexp(1)).exp()
    return nll | {"iwae_nll": nll[f"iwae_nll_{ladder[-1]}"], "effective_samples": effective.mean().item()}


def bound_names(ladder: list[int]) -> list[str]:
    """The names that `bounds` returns, in its order."""
    return [*(f"iwae_nll_{k}" for k in ladder), "iwae_nll", "effective_samples"]
