"""What is minimised, and its two terms: distortion -log p(x|z) and rate KL(q(z|x) || N(0, I)), in nats per image.

loss = distortion + beta * rate, averaged over images; elbo = -(distortion + rate). Adding a likelihood is one branch in
`distortion` and one in `pixel_mean`.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 (its customary name)
from torch import Tensor

from elbowroom.config import Variant
from elbowroom.data import batches, scale
from elbowroom.model import VAE, reparameterize


class Terms(NamedTuple):
    """Distortion and rate, nats: (B,) one of each image, or () a mean over images."""

    distortion: Tensor
    rate: Tensor

    def loss(self, beta: float) -> Tensor:
        return self.distortion + beta * self.rate

    def numbers(self, beta: float) -> dict[str, float]:
        """Means over images, by name."""
        return {"loss": self.loss(beta).item(), "distortion": self.distortion.item(), "rate": self.rate.item()}


def distortion(variant: Variant, x: Tensor, output: Tensor) -> Tensor:
    """-log p(x|z) summed over pixels, (B,), for x and the decoder's output, both (B, C, H, W).

    gaussian: the squared error, as the published notebook has it: a Gaussian of variance 1/2 in the units of the pixel
    range, less its constant D/2 ln(pi). bernoulli: the binary cross-entropy on grey values, as the report has it.
    """
    if variant.likelihood == "gaussian":
        error = (_link(variant, output) - x).square()
    else:
        error = F.binary_cross_entropy_with_logits(output, x, reduction="none")
    return error.flatten(1).sum(1)


def pixel_mean(variant: Variant, output: Tensor) -> Tensor:
    """The mean of p(x|z) as a picture, (B, C, H, W) in [0, 1], whatever the variant's pixel range."""
    mean = _link(variant, output)
    low, high = variant.pixel_range
    return (mean - low) / (high - low)


def _link(variant: Variant, output: Tensor) -> Tensor:
    """The decoder's output brought into the pixel range."""
    return torch.tanh(output) if variant.pixel_range == [-1, 1] else torch.sigmoid(output)


def kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, 1)) of each latent, (B, latent_dim), nats; Kingma & Welling 2013, appendix B."""
    return -0.5 * (1 + logvar - mu.square() - logvar.exp())


def terms(variant: Variant, model: VAE, x: Tensor, noise: Tensor) -> Terms:
    """Distortion and rate of each image, (B,), with one sample of z drawn by `noise` (B, latent_dim).

    An autoencoder has no prior: its rate is 0, and z = mu.
    """
    mu, logvar = model.encode(x)
    z = reparameterize(mu, logvar, noise)
    rate = kl(mu, logvar).sum(1) if variant.model == "vae" else mu.new_zeros(len(mu))
    return Terms(distortion(variant, x, model.decode(z)), rate)


@torch.no_grad()
def split_means(
    variant: Variant,
    model: VAE,
    images: Tensor,
    seed: int,
    batch_size: int,
    progress: Callable[[int], object] | None = None,
) -> Terms:
    """Mean distortion and rate over all images (N, C, H, W) uint8, with z sampled once for each, in float64.

    The noise is drawn for the whole split at once, so the result does not depend on the batch size. `progress` is told
    how many images each batch had.
    """
    model.eval()
    generator = torch.Generator(images.device).manual_seed(seed)
    noise = torch.randn(len(images), variant.latent_dim, generator=generator, device=images.device)
    total = torch.zeros(2, dtype=torch.float64, device=images.device)
    for batch in batches(len(images), batch_size):
        total += (
            torch.stack(terms(variant, model, scale(images[batch], variant.pixel_range), noise[batch])).double().sum(1)
        )
        if progress:
            progress(len(images[batch]))
    return Terms(*(total / len(images)))
