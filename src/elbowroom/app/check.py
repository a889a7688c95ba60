"""`elbowroom check`: check all of params.yaml."""

from elbowroom.core.params import load_study
from elbowroom.core.paths import PARAMS


def run() -> int:
    """Say how much params.yaml describes. Raises StudyError, in one line, if something is wrong with it."""
    study = load_study()
    seeds = sum(len(study.recipes[variant.recipe].seeds) for variant in study.variants.values())
    counts = {"dataset": len(study.datasets), "variant": len(study.variants), "training": seeds}
    said = ", ".join(f"{number} {what}{'s' * (number != 1)}" for what, number in counts.items())
    print(f"{PARAMS} is sound: {said}")
    return 0
