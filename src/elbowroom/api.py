"""A trained model for arrays: what `elbowroom.load` returns.

The examples run in a folder where the variant mnist-z6 was trained. Images are (N, C, H, W): how many, channels (1 or
3), height, width.

>>> import elbowroom, numpy
>>> model = elbowroom.load("mnist-z6")
>>> model
<mnist-z6, seed 0: VAE, 6 latents, images (1, 28, 28)>
>>> pictures = model.sample(4)
>>> pictures.shape, pictures.dtype, bool(pictures.min() >= 0), bool(pictures.max() <= 1)
((4, 1, 28, 28), dtype('float32'), True, True)
>>> mu, logvar = model.encode(pictures)
>>> mu.shape, logvar.shape
((4, 6), (4, 6))
>>> bool((model.reconstruct(pictures) == model.decode(mu)).all())
True
>>> model.interpolate(pictures[0], pictures[1], steps=5).shape
(5, 1, 28, 28)
>>> model.encode(numpy.full((1, 1, 28, 28), 255.0))
Traceback (most recent call last):
elbowroom.core.errors.StudyError: images: found floats from 255 to 255, expected floats from 0 to 1, or uint8
>>> model.encode(numpy.zeros((28, 28), numpy.uint8))
Traceback (most recent call last):
elbowroom.core.errors.StudyError: images: found an array of shape (28, 28), expected (N, 1, 28, 28)
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from elbowroom.core.device import choose_device
from elbowroom.core.errors import StudyError, whole
from elbowroom.core.settings import Shape, Variant
from elbowroom.vae import trained
from elbowroom.vae.latent_space import interpolate
from elbowroom.vae.model_files import find_model


class Encoded(NamedTuple):
    """q(z|x) of images: its means and the logarithms of its variances, both (N, latent_dim) float32.

    An autoencoder's code is a point: its logvar is -inf.
    """

    mu: np.ndarray
    logvar: np.ndarray


class Model:
    """A trained model that takes and gives arrays.

    Images go in as (N, C, H, W) uint8, or as floats from 0 to 1. Pictures come out as float32 from 0 to 1. Whatever
    NumPy reads as an array will do, a tensor on the CPU too. All methods raise StudyError, in one line, for an array of
    another shape, type or range.

    trained: the same model for tensors (vae/trained.py). name, variant, seed, shape: as there.
    """

    def __init__(self, model: trained.TrainedVAE) -> None:
        self.trained = model

    @property
    def name(self) -> str:
        return self.trained.name

    @property
    def variant(self) -> Variant:
        return self.trained.variant

    @property
    def seed(self) -> int:
        return self.trained.seed

    @property
    def shape(self) -> Shape:
        """(C, H, W) of an image."""
        return self.trained.shape

    def __repr__(self) -> str:
        kind, latents = self.variant.model.upper(), self.variant.latent_dim
        return f"<{self.name}, seed {self.seed}: {kind}, {latents} latents, images {self.shape}>"

    def encode(self, images: ArrayLike) -> Encoded:
        """Encode images (N, C, H, W): mu and logvar of q(z|x), both (N, latent_dim)."""
        mu, logvar = self.trained.encode(self._images("images", images))
        return Encoded(_array(mu), _array(logvar))

    def decode(self, z: ArrayLike) -> np.ndarray:
        """Decode z (N, latent_dim): the means of p(x|z) as pictures (N, C, H, W)."""
        return _array(self.trained.decode(self._latents(z)))

    def reconstruct(self, images: ArrayLike) -> np.ndarray:
        """Encode images (N, C, H, W), and decode their mu: pictures of the same shape."""
        return self.decode(self.encode(images).mu)

    def sample(self, count: int, noise: int = 0) -> np.ndarray:
        """Decode `count` z ~ N(0, I): pictures (count, C, H, W).

        noise: a seed, 0 to 2^31 - 1, the same noise for every model. Another count is other noise, too.
        """
        count, noise = self._count("count", count, 1), whole("noise", _number(noise), 0)
        return _array(self.trained.sample(count, noise))

    def interpolate(self, first: ArrayLike, second: ArrayLike, steps: int = 10) -> np.ndarray:
        """Decode the straight path from the mu of one image to that of another, each (C, H, W): (steps, C, H, W)."""
        steps = self._count("steps", steps, 2)
        ends = [
            self._images(name, _to_array(name, each)[None]) for name, each in (("first", first), ("second", second))
        ]
        (start,), (end,) = (self.trained.encode(image)[0] for image in ends)
        return _array(self.trained.decode(interpolate(start, end, steps)))

    def _count(self, name: str, value: int, least: int) -> int:
        """Check how many pictures to decode, and whether there is memory for them, before any is decoded."""
        count = whole(name, _number(value), least)
        try:
            np.empty((count, *self.shape), np.float32)
        except (MemoryError, ValueError):
            raise StudyError(f"{name}: found {count}, expected fewer pictures, for which there is memory") from None
        return count

    def _images(self, name: str, images: ArrayLike) -> Tensor:
        """Check images, and return them as bytes, or as floats from 0 to 255, on the model's device."""
        array = _to_array(name, images)
        if array.ndim != 4 or array.shape[1:] != self.shape or not len(array):
            found, expected = array.shape, f"(N, {', '.join(map(str, self.shape))})"
            if name != "images":
                found, expected = found[1:], str(self.shape)
            raise StudyError(f"{name}: found an array of shape {found}, expected {expected}")
        if array.dtype == np.uint8:
            return torch.from_numpy(np.array(array)).to(self.trained.device)
        if array.dtype.kind != "f":
            raise StudyError(f"{name}: found {_kind(array)}, expected uint8, or floats from 0 to 1")
        low, high = array.min(), array.max()
        if not (low >= 0 and high <= 1):
            raise StudyError(
                f"{name}: found floats from {low:.4g} to {high:.4g}, expected floats from 0 to 1, or uint8"
            )
        return torch.from_numpy(array.astype(np.float32) * np.float32(255)).to(self.trained.device)

    def _latents(self, z: ArrayLike) -> Tensor:
        return torch.from_numpy(latents("z", z, self.variant.latent_dim)).to(self.trained.device)


