"""The networks: the encoder and the decoder of a variational autoencoder, in plain PyTorch."""

import math

import torch
from torch import Tensor, nn

from elbowroom.core.settings import Shape, Variant


class Encoder(nn.Module):
    """x (B, C, H, W) -> mu and logvar of q(z|x), each (B, latent_dim).

    A deterministic autoencoder has no logvar head: its code is a point, so its logvar is -inf (variance 0).
    """

    def __init__(self, variant: Variant, shape: Shape) -> None:
        super().__init__()
        colours, height, width = shape
        c = variant.channels
        if variant.network == "notebook":  # 28-14-7-3-3
            self.layers = nn.Sequential(
                nn.Conv2d(colours, c, 4, stride=2, padding=1),
                nn.ReLU(),
                nn.Conv2d(c, 2 * c, 4, stride=2, padding=1),
                nn.ReLU(),
                nn.Conv2d(2 * c, 4 * c, 4, stride=2, padding=1),
                nn.ReLU(),
                nn.Conv2d(4 * c, 8 * c, 3, padding=1),
                nn.ReLU(),
                nn.Flatten(),
            )
            features = 8 * c * (height // 8) * (width // 8)
        elif variant.network == "report":  # 32-16-8-4
            self.layers = nn.Sequential(
                nn.Conv2d(colours, c, 3, stride=2, padding=1),
                nn.ReLU(),
                nn.Conv2d(c, 2 * c, 3, stride=2, padding=1),
                nn.ReLU(),
                nn.Conv2d(2 * c, 4 * c, 3, stride=2, padding=1),
                nn.ReLU(),
                nn.Flatten(),
            )
            features = 4 * c * (height // 8) * (width // 8)
        else:
            self.layers = nn.Sequential(nn.Flatten())
            features = math.prod(shape)
        self.mu = nn.Linear(features, variant.latent_dim)
        self.logvar = nn.Linear(features, variant.latent_dim) if variant.model == "vae" else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.layers(x)
        mu = self.mu(features)
        return mu, torch.full_like(mu, -torch.inf) if self.logvar is None else self.logvar(features)


class Decoder(nn.Module):
    """z (B, latent_dim) -> (B, C, H, W), before the likelihood's own link (tanh or sigmoid)."""

    def __init__(self, variant: Variant, shape: Shape) -> None:
        super().__init__()
        colours, height, width = shape
        c = variant.channels
        if variant.network == "notebook":  # 7-14-28-28-28
            start = (8 * c, height // 4, width // 4)
            self.layers = nn.Sequential(
                nn.Unflatten(1, start),
                nn.ConvTranspose2d(8 * c, 4 * c, 4, stride=2, padding=1),
                nn.ReLU(),
                nn.ConvTranspose2d(4 * c, 2 * c, 4, stride=2, padding=1),
                nn.ReLU(),
                nn.Conv2d(2 * c, c, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(c, colours, 3, padding=1),
            )
        elif variant.network == "report":  # 4-8-16-32
            start = (4 * c, height // 8, width // 8)
            self.layers = nn.Sequential(
                nn.Unflatten(1, start),
                nn.ConvTranspose2d(4 * c, 2 * c, 4, stride=2, padding=1),
                nn.ReLU(),
                nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1),
                nn.ReLU(),
                nn.ConvTranspose2d(c, colours, 4, stride=2, padding=1),
            )
        else:
            start = shape
            self.layers = nn.Sequential(nn.Unflatten(1, start))
        self.linear = nn.Linear(variant.latent_dim, math.prod(start))  # last, so that a seed draws the same weights

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(self.linear(z))


class VAE(nn.Module):
    """A variant's model for images of one shape, initialised as PyTorch does (from its global random generator).

    sigma2: the variance of the likelihood gaussian_optimal, (), which is computed and not trained; else None.
    """

    sigma2: Tensor | None

    def __init__(self, variant: Variant, shape: Shape) -> None:
        super().__init__()
        self.encoder = Encoder(variant, shape)
        self.decoder = Decoder(variant, shape)
        self.register_buffer("sigma2", torch.ones(()) if variant.likelihood == "gaussian_optimal" else None)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, C, H, W) in the variant's pixel range -> mu, logvar of q(z|x), each (B, latent_dim)."""
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        """z (B, latent_dim) -> (B, C, H, W); objective.py turns it into a distribution over images."""
        return self.decoder(z)


def reparameterize(mu: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
    """z = mu + sigma * noise (B, latent_dim), with noise ~ N(0, I) of the same shape; Kingma & Welling 2013, 2.4."""
    return mu + torch.exp(0.5 * logvar) * noise


def parameters(model: nn.Module) -> int:
    """Count the numbers that are trained."""
    return sum(parameter.numel() for parameter in model.parameters())
