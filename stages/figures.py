"""figures@<variant>: data/<dataset>, models/<variant>/, history.csv -> plots/<variant>/*.png, evolution.gif"""

import numpy as np
import torch
from matplotlib.figure import Figure

from elbowroom.core import files, paths
from elbowroom.core.device import choose_device
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.datasets.images import load_images, scale, to_bytes
from elbowroom.figures.pictures import (
    animation_bytes,
    evolution_figures,
    labelled_images,
    latent_map,
    mosaic,
    picture_bytes,
    training_curves,
)
from elbowroom.results import tables
from elbowroom.vae.latent_space import interpolate, principal_plane, prior_samples
from elbowroom.vae.model import load_evolution, load_model
from elbowroom.vae.objective import pixel_mean


@torch.no_grad()
def main(name: str) -> None:
    study = load_study()
    variant, settings = study.variant(name), study.figures
    where = choose_device()
    images = load_images(variant.dataset, where)
    seed = study.recipes[variant.recipe].seeds[0]
    model = load_model(paths.model_file(name, seed), variant, seed, images.shape, where)
    evolution = load_evolution(paths.evolution_file(name), variant, seed)

    def decode(z: torch.Tensor) -> np.ndarray:
        return to_bytes(pixel_mean(variant, model.decode(z)))

    shown = images.test.images[: settings.images]
    inputs = shown.cpu().numpy()
    labels = images.test.labels.cpu().numpy()
    mu, _ = model.encode(scale(shown, variant.pixel_range))
    noise = prior_samples(settings.sample_rows**2, variant.latent_dim, seed).to(where)
    samples = decode(noise).reshape(settings.sample_rows, settings.sample_rows, *images.shape)
    between_images = decode(interpolate(mu[0], mu[1], settings.interpolation_steps))
    between_samples = decode(interpolate(noise[0], noise[1], settings.interpolation_steps))
    centre, axes, _ = principal_plane(evolution["mu"][-1])
    maps = (evolution["mu"] - centre) @ axes.T
    history = tables.history(study, name)

    pictures: dict[str, np.ndarray | Figure] = {
        "images.png": labelled_images(inputs, [images.classes[label] for label in labels[: len(inputs)]]),
        "curves.png": training_curves(history),
        "reconstructions.png": mosaic([[inputs], [decode(mu)]]),
        "samples.png": mosaic([[row] for row in samples]),
        "interpolation.png": mosaic([[inputs[:1], between_images, inputs[1:2]]]),
        "interpolation-samples.png": mosaic([[between_samples]]),
        "map.png": latent_map(maps[-1], labels[: maps.shape[1]], images.classes),
    }
    for file, picture in pictures.items():
        files.write(paths.plot_file(name, file), picture_bytes(picture))
    followed = images.test.images[: evolution["reconstructions"].shape[1]].cpu().numpy()
    strip, animation = evolution_figures(evolution, maps, followed, labels[: maps.shape[1]])
    files.write(paths.plot_file(name, "evolution.png"), picture_bytes(strip))
    files.write(paths.plot_file(name, "evolution.gif"), animation_bytes(animation, milliseconds=600))


if __name__ == "__main__":
    run(main, "variant")
