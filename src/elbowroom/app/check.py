"""`elbowroom check`: check all of params.yaml, and that the folders of pictures that it names are there."""

from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.paths import PARAMS
from elbowroom.core.text import counted
from elbowroom.datasets import folder_files


def run() -> int:
    """Say how much params.yaml describes. Raises StudyError, in one line, if something is wrong with it."""
    study = load_study()
    for name, path in study.folders.items():
        try:
            folder_files.find(path)
        except StudyError as error:
            raise StudyError(f"{PARAMS}: folders.{name}: {error}") from None
    seeds = sum(len(study.recipes[variant.recipe].seeds) for variant in study.variants.values())
    counts = {"dataset": len(study.datasets), "variant": len(study.variants), "training": seeds}
    said = ", ".join(counted(number, what) for what, number in counts.items())
    print(f"{PARAMS} is sound: {said}")
    return 0
