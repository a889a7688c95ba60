"""The tables of a dataset: what became of its images, and how its judge was trained."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

import pandas as pd

from elbowroom.core import paths
from elbowroom.core.dataset_settings import FolderDataset
from elbowroom.core.settings import Study
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
    """A row of metrics/datasets/<dataset>.csv."""

    dataset: DatasetName
    kind: Annotated[Kind, Column("text", choices=tuple(Kind))]
    images: Annotated[int, Column("whole", low=0, high=2**53)]


IMAGE_COUNTS = Table(columns(ImageCount), key=["kind"], optional=True)
JUDGE = Table(
    {"dataset": Column("text"), "epoch": Column("whole", low=1), "train_loss": Column(low=0)}
    | {"test_accuracy": Column(low=0, high=1), "second_test_accuracy": Column(low=0, high=1, empty=True)},
    key=["epoch"],
)


def image_counts(dataset: str, counts: Mapping[str, int]) -> list[ImageCount]:
    """Return a row for each split, and for each other kind that there is any of."""
    kept = (Kind.TRAIN, Kind.TEST)
    return [ImageCount(dataset, kind, counts.get(kind, 0)) for kind in Kind if kind in kept or counts.get(kind)]


def judge(study: Study, dataset: str) -> pd.DataFrame:
    """Read how a dataset's judge was trained: a row for each epoch; none if a folder has no classes."""
    path, expected = (
        paths.judge_history_file(dataset),
        {"dataset": [dataset], "epoch": range(1, study.judge.epochs + 1)},
    )
    may_be_empty = isinstance(study.datasets[dataset], FolderDataset)
    table = load_table(path, replace(JUDGE, may_be_empty=may_be_empty), {})
    return table if table.empty else load_table(path, JUDGE, expected)


def load_image_counts(dataset: str) -> list[ImageCount]:
    """Read the rows of a dataset; none of results from before they were written."""
    table = load_table(paths.images_file(dataset), IMAGE_COUNTS, {"dataset": [dataset]})
    return to_rows(ImageCount, table)
