"""Checkpoints of a training, so that the same command goes on after any kill, and ends with the same bytes.

They lie in .checkpoints, not in DVC's outs, because DVC deletes outs before it runs a stage. Without them only time is
lost.
"""

import hashlib
import json
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import Any, Self

import torch
from tqdm import tqdm

from elbowroom.core import files
from elbowroom.core.code_digest import Code
from elbowroom.core.errors import StudyError
from elbowroom.core.file_lock import locked
from elbowroom.core.settings import Recipe, Variant
from elbowroom.datasets.images import Images

KEPT = 2  # checkpoints: the last, and the one before it in case the last is damaged
DECISIVE = [  # the code that decides the weights: these classes and what they use
    "elbowroom.training.epochs.Epochs",
    "elbowroom.training.seed_run.SeedRun",
]


def fingerprints(variant: Variant, recipe: Recipe, images: Images, seeds: Iterable[int]) -> dict[int, str]:
    """Return, for each seed, a digest of everything that the weights after an epoch depend on.

    The number of epochs is excluded, so that a longer training resumes a shorter one. Of the code, only what decides
    the weights is included (core/code_digest.py), so that another progress bar leaves checkpoints as they are.
    """
    parts = {
        "variant": variant.model_dump(exclude={"recipe"}),
        "recipe": recipe.model_dump(exclude={"epochs", "seeds"}),
        "images": [_digest(split.images) for split in (images.train, images.test)],
        "code": _code(),
        "torch": torch.__version__,
        "device": images.train.images.device.type,
    }
    texts = {seed: json.dumps(parts | {"seed": seed}, sort_keys=True) for seed in seeds}
    return {seed: hashlib.sha256(text.encode()).hexdigest()[:32] for seed, text in texts.items()}


def _digest(images: torch.Tensor) -> str:
    return hashlib.sha256(images.cpu().contiguous().numpy().data).hexdigest()


@cache
def _code() -> list[str]:
    return Code().lines(DECISIVE)


class Checkpoints:
    """The checkpoints of one training, in a folder of their own: epoch-<n>.safetensors.

    As a context, this locks the folder. A second process waits for the first, then goes on from what that one left.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = ExitStack()

    def __enter__(self) -> Self:
        self._lock.enter_context(locked(self.folder / "lock", "trains the same"))
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def newest(self, most: int) -> tuple[files.Arrays, dict[str, Any]] | None:
        """Read the last sound checkpoint of at most `most` epochs: arrays and header; None if there is none."""
        for epoch in reversed(self._epochs(most)):
            try:
                return self._load(epoch)
            except StudyError as error:
                tqdm.write(f"{error}; not used")
                with suppress(OSError):
                    self._file(epoch).rename(self._file(epoch).with_suffix(".damaged"))
        return None

    def save(self, epoch: int, arrays: files.Arrays, header: dict[str, Any]) -> None:
        """Write a checkpoint, read it again, and only then delete all but the last two."""
        files.save_arrays(self._file(epoch), arrays, header | {"of": self.folder.name})
        self._load(epoch)
        for old in self._epochs(epoch)[:-KEPT]:
            with suppress(OSError):
                self._file(old).unlink()

    def _load(self, epoch: int) -> tuple[files.Arrays, dict[str, Any]]:
        arrays, header = files.load_arrays(self._file(epoch))
        if (header.pop("of", None), header.get("epoch")) != (self.folder.name, epoch):
            raise StudyError(f"{self._file(epoch)}: found a checkpoint of another training or epoch, expected its own")
        return arrays, header

    def _epochs(self, most: int) -> list[int]:
        epochs = (int(path.stem.removeprefix("epoch-")) for path in self.folder.glob("epoch-*.safetensors"))
        return sorted(epoch for epoch in epochs if epoch <= most)

    def _file(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch}.safetensors"
