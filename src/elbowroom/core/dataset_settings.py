"""The settings of a dataset: which images, how many, and for a folder what becomes of each picture."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from elbowroom.core.setting_types import Count, Name, PositiveInt, Settings

FOLDER = "folder"
SMALLEST, LARGEST = 16, 128  # the sides of an image, pixels
TestImages = Annotated[Count, Field(ge=2)]  # two to interpolate between


def _known_size(size: Any) -> Any:
    sides = size if isinstance(size, list) and len(size) == 2 else [size]
    if not all(type(side) is int and SMALLEST <= side <= LARGEST for side in sides):
        raise ValueError(f"pixels, {SMALLEST} to {LARGEST}, or [height, width]")
    return size


def _known_test(test: Any) -> Any:
    if test != "folders" and not (type(test) is float and 0 < test < 1):
        raise ValueError("a share between 0 and 1, or folders")
    return test


class PublishedDataset(Settings):
    """A published set of images, and how much of it the study uses: the first images of each split."""

    source: Name  # a key of published_sets.PUBLISHED
    train_images: PositiveInt
    test_images: TestImages


class FolderDataset(Settings):
    """The pictures of a folder, which `folders` in params.yaml names. docs/datasets.md explains each setting."""

    source: Literal["folder"]
    size: Annotated[int | list[int], BeforeValidator(_known_size)]  # of a square, or height and width
    fit: Literal["crop", "pad", "stretch"]  # what makes a picture of another shape fit
    colour: Literal["grey", "rgb"]
    background: Literal["black", "white"]  # what transparent pixels and the margins of `pad` show
    labels: Literal["folders", "none"]  # folders: the class of a picture is the first folder that it is in
    test: Annotated[
        float | Literal["folders"], BeforeValidator(_known_test)
    ]  # the share of pictures to test on; folders: those of test/, beside train/
    unreadable: Literal["stop", "skip"]  # what to do if a picture cannot be read
    train_images: PositiveInt  # at most, of each split
    test_images: TestImages

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of an image."""
        height, width = self.size if isinstance(self.size, list) else (self.size, self.size)
        return height, width

    @property
    def channels(self) -> int:
        return 1 if self.colour == "grey" else 3


def _kind(settings: Any) -> str:
    source = settings.get("source") if isinstance(settings, dict) else getattr(settings, "source", None)
    return FOLDER if source == FOLDER else "published"


Dataset = Annotated[
    Annotated[PublishedDataset, Tag("published")] | Annotated[FolderDataset, Tag(FOLDER)], Discriminator(_kind)
]
