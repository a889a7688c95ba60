"""How many images of a dataset are used, and how many files are not: metrics/datasets/<dataset>.csv."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from elbowroom.core import paths
from elbowroom.results.families import DatasetName
from elbowroom.results.schema import Column, Table, columns, load_table, to_rows


class Kind(StrEnum):
    """What became of an image or of a file."""

    TRAIN = "train"
    TEST = "test"
    NOT_USED = "not used"  # beyond the number that the settings ask for
    DUPLICATE = "duplicate"
    UNREADABLE = "unreadable"
    SEVERAL_FRAMES = "several frames"  # the first of them is used
    OTHER_FILE = "other file"
    HIDDEN = "hidden"


@dataclass(frozen=True)
class ImageCount:
    """A row of the table."""

    dataset: DatasetName
    kind: Annotated[Kind, Column("text", choices=tuple(Kind))]
    images: Annotated[int, Column("whole", low=0, high=2**53)]


IMAGE_COUNTS = Table(columns(ImageCount), key=["kind"], optional=True)


def image_counts(dataset: str, counts: Mapping[str, int]) -> list[ImageCount]:
    """Return a row for each split, and for each other kind that there is any of."""
    kept = (Kind.TRAIN, Kind.TEST)
    return [ImageCount(dataset, kind, counts.get(kind, 0)) for kind in Kind if kind in kept or counts.get(kind)]


def load_image_counts(dataset: str) -> list[ImageCount]:
    """Read the rows of a dataset; none of results from before they were written."""
    table = load_table(paths.images_file(dataset), IMAGE_COUNTS, {"dataset": [dataset]})
    return to_rows(ImageCount, table)
