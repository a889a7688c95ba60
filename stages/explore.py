"""explore@<variant>: data/<dataset>, models/<variant>/ -> explorer/<variant>, models/explorer/<variant>"""

from elbowroom.core.device import choose_device
from elbowroom.core.params import load_study
from elbowroom.core.stage import run
from elbowroom.datasets.images import load_images
from elbowroom.evaluation.explore import explore
from elbowroom.figures import explorer_sheet, live_model
from elbowroom.vae.trained import load_shown


def main(name: str) -> None:
    study = load_study()
    device = choose_device()
    model, evolution = load_shown(study, name, device)
    images = load_images(model.variant.dataset, device)
    explored, live = explore(model, evolution, images, study.figures)
    explorer_sheet.save(name, model.variant, model.seed, explored)
    live_model.save(name, model.variant, model.seed, live)


if __name__ == "__main__":
    run(main, "variant")
