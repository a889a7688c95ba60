"""How fast variants train here, measured by a few steps on random images: `python -m elbowroom.training.speed NAME...`.

Prints a JSON object: the variant -> training images a second, all seeds that train side by side counted.
"""

import json
import sys
import time
from collections.abc import Iterable

import torch

from elbowroom.core.device import choose_device
from elbowroom.core.params import load_study
from elbowroom.core.published_sets import image_shape
from elbowroom.core.settings import Recipe, Shape, Study, Variant
from elbowroom.datasets.images import Images, Split
from elbowroom.training.epochs import Epochs
from elbowroom.training.seed_run import SeedRun

STEPS = 4  # of an epoch that is timed
SECONDS = 1.0  # of timed epochs, at least: the fastest counts, as others may run


def speeds(study: Study, names: Iterable[str]) -> dict[str, float]:
    """Measure variants. One stands for all that differ from it in latent size alone, which hardly matters."""
    device, found = choose_device(), {}
    measured: dict[str, float] = {}
    for name in names:
        variant = study.variant(name)
        settings = study.datasets[variant.dataset]
        alike = variant.model_dump_json(exclude={"latent_dim"})
        if alike not in measured:
            share = settings.test_images / settings.train_images
            measured[alike] = speed(variant, study.recipes[variant.recipe], image_shape(settings), share, device)
        found[name] = measured[alike]
    return found


def speed(variant: Variant, recipe: Recipe, shape: Shape, test_share: float, device: torch.device) -> float:
    """Return training images a second. shape: (C, H, W); test_share: how many test images there are for each of them.

    The first of the short epochs is not timed: it allocates memory and, on a card, records the steps.
    """
    count = STEPS * recipe.batch_size
    images = Images(_noise(count, shape, device), _noise(max(1, round(count * test_share)), shape, device), [])
    seeds = recipe.seeds if device.type == "cuda" else recipe.seeds[:1]
    epochs = Epochs([SeedRun(variant, recipe, images, seed) for seed in seeds])
    times: list[float] = []
    while sum(times[1:]) < SECONDS:
        start = time.perf_counter()
        for _ in epochs.train():
            pass
        times.append(time.perf_counter() - start)
    return count * len(seeds) / min(times[1:])


def _noise(count: int, shape: Shape, device: torch.device) -> Split:
    images = torch.randint(256, (count, *shape), dtype=torch.uint8, device=device)
    return Split(images.contiguous(memory_format=torch.channels_last), None)


if __name__ == "__main__":
    print(json.dumps(speeds(load_study(), sys.argv[1:])))
