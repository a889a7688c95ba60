"""Load a prepared dataset onto the device, and take minibatches of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from elbowroom.core import files, paths
from elbowroom.core.errors import StudyError, shown
from elbowroom.core.pixel_range import PixelRange


class Split(NamedTuple):
    """Images (N, C, H, W) and labels (N,), both uint8; without labels if the dataset has none."""

    images: Tensor
    labels: Tensor | None


@dataclass(frozen=True)
class Images:
    """A dataset on a device, as bytes. classes: by label; none if it has no labels."""

    train: Split
    test: Split
    classes: list[str]

    @property
    def tells_apart(self) -> bool:
        """Whether there are classes to tell apart: two or more."""
        return len(self.classes) > 1

    def first_labels(self, count: int) -> np.ndarray | None:
        """The labels of the first test images; None if there are none."""
        return None if self.test.labels is None else self.test.labels[:count].cpu().numpy()

    def first_names(self, count: int) -> list[str]:
        """The classes of the first test images; empty texts if there are none."""
        labels = self.first_labels(count)
        return [""] * min(count, len(self.test.images)) if labels is None else [self.classes[label] for label in labels]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return tuple(self.test.images.shape[1:])  # type: ignore[return-value]


def load_images(name: str, device: torch.device) -> Images:
    """Load a prepared dataset as bytes on the device, channels last: the layout that convolutions are fastest in.

    Raises StudyError if the file is missing, damaged, or not of this dataset.
    """
    path = paths.data_file(name)
    arrays, header = files.load_arrays(path)
    if (found := header.get("dataset")) != name:
        raise StudyError(f"{path}: found images of {shown(found)}, expected images of {name}")
    shape = _image_shape(path, arrays)
    labelled = header.get("classes") != []
    expected: dict[str, tuple[str, tuple[int, ...]]] = {}
    for split in ("train", "test"):
        images, labels = (arrays.get(f"{split}_{part}", np.empty(0)) for part in ("images", "labels"))
        count = labels.size if labelled else len(images)
        expected[f"{split}_images"] = "uint8", (count, *shape)
        if labelled:
            expected[f"{split}_labels"] = "uint8", (count,)
    files.check_arrays(path, arrays, expected)
    _check_classes(path, arrays, header.get("classes"))
    tensors = {key: torch.from_numpy(array).to(device) for key, array in arrays.items()}
    train, test = (
        Split(tensors[f"{split}_images"].contiguous(memory_format=torch.channels_last), tensors.get(f"{split}_labels"))
        for split in ("train", "test")
    )
    return Images(train, test, header["classes"])


def _image_shape(path: Path, arrays: files.Arrays) -> tuple[int, ...]:
    """Return the shape (C, H, W) of a dataset's images. Raises StudyError if they are neither grey nor RGB."""
    shape = arrays["test_images"].shape[1:] if "test_images" in arrays else ()
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise StudyError(f"{path}: test_images: found images of shape {shape}, expected (1 or 3, height, width)")
    return shape


def _check_classes(path: Path, arrays: files.Arrays, classes: object) -> None:
    """Raise StudyError if a label has no class, or a split no images."""
    if not isinstance(classes, list) or not all(isinstance(label, str) for label in classes):
        raise StudyError(f"{path}: found classes {shown(classes)}, expected a list of names")
    for name in ("train_labels", "test_labels") if classes else ("train_images", "test_images"):
        if not arrays[name].size:
            raise StudyError(f"{path}: {name}: found no images, expected some")
        if not classes:
            continue
        if (largest := arrays[name].max()) >= len(classes):
            raise StudyError(f"{path}: {name}: found label {largest}, expected labels of {len(classes)} classes")


def batches(count: int, size: int, order: Tensor | None = None) -> Iterator[Tensor | slice]:
    """Yield the indices of minibatches, following `order` (N,) if given. The last minibatch may be smaller."""
    for start in range(0, count, size):
        chosen = slice(start, min(start + size, count))
        yield chosen if order is None else order[chosen]


def scale(images: Tensor, pixel_range: PixelRange) -> Tensor:
    """Turn bytes, 0 to 255, into float32 in the pixel range."""
    low, high = pixel_range
    return images.to(torch.float32).mul_((high - low) / 255).add_(low)


def to_bytes(pictures: Tensor) -> np.ndarray:
    """Turn pictures (N, C, H, W) in [0, 1] into bytes."""
    return np.ascontiguousarray((pictures.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy())
