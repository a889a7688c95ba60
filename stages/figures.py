"""figures@<variant>: data/, models/<variant>/, history.csv -> plots/<variant>/*.png, animations/<variant>.gif"""

import numpy as np
from matplotlib.figure import Figure

from elbowroom.core import files, paths
from elbowroom.core.device import choose_device
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.datasets.images import load_images, to_bytes
from elbowroom.figures.curves import training_curves
from elbowroom.figures.image_files import gif_bytes, png_bytes
from elbowroom.figures.latent_maps import evolution_figures, latent_map
from elbowroom.figures.pictures import labelled_images, mosaic
from elbowroom.results import tables
from elbowroom.vae.latent_space import interpolate, principal_plane, prior_samples
from elbowroom.vae.trained import load_shown


def main(name: str) -> None:
    study = load_study()
    settings, device = study.figures, choose_device()
    model, evolution = load_shown(study, name, device)
    images = load_images(model.variant.dataset, device)
    shown = images.test.images[: settings.images]
    inputs, labels = shown.cpu().numpy(), images.test.labels.cpu().numpy()
    mu, _ = model.encode(shown)
    noise = prior_samples(settings.sample_rows**2, model.variant.latent_dim, model.seed).to(device)
    reconstructions, samples = to_bytes(model.decode(mu)), to_bytes(model.decode(noise))
    between_images, between_samples = (
        to_bytes(model.decode(interpolate(z[0], z[1], settings.interpolation_steps))) for z in (mu, noise)
    )
    maps = principal_plane(evolution["mu"][-1]).project(evolution["mu"])
    pictures: dict[str, np.ndarray | Figure] = {
        "images.png": labelled_images(inputs, [images.classes[label] for label in labels[: len(inputs)]]),
        "curves.png": training_curves(tables.history(study, name)),
        "reconstructions.png": mosaic([[inputs], [reconstructions]]),
        "samples.png": mosaic([[row] for row in np.split(samples, settings.sample_rows)]),
        "interpolation.png": mosaic([[inputs[:1], between_images, inputs[1:2]]]),
        "interpolation-samples.png": mosaic([[between_samples]]),
        "map.png": latent_map(maps[-1], labels[: maps.shape[1]], images.classes),
    }
    for file, picture in pictures.items():
        files.write(paths.plot_file(name, file), png_bytes(picture))
    followed = images.test.images[: evolution["reconstructions"].shape[1]].cpu().numpy()
    strip, animation = evolution_figures(evolution, maps, followed, labels[: maps.shape[1]])
    files.write(paths.plot_file(name, "evolution.png"), png_bytes(strip))
    files.write(paths.animation_file(name), gif_bytes(animation, milliseconds=600))


if __name__ == "__main__":
    run(main, "variant")
