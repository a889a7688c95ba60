"""Prepare a dataset: read its images, keep those that the study uses."""

from elbowroom.core import files
from elbowroom.core.dataset_settings import Dataset
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.datasets import layouts


def prepare(name: str, settings: Dataset) -> tuple[files.Arrays, dict[str, object]]:
    """Read a published dataset, verify all of its files, keep the first images of each split.

    Returns uint8 arrays {train,test}_images (N, C, H, W) and {train,test}_labels (N,), and a header with the class
    names and the arrays' sha256. Raises StudyError if a file is missing, damaged or not the published one.
    """
    published = PUBLISHED[settings.source]
    arrays = layouts.read(published)
    for split, count in (("train", settings.train_images), ("test", settings.test_images)):
        for part in ("images", "labels"):
            arrays[f"{split}_{part}"] = arrays[f"{split}_{part}"][:count].copy()
    return arrays, {"dataset": name, "classes": list(published.classes), "sha256": files.digest(arrays, {})}
