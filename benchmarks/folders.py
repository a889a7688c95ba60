"""What it costs to prepare a folder of small pictures: against Pillow alone, which reads and decodes each of them.

`python benchmarks/folders.py [PICTURES]` makes that many PNG files (100,000) of MNIST's digits in the temporary folder.
The two take turns, each by as many processes as there are cores. Processor time, as it depends little on what else the
machine does. Memory is the most that the process held that prepares, less the images themselves.
"""

import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import chain, islice
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))  # the library beside this, not an installed copy

from elbowroom.core.dataset_settings import FolderDataset
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.datasets import folder, layouts

PICTURES, TURNS, IN_A_FOLDER = 100_000, 3, 1000
SETTINGS = FolderDataset(
    source="folder",
    size=28,
    fit="crop",
    colour="grey",
    background="black",
    labels="none",
    test=0.1,
    unreadable="stop",
    train_images=10**6,
    test_images=10**6,
)


def main(pictures: int) -> None:
    with tempfile.TemporaryDirectory() as made:
        write(Path(made), pictures)
        taken: dict[str, list[float]] = {"pillow": [], "prepare": []}
        elapsed: dict[str, list[float]] = {"pillow": [], "prepare": []}
        held = []
        for _ in range(TURNS):
            for name in taken:
                begun, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
                said = subprocess.run([sys.executable, __file__, name, made], check=True, capture_output=True)  # noqa: S603
                ended = resource.getrusage(resource.RUSAGE_CHILDREN)
                elapsed[name].append(time.perf_counter() - start)
                taken[name].append(ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime)
                if name == "prepare":
                    held.append(float(said.stdout))
    print(f"{pictures:,} pictures, {os.cpu_count()} cores")
    for what, seconds in (("processor time", taken), ("time", elapsed)):
        theirs, ours = (statistics.median(seconds[name]) for name in ("pillow", "prepare"))
        ratios = [pillow / ours for pillow, ours in zip(seconds["pillow"], seconds["prepare"], strict=True)]
        print(
            f"{what}: Pillow {theirs:.1f} s, prepare {ours:.1f} s; {statistics.median(ratios):.0%} of Pillow's rate "
            f"({min(ratios):.0%} to {max(ratios):.0%})"
        )
    print(f"memory beside the images: {max(held):.0f} MiB")


def write(root: Path, pictures: int) -> None:
    """Write digits, then digits turned round, then mirrored."""
    arrays = layouts.read(PUBLISHED["mnist"])
    digits = np.concatenate([arrays["train_images"], arrays["test_images"]])
    turned = (each[:, 0] for each in (digits, digits[:, :, ::-1, ::-1], digits[:, :, :, ::-1]))
    for number, digit in enumerate(islice(chain.from_iterable(turned), pictures)):
        place = root / f"{number // IN_A_FOLDER}"
        place.mkdir(exist_ok=True)
        Image.fromarray(np.ascontiguousarray(digit)).save(place / f"{number}.png")


def prepare(root: str) -> None:
    """Prepare the pictures as the stage does. Print the most memory that this process held, without the images, MiB."""
    arrays, _, _ = folder.prepare("digits", root, SETTINGS)
    images = sum(array.nbytes for array in arrays.values())
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - images / 2**20)


def pillow(root: str) -> None:
    with multiprocessing.Pool() as pool:
        pool.map(decode, sorted(Path(root).glob("*/*.png")), chunksize=64)


def decode(path: Path) -> None:
    with Image.open(path) as image:
        np.asarray(image)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["prepare", root]:
            prepare(root)
        case ["pillow", root]:
            pillow(root)
        case [pictures]:
            main(int(pictures))
        case _:
            main(PICTURES)
