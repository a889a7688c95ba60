"""The most memory that a few steps have held, in a process of its own: `python -m benchmarks.memory PARAMS VARIANT
CONTESTANT IMAGES`."""

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
    """Ours and the notebook's, given a few images."""
    for dataset, (*_, images) in chosen.items():
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "images.npy"
            np.save(file, images.train.images[:1024].cpu().contiguous().numpy())
            for name in ("ours", "notebook"):
                parts = [str(settings.PARAMS), settings.VARIANTS[dataset], name, str(file)]
                held = [float(python("-m", "benchmarks.memory", *parts)) for _ in few_turns()]
                yield row("memory", f"{dataset}: {name}, after {settings.PEAK_STEPS} steps", held, "MiB")


def peak(params: str, name: str, contestant: str, file: str) -> float:
    """MiB: what was reserved on a card; on the CPU the process took, PyTorch itself included."""
    study, where = load_study(Path(params)), choose_device()
    variant = study.variant(name)
    pixels = torch.from_numpy(np.load(file)).to(where).contiguous(memory_format=torch.channels_last)
    split = Split(pixels, torch.zeros(len(pixels), dtype=torch.uint8, device=where))
    maker = {"ours": ours, "notebook": notebook}[contestant]
    maker(variant, study.recipes[variant.recipe], Images(split, split, []))(settings.PEAK_STEPS)
    return peak_memory(where) / 2**20


if __name__ == "__main__":
    print(peak(*sys.argv[1:]))
