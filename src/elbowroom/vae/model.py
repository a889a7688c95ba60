"""The networks: the encoder and the decoder of a variational autoencoder, in plain PyTorch."""

import math

import torch
from torch import Tensor, nn

from elbowroom.core.networks import Width
from elbowroom.core.settings import Shape, Variant


class Encoder(nn.Module):
    """x (B, C, H, W) -> mu and logvar of q(z|x), each (B, latent_dim).

    A deterministic autoencoder has no logvar head: its code is a point, so its logvar is -inf (variance 0).
    """

    def __init__(self, variant: Variant, shape: Shape) -> None:
        super().__init__()
        network, (colours, height, width) = variant.layers, shape
        channels = [colours, *(_channels(layer.width, variant, shape) for layer in network.encoder)]
        self.layers = nn.Sequential()
        for layer, before, after in zip(network.encoder, channels, channels[1:], strict=False):
            self.layers.append(nn.Conv2d(before, after, layer.kernel, stride=layer.stride, padding=layer.padding))
            self.layers.append(nn.ReLU())
        self.layers.append(nn.Flatten())
        features = channels[-1] * network.encoded_side(height) * network.encoded_side(width)
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
        network, (_, height, width) = variant.layers, shape
        channels = [
            _channels(each, variant, shape) for each in (network.start, *(row.width for row in network.decoder))
        ]
        start = channels[0], network.start_side(height), network.start_side(width)
        self.layers = nn.Sequential(nn.Unflatten(1, start))
        for layer, before, after in zip(network.decoder, channels, channels[1:], strict=False):
            if len(self.layers) > 1:
                self.layers.append(nn.ReLU())
            kind = nn.ConvTranspose2d if layer.stride == 2 else nn.Conv2d
            self.layers.append(kind(before, after, layer.kernel, stride=layer.stride, padding=layer.padding))
        if (height % network.enlargement, width % network.enlargement) != (0, 0):
            self.layers.append(Crop(height, width))
        self.linear = nn.Linear(variant.latent_dim, math.prod(start))  # last, so that a seed draws the same weights

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(self.linear(z))


class Crop(nn.Module):
    """Keeps the middle of pictures: (B, C, H, W) of any size -> (B, C, height, width)."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x: Tensor) -> Tensor:
        top, left = (x.shape[2] - self.height) // 2, (x.shape[3] - self.width) // 2
        return x[:, :, top : top + self.height, left : left + self.width]


def _channels(width: Width, variant: Variant, shape: Shape) -> int:
    return shape[0] if isinstance(width, str) else width * variant.channels


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
