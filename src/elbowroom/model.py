"""The two published networks, and a linear one, as encoder and decoder of a VAE or a deterministic autoencoder."""

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from elbowroom import artifacts
from elbowroom.config import Shape, StudyError, Variant


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
        self.layers = nn.Sequential(*(layer for conv in convolutions for layer in (conv, nn.ReLU())), nn.Flatten())
        features = convolutions[-1].out_channels * (height // 8) * (width // 8) if convolutions else math.prod(shape)
        self.mu = nn.Linear(features, variant.latent_dim)
        self.logvar = nn.Linear(features, variant.latent_dim) if variant.model == "vae" else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.layers(x)
        mu = self.mu(features)
        return mu, torch.full_like(mu, -torch.inf) if self.logvar is None else self.logvar(features)


class Decoder(nn.Module):
    """z (B, latent_dim) -> (B, C, H, W), before the likelihood's own link (tanh or sigmoid).

    There is nothing between the linear layer and the first convolution: together they are one linear map of z.
    """

    def __init__(self, variant: Variant, shape: Shape) -> None:
        super().__init__()
        colours, height, width = shape
        c = variant.channels
        layers: list[nn.Module]
        if variant.network == "notebook":  # 7-14-28-28-28
            start = (8 * c, height // 4, width // 4)
            layers = [
                nn.ConvTranspose2d(8 * c, 4 * c, 4, stride=2, padding=1),
                nn.ReLU(),
                nn.ConvTranspose2d(4 * c, 2 * c, 4, stride=2, padding=1),
                nn.ReLU(),
                nn.Conv2d(2 * c, c, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(c, colours, 3, padding=1),
            ]
        elif variant.network == "report":  # 4-8-16-32
            start = (4 * c, height // 8, width // 8)
            layers = [
                nn.ConvTranspose2d(4 * c, 2 * c, 4, stride=2, padding=1),
                nn.ReLU(),
                nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1),
                nn.ReLU(),
                nn.ConvTranspose2d(c, colours, 4, stride=2, padding=1),
            ]
        else:
            start, layers = shape, []
        self.linear = nn.Linear(variant.latent_dim, start[0] * start[1] * start[2])
        self.layers = nn.Sequential(nn.Unflatten(1, start), *layers)

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(self.linear(z))


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


def save_model(path: Path, model: VAE, variant: Variant, seed: int) -> None:
    """Write the weights, with the variant's settings in the header."""
    arrays = {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in model.state_dict().items()}
    artifacts.save_arrays(path, arrays, {"variant": variant.model_dump(), "seed": seed})


def load_model(path: Path, variant: Variant, shape: Shape, where: torch.device) -> VAE:
    """Read the weights of this variant, in evaluation mode. Raises StudyError where they are another's."""
    arrays, header = artifacts.load_arrays(path)
    if (found := header.get("variant")) != (expected := variant.model_dump()):
        differing = [key for key in expected if not isinstance(found, dict) or found.get(key) != expected[key]]
        raise StudyError(f"{path}: found weights of another variant ({', '.join(differing)} differ), run `dvc repro`")
    model = VAE(variant, shape)
    try:
        model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    except RuntimeError as error:
        raise StudyError(
            f"{path}: found {str(error).splitlines()[-1].strip()}, expected this variant's weights"
        ) from None
    return model.to(where).to(memory_format=torch.channels_last).eval()
