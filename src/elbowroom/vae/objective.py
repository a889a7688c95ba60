"""The loss and its two terms: distortion -log p(x|z) and rate KL(q(z|x) || N(0, I)), in nats per image.

loss = distortion + beta * rate, averaged over images; elbo = -(distortion + rate). To add a likelihood, add a branch to
`distortion` and one to `_link`; CONTRIBUTING.md lists the other places.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 (its customary name)
from torch import Tensor

from elbowroom.core.pixel_range import SYMMETRIC, error_factor
from elbowroom.core.random_streams import Stream, generator
from elbowroom.core.settings import Variant
from elbowroom.datasets.images import batches, scale
from elbowroom.vae import continuous_bernoulli
from elbowroom.vae.model import VAE, reparameterize


class Terms(NamedTuple):
    """Distortion and rate in nats: (B,), of each image, or (), means over images."""

    distortion: Tensor
    rate: Tensor

    def loss(self, beta: float | Tensor) -> Tensor:
        return self.distortion + beta * self.rate

    def detach(self) -> "Terms":
        return Terms(self.distortion.detach(), self.rate.detach())

    def numbers(self, beta: float) -> dict[str, float]:
        """Return loss, distortion and rate, which are means over images, by name."""
        return {"loss": self.loss(beta).item(), "distortion": self.distortion.item(), "rate": self.rate.item()}


def distortion(variant: Variant, x: Tensor, output: Tensor, sigma2: Tensor | None = None) -> Tensor:
    """Compute -log p(x|z), summed over pixels: (B,). x and the decoder's output: (B, C, H, W).

    gaussian: the squared error, as in the published notebook. It is a Gaussian of variance 1/2 (settings.SIGMA2) in the
    units of the pixel range, without its constant D/2 ln(pi). gaussian_optimal: a Gaussian of variance sigma2 (), with
    its constant (Rybkin et al. 2021, eq. 4). bernoulli: the binary cross-entropy of grey values, as in the published
    report, which is no density. continuous_bernoulli: the same with the normaliser that makes it a density
    (Loaiza-Ganem and Cunningham 2019, eq. 6), in float64 inside.
    """
    if variant.likelihood == "gaussian":
        return squared_error(variant, x, output)
    if variant.likelihood == "gaussian_optimal":
        if sigma2 is None:
            raise ValueError("gaussian_optimal needs its variance")
        constant = x[0].numel() / 2 * (2 * torch.pi * sigma2).log()
        return constant + squared_error(variant, x, output) / (2 * sigma2)
    if variant.likelihood == "bernoulli":
        return F.binary_cross_entropy_with_logits(output, x, reduction="none").flatten(1).sum(1)
    return continuous_bernoulli.negative_log_density(output, x).flatten(1).sum(1).to(output.dtype)


def squared_error(variant: Variant, x: Tensor, output: Tensor) -> Tensor:
    """Compute the squared error of the mean of p(x|z), in the units of the pixel range, summed over pixels: (B,)."""
    return (_link(variant, output) - x).square().flatten(1).sum(1)


def pixel_mean(variant: Variant, output: Tensor) -> Tensor:
    """Return the mean of p(x|z) as a picture (B, C, H, W) in [0, 1], whatever the variant's pixel range.

    The mean of a linear network may lie outside [0, 1].
    """
    mean = _link(variant, output)
    low, high = variant.pixel_range
    return (mean - low) / (high - low)


def _link(variant: Variant, output: Tensor) -> Tensor:
    """Turn the decoder's output into the mean of p(x|z), in the pixel range."""
    if variant.likelihood == "continuous_bernoulli":
        return continuous_bernoulli.mean(output).to(output.dtype)
    if variant.likelihood == "bernoulli":
        return torch.sigmoid(output)
    if variant.layers.linear:
        return output
    return torch.tanh(output) if variant.pixel_range == SYMMETRIC else torch.sigmoid(output)


def effective_beta(variant: Variant, sigma2: float) -> float:
    """Return the weight that the KL has if the distortion is written as the squared error of pixels in [0, 1].

    So variants of different variance and pixel range can be compared. beta = 1 and variance 1/2 give 1 with pixels in
    [0, 1], and 1/4 in [-1, 1]. A Bernoulli has no variance (nan), so the result is nan.
    """
    return 2 * sigma2 * variant.beta / error_factor(variant.pixel_range)


def kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """Compute KL(N(mu, exp(logvar)) || N(0, 1)) of each latent (B, latent_dim), nats; Kingma & Welling 2013, app. B."""
    return -0.5 * (1 + logvar - mu.square() - logvar.exp())


def terms(variant: Variant, model: VAE, x: Tensor, noise: Tensor) -> Terms:
    """Compute distortion and rate of each image, (B,), with one z per image, sampled with `noise` (B, latent_dim).

    An autoencoder has no prior: its rate is 0, and z = mu. The likelihood gaussian_optimal uses the model's sigma2, but
    in training the batch's own optimal variance, through which no gradient flows, because it is 0 there.
    """
    mu, logvar = (part.to(x.dtype) for part in model.encode(x))  # only layers compute in bfloat16
    output = model.decode(reparameterize(mu, logvar, noise)).to(x.dtype)
    rate = kl(mu, logvar).sum(1) if variant.model == "vae" else mu.new_zeros(len(mu))
    sigma2 = model.sigma2
    if sigma2 is not None and model.training:
        sigma2 = squared_error(variant, x, output).detach().sum() / x.numel()
    return Terms(distortion(variant, x, output, sigma2), rate)


@torch.no_grad()
def optimal_sigma2(variant: Variant, model: VAE, images: Tensor, noise: Tensor, batch_size: int) -> Tensor:
    """Compute the variance (), under which images (N, C, H, W) uint8 are likeliest, with noise (N, latent_dim) for z.

    It is sigma*^2, the mean squared error of a pixel (Rybkin et al. 2021, eq. 5). The mean distortion is then exactly
    D/2 (ln(2 pi sigma*^2) + 1).
    """
    model.eval()
    total = torch.zeros((), dtype=torch.float64, device=images.device)
    for batch in batches(len(images), batch_size):
        x = scale(images[batch], variant.pixel_range)
        output = model.decode(reparameterize(*model.encode(x), noise[batch]))
        total += squared_error(variant, x, output).double().sum()
    return (total / images.numel()).float()


def split_noise(count: int, latent_dim: int, seed: int, stream: Stream, device: torch.device) -> Tensor:
    """Draw the standard normal noise that z is sampled with, for a whole split at once: (count, latent_dim).

    Hence no result depends on the batch size. stream: the split's.
    """
    return torch.randn(count, latent_dim, generator=generator(seed, stream, device), device=device)


@torch.no_grad()
def split_means(
    variant: Variant,
    model: VAE,
    images: Tensor,
    noise: Tensor,
    batch_size: int,
    progress: Callable[[int], object] | None = None,
) -> Terms:
    """Compute mean distortion and rate over images (N, C, H, W) uint8, in float64, with one z per image.

    noise: (N, latent_dim), what z is sampled with. progress: called after each batch with its number of images.
    """
    model.eval()
    total = torch.zeros(2, dtype=torch.float64, device=images.device)
    for batch in batches(len(images), batch_size):
        measured = terms(variant, model, scale(images[batch], variant.pixel_range), noise[batch])
        total += torch.stack(measured).double().sum(1)
        if progress:
            progress(len(images[batch]))
    return Terms(*(total / len(images)))
