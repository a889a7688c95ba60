"""Draw what a trained model does: reconstructions, samples, interpolations, its latent space through training."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from torch import Tensor

from elbowroom.core.files import Arrays
from elbowroom.core.settings import Figures
from elbowroom.datasets.images import Images, to_bytes
from elbowroom.figures.curves import training_curves
from elbowroom.figures.latent_maps import evolution_figures, latent_map
from elbowroom.figures.pictures import labelled_images, mosaic
from elbowroom.vae.latent_space import interpolate, principal_plane, prior_samples
from elbowroom.vae.trained import TrainedVAE


@dataclass(frozen=True)
class ModelPictures:
    """The pictures of a model.

    stills: by file name in plots/<variant>/, figures or mosaics of pixels. evolution: frames of an animation.
    """

    stills: dict[str, np.ndarray | Figure]
    evolution: list[Figure]


def model_pictures(
    model: TrainedVAE, evolution: Arrays, images: Images, history: pd.DataFrame, settings: Figures
) -> ModelPictures:
    """Draw all pictures of a model. evolution: its snapshots through training. history: that of all its seeds."""
    shown = images.test.images[: settings.images]
    inputs = shown.cpu().numpy()
    mu, _ = model.encode(shown)
    noise = prior_samples(settings.sample_rows**2, model.variant.latent_dim, model.seed).to(mu.device)
    samples = np.split(_decoded(model, noise), settings.sample_rows)
    between_images, between_samples = (
        _decoded(model, interpolate(z[0], z[1], settings.interpolation_steps)) for z in (mu, noise)
    )
    maps = principal_plane(evolution["mu"][-1]).project(evolution["mu"])
    map_labels = images.first_labels(maps.shape[1])
    followed = images.test.images[: evolution["reconstructions"].shape[1]].cpu().numpy()
    strip, frames = evolution_figures(evolution, maps, followed, map_labels)
    stills: dict[str, np.ndarray | Figure] = {
        "images.png": labelled_images(inputs, images.first_names(len(inputs))),
        "curves.png": training_curves(history),
        "reconstructions.png": mosaic([[inputs], [_decoded(model, mu)]]),
        "samples.png": mosaic([[row] for row in samples]),
        "interpolation.png": mosaic([[inputs[:1], between_images, inputs[1:2]]]),
        "interpolation-samples.png": mosaic([[between_samples]]),
        "map.png": latent_map(maps[-1], map_labels, images.classes),
        "evolution.png": strip,
    }
    return ModelPictures(stills, frames)


def _decoded(model: TrainedVAE, z: Tensor) -> np.ndarray:
    return to_bytes(model.decode(z))