def load_model(model: str | Path, study: str | Path, seed: int | None) -> Model:
    """Do what `elbowroom.load` says."""
    choice = find_model(model, study, _number(seed))
    return Model(trained.load_model(choice.path, choose_device(), choice.variant, choice.seed))


def latents(name: str, z: ArrayLike, latent_dim: int) -> np.ndarray:
    """Return z (N, latent_dim) as float32. Raises StudyError, which begins with the name, if it is anything else."""
    array = _to_array(name, z)
    if array.ndim != 2 or array.shape[1] != latent_dim or not len(array):
        raise StudyError(f"{name}: found an array of shape {array.shape}, expected (N, {latent_dim})")
    if array.dtype.kind not in "fiu":
        raise StudyError(f"{name}: found {_kind(array)}, expected numbers")
    with np.errstate(over="ignore"):
        numbers = array.astype(np.float32)
    if len(wrong := array[~np.isfinite(numbers)]):
        raise StudyError(f"{name}: found {wrong[0]:.4g}, expected finite numbers of float32")
    return numbers


def _number(value: Any) -> Any:
    """Return a number of NumPy or PyTorch as Python's, and an array of several, which is none, as a list."""
    return value.tolist() if hasattr(value, "tolist") else value


def _kind(array: np.ndarray) -> str:
    return "text" if array.dtype.kind in "SUT" else str(array.dtype)


def _to_array(name: str, values: ArrayLike) -> np.ndarray:
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise StudyError(f"{name}: found what NumPy cannot read ({reason}), expected an array") from None


def _array(tensor: Tensor) -> np.ndarray:
    """Return a tensor as an array, rows first."""
    return np.ascontiguousarray(tensor.cpu().numpy())
