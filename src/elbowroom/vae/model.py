"""The two published networks, and a linear one, as encoder and decoder of a VAE or a deterministic autoencoder."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from elbowroom.core.settings import Shape, Variant
from elbowroom.vae.fast_cpu import Doubling


class Encoder(nn.Module):
    """x (B, C, H, W) -> mu and logvar, each (B, latent_dim).

    An autoencoder's code is a point: it has no logvar head, and its logvar is -inf (variance 0) everywhere.
    """

    def __init__(self, variant: Variant, shape: Shape) -> None:
        super().__init__()
        colours, height, width = shape
        c = variant.channels
        if variant.network == "notebook":  # 28-14-7-3-3
            convolutions = [
                nn.Conv2d(colours, c, 4, stride=2, padding=1),
                nn.Conv2d(c, 2 * c, 4, stride=2, padding=1),
                nn.Conv2d(2 * c, 4 * c, 4, stride=2, padding=1),
                nn.Conv2d(4 * c, 8 * c, 3, padding=1),
            ]
        elif variant.network == "report":  # 32-16-8-4
            convolutions = [
                nn.Conv2d(colours, c, 3, stride=2, padding=1),
                nn.Conv2d(c, 2 * c, 3, stride=2, padding=1),
                nn.Conv2d(2 * c, 4 * c, 3, stride=2, padding=1),
            ]
        else:
            convolutions = []
        self.layers = nn.Sequential(
            *(layer for conv in convolutions for layer in (conv, nn.ReLU(inplace=True))), nn.Flatten()
        )
        features = convolutions[-1].out_channels * (height // 8) * (width // 8) if convolutions else math.prod(shape)
        self.mu = nn.Linear(features, variant.latent_dim)
        self.logvar = nn.Linear(features, variant.latent_dim) if variant.model == "vae" else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.layers(x)
        mu = self.mu(features)
        return mu, torch.full_like(mu, -torch.inf) if self.logvar is None else self.logvar(features)


class Decoder(nn.Module):
    """z (B, latent_dim) -> (B, C, H, W), before the likelihood's own link (tanh or sigmoid).

    There is nothing between the linear layer and the first transposed convolution: together they are one linear map of
    z, used where it costs fewer multiplications to find its matrix and to apply that than to convolve.
    """

    def __init__(self, variant: Variant, shape: Shape) -> None:
        super().__init__()
        colours, height, width = shape
        c = variant.channels
        layers: list[nn.Module]
        if variant.network == "notebook":  # 7-14-28-28-28
            start = (8 * c, height // 4, width // 4)
            layers = [
                Doubling(8 * c, 4 * c),
                nn.ReLU(inplace=True),
                Doubling(4 * c, 2 * c),
                nn.ReLU(inplace=True),
                nn.Conv2d(2 * c, c, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.Conv2d(c, colours, 3, padding=1),
            ]
        elif variant.network == "report":  # 4-8-16-32
            start = (4 * c, height // 8, width // 8)
            layers = [
                Doubling(4 * c, 2 * c),
                nn.ReLU(inplace=True),
                Doubling(2 * c, c),
                nn.ReLU(inplace=True),
                Doubling(c, colours),
            ]
        else:
            start, layers = shape, []
        self.linear = nn.Linear(variant.latent_dim, start[0] * start[1] * start[2])
        self.layers = nn.Sequential(nn.Unflatten(1, start), *layers)

    def forward(self, z: Tensor) -> Tensor:
        return self.for_many(len(z))(z)

    def for_many(self, count: int) -> Callable[[Tensor], Tensor]:
        """What decodes so many z by the fewest multiplications: layer by layer, or folded, the same to rounding."""
        first = self.layers[1] if len(self.layers) > 1 else None
        if isinstance(first, Doubling):  # four times as many pixels come out
            latent_dim, features = self.linear.in_features, self.linear.out_features
            pixels = features // first.in_channels
            convolution = pixels * first.weight.numel()
            apart = count * (latent_dim * features + convolution)
            together = (latent_dim + 1) * convolution + count * latent_dim * 4 * pixels * first.out_channels
            if together < apart:
                return self.folded()
        return lambda z: self.layers(self.linear(z))

    def folded(self) -> Callable[[Tensor], Tensor]:
        """The same, its linear layer and first transposed convolution as one matrix, which is found here, once."""
        unflatten, first, *rest = self.layers
        assert isinstance(first, Doubling)
        rows = torch.cat([self.linear.weight.T, self.linear.bias.unsqueeze(0)])
        rows = F.conv_transpose2d(unflatten(rows), first.weight, None, (2, 2), (1, 1))
        _, channels, height, width = rows.shape
        rows = rows.permute(0, 2, 3, 1).flatten(1)  # (latent_dim + 1, H * W * C): channels last
        matrix, constant = rows[:-1], rows[-1] + first.bias.repeat(height * width)  # type: ignore[union-attr]

        def decode(z: Tensor) -> Tensor:
            x = torch.addmm(constant, z, matrix).view(-1, height, width, channels).permute(0, 3, 1, 2)
            for layer in rest:
                x = layer(x)
            return x

        return decode


class VAE(nn.Module):
    """A variant's model for images of one shape, initialised as PyTorch does (from its global random generator).

    sigma2: the variance of a gaussian_optimal likelihood, (), which is not trained but set; else None.
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
    """How many numbers are trained."""
    return sum(parameter.numel() for parameter in model.parameters())
