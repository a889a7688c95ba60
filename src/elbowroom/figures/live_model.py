"""What the report's page needs to decode a variant itself: int8 layers, and places in latent space to start from."""

from typing import Any, NamedTuple

from elbowroom.core import paths
from elbowroom.core.errors import StudyError
from elbowroom.core.files import Arrays, load_arrays, save_arrays
from elbowroom.core.pixel_range import PixelRange
from elbowroom.core.settings import Variant

Layers = list[dict[str, Any]]  # descriptions of vae.int8.Layer


class LiveModel(NamedTuple):
    """A variant's decoder, which takes only the latents that matter, and its encoder if the page could use one.

    link: the function that turns the decoder's output into the mean of a pixel, in pixel_range. latents: the numbers of
    the K latents that the decoder takes, the most used first. encoder: None, or the layers that give their mu. arrays:
    - decoder, encoder (B,): the scales and biases of all layers, float32, then all weights, int8
    - amounts (K,): the KL of each latent in nats (an autoencoder: the variance of mu)
    - middle, deviation (K,): of the prior (an autoencoder: of mu)
    - centre (K,), axes (2, K): the plane of the map
    - ends (N, K): mu of the test images to slide between
    """

    link: str
    pixel_range: PixelRange
    latents: list[int]
    decoder: Layers
    encoder: Layers | None
    arrays: Arrays


def save(name: str, variant: Variant, seed: int, live: LiveModel) -> None:
    """Write a variant's live model, with the variant's settings in the header."""
    fields = live._asdict()
    arrays = fields.pop("arrays")
    save_arrays(paths.live_file(name), arrays, {"variant": variant.model_dump(), "seed": seed, "model": fields})


def load(name: str, variant: Variant, seed: int) -> LiveModel:
    """Read a variant's live model. Raises StudyError if it is another variant's or seed's."""
    path = paths.live_file(name)
    arrays, header = load_arrays(path)
    if (header.get("variant"), header.get("seed")) != (variant.model_dump(), seed):
        raise StudyError(f"{path}: found results of another variant or seed, run `dvc repro`")
    if "model" not in header:
        raise StudyError(f"{path}: found no decoder, expected one as the explore stage writes it")
    return LiveModel(**header["model"], arrays=arrays)
