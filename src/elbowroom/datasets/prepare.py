"""Prepare a dataset: read its images, keep those that the study uses."""

from collections import Counter
from typing import NamedTuple

from elbowroom.core import files
from elbowroom.core.dataset_settings import Dataset, FolderDataset, PublishedDataset
from elbowroom.core.errors import StudyError
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.datasets import layouts

FEWEST = 2  # training images: one alone has no spread


class Prepared(NamedTuple):
    """A dataset as it is written.

    arrays: {train,test}_images (N, C, H, W) and, unless it is unlabelled, {train,test}_labels (N,), uint8. header: the
    dataset's name, the names of its classes (none if unlabelled) and the arrays' sha256. counts: how many images are in
    each split, and how many images and files are not used, by the reason.
    """

    arrays: files.Arrays
    header: dict[str, object]
    counts: Counter[str]


def prepare(name: str, settings: Dataset, path: str = "") -> Prepared:
    """Prepare a dataset. path: of its pictures, if it is a folder. Raises StudyError if its images cannot be used."""
    if isinstance(settings, FolderDataset):
        from elbowroom.datasets import folder  # needs Pillow, which a machine that trains may lack

        arrays, classes, counts = folder.prepare(name, path, settings)
    else:
        arrays, classes, counts = first_images(settings)
    if len(arrays["train_images"]) < FEWEST:
        raise StudyError(f"datasets.{name}: found 1 training image, expected {FEWEST} or more")
    return Prepared(arrays, {"dataset": name, "classes": classes, "sha256": files.digest(arrays, {})}, counts)


def first_images(settings: PublishedDataset) -> tuple[files.Arrays, list[str], Counter[str]]:
    """Read a published set, verify all of its files, keep the first images of each split.

    Returns arrays, classes and counts, as in Prepared.
    """
    published = PUBLISHED[settings.source]
    arrays = layouts.read(published)
    counts: Counter[str] = Counter()
    for split, count in (("train", settings.train_images), ("test", settings.test_images)):
        counts[split] = count
        counts["not used"] += len(arrays[f"{split}_images"]) - count
        for part in ("images", "labels"):
            arrays[f"{split}_{part}"] = arrays[f"{split}_{part}"][:count].copy()
    return arrays, list(published.classes), counts
