"""`elbowroom sample`, `reconstruct`, `interpolate`, `encode` and `decode`: what elbowroom.api does, on files."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import torch

from elbowroom.api import Model, load_model
from elbowroom.app.inputs import Adaptation, read_images, read_latents
from elbowroom.app.outputs import Target
from elbowroom.core import paths
from elbowroom.core.dataset_settings import FolderDataset
from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.datasets.images import to_bytes
from elbowroom.figures.image_files import png_bytes
from elbowroom.figures.pictures import mosaic
from elbowroom.vae.model_files import is_file

COLUMNS = 10  # pictures in a row of a PNG


def sample(options: Namespace) -> int:
    """Decode points of the prior."""
    return _write_pictures(options, _model(options).sample(options.count, options.noise))


def reconstruct(options: Namespace) -> int:
    """Encode images and decode them again. A PNG shows the images above their reconstructions."""
    model = _model(options)
    images, _ = read_images(options.images, model.shape, _adaptation(options))
    return _write_pictures(options, model.reconstruct(images), images)


def interpolate(options: Namespace) -> int:
    """Decode a path from one image to another."""
    model = _model(options)
    images, names = read_images([options.first, options.second], model.shape, _adaptation(options))
    if len(images) != 2:
        raise StudyError(f"{options.first}, {options.second}: found {len(names)} images, expected one in each")
    return _write_pictures(options, model.interpolate(images[0], images[1], options.steps))


def encode(options: Namespace) -> int:
    """Write mu and logvar of each image."""
    model = _model(options)
    images, names = read_images(options.images, model.shape, _adaptation(options))
    mu, logvar = model.encode(images)
    target = Target.of(options.output, options.format, ("csv", "npz"))
    if target.format == "npz":
        return target.write_arrays({"mu": mu, "logvar": logvar, "image": np.array(names)})
    columns = {f"mu_{place}": column for place, column in enumerate(mu.T)}
    if model.variant.model == "vae":
        columns |= {f"logvar_{place}": column for place, column in enumerate(logvar.T)}
    return target.write_table(["image", *columns], zip(names, *columns.values(), strict=True))


def decode(options: Namespace) -> int:
    """Decode latents."""
    model = _model(options)
    return _write_pictures(options, model.decode(read_latents(options.latents, model.variant.latent_dim)))


def _model(options: Namespace) -> Model:
    return load_model(options.model, options.study, options.seed)


def _adaptation(options: Namespace) -> Adaptation:
    """Adapt pictures as those were that a study's model was trained on. A file does not say how that was."""
    dataset = None
    if not is_file(options.model, options.study):
        study = load_study(Path(options.study) / paths.PARAMS)
        dataset = study.datasets[study.variants[options.model].dataset]
    return Adaptation(options.fit, options.invert, dataset if isinstance(dataset, FolderDataset) else None)


def _write_pictures(options: Namespace, pictures: np.ndarray, above: np.ndarray | None = None) -> int:
    """Write pictures (N, C, H, W) in [0, 1], as they are or as a PNG that shows them in rows.

    above: images, uint8 or in [0, 1], to show above them.
    """
    target = Target.of(options.output, options.format, ("png", "npz"))
    if target.format == "npz":
        return target.write_arrays({"pictures": pictures})
    layers = [_bytes(layer) for layer in (above, pictures) if layer is not None]
    columns = COLUMNS if above is not None else max(COLUMNS, round(len(pictures) ** 0.5))
    rows = [[layer[start : start + columns]] for start in range(0, len(pictures), columns) for layer in layers]
    return target.write(png_bytes(mosaic(rows)))


def _bytes(images: np.ndarray) -> np.ndarray:
    return images if images.dtype == np.uint8 else to_bytes(torch.from_numpy(images))
