"""Where training stands, kept so that the same command goes on from there, after any kill and to the same bytes.

In .checkpoints, outside DVC's outs, which DVC deletes before it runs a stage. With that folder only time is lost.
"""

import ast
import fcntl
import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import Any, Self

import torch
from tqdm import tqdm

from elbowroom import artifacts
from elbowroom.config import Recipe, StudyError, Variant
from elbowroom.data import Images

FOLDER = Path(".checkpoints")
KEPT = 2  # checkpoints: the one before the last is used where the last is damaged
CODE = (
    "adam",
    "data",
    "fit",
    "layers",
    "model",
    "objective",
    "side_by_side",
    "training",
)  # modules that decide the weights


def fingerprint(variant: Variant, recipe: Recipe, images: Images, seed: int) -> str:
    """A name for all that the weights after an epoch depend on.

    The number of epochs is not of it: more of them go on from where fewer ended. Neither are comments in the code.
    """
    parts = {
        "variant": variant.model_dump(exclude={"recipe"}),
        "recipe": recipe.model_dump(exclude={"epochs", "seeds"}),
        "seed": seed,
        "images": [_digest(split.images) for split in (images.train, images.test)],
        "code": [_syntax(name) for name in CODE],
        "torch": torch.__version__,
        "device": images.train.images.device.type,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _digest(images: torch.Tensor) -> str:
    return hashlib.sha256(images.cpu().contiguous().numpy().data).hexdigest()


@cache
def _syntax(module: str) -> str:
    """The digest of a module's syntax tree, without docstrings."""
    return syntax_digest(Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8"))


def syntax_digest(code: str) -> str:
    """The digest of what a module does, whatever its comments, docstrings and layout say."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


class Checkpoints:
    """Those of one training in a folder of its own: epoch-<n>.safetensors.

    As a context it locks the folder. A second process waits there for the first, and goes on from what that one left.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / "lock").open("a+")
        except OSError as error:
            raise StudyError(f"{self.folder}: found {error.strerror}, expected a writable folder") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            tqdm.write(f"{self.folder}: in training by process {self._lock.read()}, waiting for it")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()
        for part in self.folder.glob("*.part"):  # what a kill left
            part.unlink()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def newest(self, most: int) -> tuple[artifacts.Arrays, dict[str, Any]] | None:
        """Arrays and header of the last epoch, up to the `most`-th, of which there is a sound checkpoint."""
        for epoch in reversed(self._epochs(most)):
            try:
                return artifacts.load_arrays(self._file(epoch))
            except StudyError as error:
                tqdm.write(f"{error}; the checkpoint before it is used")
        return None

    def save(self, epoch: int, arrays: artifacts.Arrays, header: dict[str, Any]) -> None:
        """Write a checkpoint and read it again, and only then delete those before the one before it."""
        artifacts.save_arrays(self._file(epoch), arrays, header)
        artifacts.load_arrays(self._file(epoch))
        for old in self._epochs(epoch)[:-KEPT]:
            self._file(old).unlink()

    def _epochs(self, most: int) -> list[int]:
        epochs = (int(path.stem.removeprefix("epoch-")) for path in self.folder.glob("epoch-*.safetensors"))
        return sorted(epoch for epoch in epochs if epoch <= most)

    def _file(self, epoch: int) -> Path:
        return self.folder / f"epoch-{epoch}.safetensors"
