"""Measure the most memory that a few steps hold, in a process of their own.

`python -m benchmarks.memory PARAMS VARIANT CONTESTANT IMAGES` does that once, and prints MiB.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import settings
from benchmarks.contestants import notebook, ours
from benchmarks.processes import python
from benchmarks.settings import Setting
from benchmarks.timing import few_turns, row
from elbowroom.core.device import choose_device
from elbowroom.core.params import load_study
from elbowroom.datasets.images import Images, Split
from elbowroom.training.cost import peak_memory


def memory(chosen: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """Compare our steps and the notebook's, on a few images."""
    for dataset, (*_, images) in chosen.items():
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "images.npy"
            np.save(file, images.train.images[:1024].cpu().contiguous().numpy())
            for name in ("ours", "notebook"):
                parts = [str(settings.PARAMS), settings.VARIANTS[dataset], name, str(file)]
                held = [float(python("-m", "benchmarks.memory", *parts)) for _ in few_turns()]
                yield row("memory", f"{dataset}: {name}, after {settings.PEAK_STEPS} steps", held, "MiB")


def peak(params: str, name: str, contestant: str, file: str) -> float:
    """Return MiB: what was reserved on a card; on the CPU, what the process held, with PyTorch itself."""
    study, device = load_study(Path(params)), choose_device()
    variant = study.variant(name)
    pixels = torch.from_numpy(np.load(file)).to(device).contiguous(memory_format=torch.channels_last)
    split = Split(pixels, torch.zeros(len(pixels), dtype=torch.uint8, device=device))
    maker = {"ours": ours, "notebook": notebook}[contestant]
    maker(variant, study.recipes[variant.recipe], Images(split, split, []))(settings.PEAK_STEPS)
    return peak_memory(device) / 2**20


if __name__ == "__main__":
    print(peak(*sys.argv[1:]))
