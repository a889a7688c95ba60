"""Measure what whole epochs of the published split cost, and how the cost grows with their number."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks import settings
from benchmarks.contestants import notebook
from benchmarks.settings import Setting
from benchmarks.timing import few_turns, ratios, row
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.training.cuda_graph import WARM_UP
from elbowroom.training.loop import train


class Starts(tqdm):
    """Notes when the first batch of each epoch is counted: by then the epoch before is done and its losses are read."""

    def __init__(self, images: int) -> None:
        super().__init__(disable=True)
        self.images, self.seen = images, 0
        self.times: list[float] = []

    def update(self, n: float | None = 1) -> bool | None:
        if self.seen % self.images == 0:
            self.times.append(time.perf_counter())
        self.seen += int(n or 0)
        return None


def epoch_seconds(setting: Setting, seeds: int) -> list[float]:
    """Return the seconds of each of TURNS epochs of seeds side by side, with shuffling and tests.

    The epochs before the last capture are not counted.
    """
    variant, recipe, images = setting
    starts = Starts(seeds * len(images.train.images))
    longer = recipe.model_copy(update={"epochs": WARM_UP + 2 + settings.TURNS})
    list(train(variant, longer, images, range(seeds), starts))
    return np.diff(starts.times)[WARM_UP + 1 :].tolist()


def whole_epochs(chosen: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """Measure an epoch of the whole published split, of one seed and of five side by side."""
    for dataset in chosen:
        facts = PUBLISHED[dataset]
        setting = settings.read(dataset, facts.train_images, facts.test_images)
        one, five = (epoch_seconds(setting, seeds) for seeds in (1, 5))
        yield row("fit", f"{dataset}: an epoch of {facts.train_images} images and its test, one seed", one, "s")
        yield row("fit", f"{dataset}: the same of 5 seeds, over one", ratios(five, one), "x")
        loop, steps = notebook(*setting), facts.train_images // setting[1].batch_size
        theirs = [loop(steps) for _ in few_turns()]
        yield row(
            "fit",
            f"{dataset}: the notebook's loop over as many images, over one",
            ratios(theirs, one[: len(theirs)]),
            "x",
        )


def growth(chosen: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """Fit seconds = flat + epochs * each to training and its tests, by least squares in each turn."""
    for dataset, (variant, recipe, images) in chosen.items():
        counts = settings.EPOCHS[images.train.images.device.type]
        few = settings.first(images, settings.EPOCH_IMAGES)
        flat, off = [], []
        for _ in few_turns():
            seconds = []
            for count in counts:
                start = time.perf_counter()
                list(train(variant, recipe.model_copy(update={"epochs": count}), few, [0], tqdm(disable=True)))
                seconds.append(time.perf_counter() - start)
            each, constant = np.polyfit(counts, seconds, 1)
            flat.append(100 * constant / each)
            off.append(100 * float(np.abs(np.polyval([each, constant], counts) / seconds - 1).max()))
        label = f"{dataset}: what {counts} epochs of {settings.EPOCH_IMAGES} images take beside, over one epoch"
        yield row("work", label, flat, "%")
        yield row("work", f"{dataset}: farthest that one of these is from linear in epochs", off, "%")
