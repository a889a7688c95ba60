"""The settings of a dataset: which images, how many, and for a folder what becomes of each picture."""

from typing import Annotated

from pydantic import Field

from elbowroom.core.setting_types import Count, Name, PositiveInt, Settings


class PublishedDataset(Settings):
    """A published set of images, and how much of it the study uses: the first images of each split."""

    source: Name  # a key of published_sets.PUBLISHED
    train_images: PositiveInt
    test_images: Annotated[Count, Field(ge=2)]  # two to interpolate between


Dataset = PublishedDataset
