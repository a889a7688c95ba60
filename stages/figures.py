"""figures@<variant>: data/, models/<variant>/, history.csv -> plots/<variant>/*.png, animations/<variant>.gif"""

from elbowroom.core import files, paths
from elbowroom.core.device import choose_device
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.datasets.images import load_images
from elbowroom.evaluation.model_pictures import model_pictures
from elbowroom.figures.image_files import gif_bytes, png_bytes
from elbowroom.results import tables
from elbowroom.vae.trained import load_shown


def main(name: str) -> None:
    study = load_study()
    device = choose_device()
    model, evolution = load_shown(study, name, device)
    images = load_images(model.variant.dataset, device)
    pictures = model_pictures(model, evolution, images, tables.history(study, name), study.figures)
    for file, picture in pictures.stills.items():
        files.write(paths.plot_file(name, file), png_bytes(picture))
    files.write(paths.animation_file(name), gif_bytes(pictures.evolution, milliseconds=600))


if __name__ == "__main__":
    run(main, "variant")
