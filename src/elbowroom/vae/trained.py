"""A trained model as one object: encode, decode, reconstruct, sample, save and load."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from elbowroom.core import files, paths
from elbowroom.core.errors import StudyError
from elbowroom.core.settings import Shape, Study, Variant
from elbowroom.core.weights import set_weights, weights
from elbowroom.datasets.images import batches, scale
from elbowroom.vae import fast_cpu, objective
from elbowroom.vae.latent_space import prior_samples
from elbowroom.vae.model import VAE
from elbowroom.vae.model_files import check_seed, read_header

ENCODE_BATCH = 1000  # images at once, unless a caller says otherwise
DECODE_BATCH = 256  # z at once, likewise


@dataclass(frozen=True, eq=False)
class TrainedVAE:
    """A trained network and all that is needed to use it. Its methods compute no gradients.

    name, variant: the variant's name in params.yaml and its settings. seed: the seed that it was trained with.
    shape: (C, H, W) of an image. network: on any device, not to be moved to another.
    decoder: what decodes instead of the network's own decoder, if not None (see `prepared`).
    """

    name: str
    variant: Variant
    seed: int
    shape: Shape
    network: VAE
    decoder: Callable[[Tensor], Tensor] | None = None

    @cached_property
    def fast(self) -> VAE:
        """The network as it computes here: accelerated, in evaluation mode."""
        return fast_cpu.accelerate(self.network).eval()

    @property
    def device(self) -> torch.device:
        return self.network.encoder.mu.weight.device

    @torch.no_grad()
    def encode(self, images: Tensor, batch_size: int = ENCODE_BATCH) -> tuple[Tensor, Tensor]:
        """Encode images (N, C, H, W) uint8: mu and logvar of q(z|x), both (N, latent_dim)."""
        scaled = (scale(images[batch], self.variant.pixel_range) for batch in batches(len(images), batch_size))
        mu, logvar = zip(*map(self.fast.encode, scaled), strict=True)
        return torch.cat(mu), torch.cat(logvar)

    @torch.no_grad()
    def decode(self, z: Tensor, batch_size: int = DECODE_BATCH) -> Tensor:
        """Decode z (N, latent_dim): the means of p(x|z) as pictures (N, C, H, W) in [0, 1]."""
        return torch.cat(list(self.decode_batches(z, batch_size)))

    @torch.no_grad()
    def decode_batches(self, z: Tensor, batch_size: int = DECODE_BATCH) -> Iterator[Tensor]:
        """Decode z (N, latent_dim) as `decode` does, but yield the pictures of each batch."""
        for batch in batches(len(z), batch_size):
            yield objective.pixel_mean(self.variant, self._decoded(z[batch])).clamp(0, 1)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Encode and decode images (N, C, H, W) uint8: pictures in [0, 1], decoded from mu."""
        return self.decode(self.encode(images)[0])

    def sample(self, count: int, seed: int) -> Tensor:
        """Decode `count` z ~ N(0, I): pictures (count, C, H, W) in [0, 1]. A seed is the same noise for every model."""
        return self.decode(prior_samples(count, self.variant.latent_dim, seed).to(self.device))

    @torch.no_grad()
    def distortion(self, images: Tensor, z: Tensor) -> Tensor:
        """Compute -log p(x|z) of images (B, C, H, W) uint8 given z (B, latent_dim), in one batch: (B,), nats."""
        x = scale(images, self.variant.pixel_range)
        return objective.distortion(self.variant, x, self._decoded(z), self.network.sigma2)

    def prepared(self, count: int) -> "TrainedVAE":
        """Return the same model, made ready to decode `count` z in all: faster, equal up to rounding."""
        with torch.no_grad():
            return replace(self, decoder=fast_cpu.decoder_for(self.network, count))

    def _decoded(self, z: Tensor) -> Tensor:
        return (self.decoder or self.fast.decode)(z)

    def save(self, path: Path) -> None:
        """Write the weights as safetensors, with everything else in the header."""
        header = {"name": self.name, "variant": self.variant.model_dump(), "seed": self.seed, "shape": self.shape}
        files.save_arrays(path, weights(self.network), header)


def load_model(path: Path, device: torch.device, variant: Variant | None = None, seed: int | None = None) -> TrainedVAE:
    """Read a model that `TrainedVAE.save` wrote.

    Raises StudyError if the file is damaged, is no model, or is not of this variant and seed (None: of any).
    """
    arrays, header = files.load_arrays(path)
    _check_owner(path, header, variant, seed)
    known = read_header(path, header)
    colours, height, width = known.shape
    network = VAE(known.variant, (colours, height, width))
    set_weights(network, arrays, path)
    network.to(device).to(memory_format=torch.channels_last)
    return TrainedVAE(known.name, known.variant, known.seed, (colours, height, width), network)


def save_evolution(path: Path, evolution: files.Arrays, variant: Variant, seed: int) -> None:
    """Write snapshots through training (training/snapshots.py says what they hold), with the variant's settings."""
    files.save_arrays(path, evolution, {"variant": variant.model_dump(), "seed": seed})


def load_evolution(path: Path, variant: Variant, seed: int) -> files.Arrays:
    """Read snapshots through training. Raises StudyError if they are another variant's or seed's."""
    arrays, header = files.load_arrays(path)
    _check_owner(path, header, variant, seed)
    missing = {"epochs", "mu", "reconstructions"} - arrays.keys()
    if missing:
        raise StudyError(f"{path}: found no {', '.join(sorted(missing))}, expected snapshots through training")
    return arrays


def load_shown(study: Study, name: str, device: torch.device) -> tuple[TrainedVAE, files.Arrays]:
    """Read what pictures show of a variant: the model of its first seed, and that model's snapshots."""
    variant = study.variant(name)
    seed = study.recipes[variant.recipe].seeds[0]
    model = load_model(paths.model_file(name, seed), device, variant, seed)
    return model, load_evolution(paths.evolution_file(name), variant, seed)


def _check_owner(path: Path, header: dict[str, Any], variant: Variant | None, seed: int | None) -> None:
    """Raise StudyError if the header names another variant's settings or another seed than these."""
    if variant is not None and (found := header.get("variant")) != (expected := variant.model_dump()):
        differing = [key for key in expected if not isinstance(found, dict) or found.get(key) != expected[key]]
        raise StudyError(f"{path}: found results of another variant ({', '.join(differing)} differ), run `dvc repro`")
    check_seed(path, header.get("seed"), seed)
