"""One step of training. Read this first: seed_run.py and loop.py only repeat it."""

import torch
from torch import Tensor

from elbowroom.core.settings import Variant
from elbowroom.training.adam import Adam
from elbowroom.training.master_weights import MasterWeights
from elbowroom.vae.model import VAE
from elbowroom.vae.objective import Terms, terms


def train_step(
    model: VAE,
    optimizer: Adam | MasterWeights,
    variant: Variant,
    x: Tensor,
    noise: Tensor,
    beta: float | Tensor,
    autocast: bool = False,
) -> Terms:
    """Take one gradient step; return the terms measured before it.

    x: (B, C, H, W) in the variant's pixel range; noise: (B, latent_dim) ~ N(0, I); beta: the weight of the rate in this
    step; autocast: whether layers compute in bfloat16 though their weights are float32. Each term: (B,), nats per
    image, detached.
    """
    # Without a cache, because a CUDA graph would keep casting the weights of the step that it was captured from.
    with torch.autocast(x.device.type, torch.bfloat16, enabled=autocast, cache_enabled=False):
        measured = terms(variant, model, x, noise)
    loss = measured.loss(beta).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return measured.detach()


def warmed_up(beta: float, epochs: Tensor, warmup_epochs: int) -> Tensor:
    """Compute the weight of the rate after `epochs` (whole or not): linear from 0 to beta (Bowman et al. 2016)."""
    return beta * (epochs / warmup_epochs).clamp(max=1) if warmup_epochs else torch.full_like(epochs, beta)
