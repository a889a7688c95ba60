"""What the command line takes: images from pictures and arrays, latents from tables and arrays."""

import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
from PIL import Image, ImageOps

from elbowroom.core.dataset_settings import FolderDataset
from elbowroom.core.errors import StudyError, short
from elbowroom.core.settings import Shape
from elbowroom.datasets.picture import UnreadableError, fitted, flat, upright

STDIN = "-"
ARRAYS = (b"PK\x03\x04", b"\x93NUMPY")  # how NPZ and NPY begin


class Adaptation(NamedTuple):
    """What to do to a picture before a model sees it. fit: give it the model's size. invert: swap dark and light.

    dataset: of which the settings decide how, as they did for the pictures that the model was trained on. Without one
    a picture is cropped around the middle, and white shows through what is transparent.
    """

    fit: bool
    invert: bool
    dataset: FolderDataset | None = None

    def settings(self, shape: Shape) -> FolderDataset:
        """Return settings of a dataset for images of this shape."""
        channels, *sides = shape
        like = self.dataset or FolderDataset(
            source="folder",
            size=32,
            fit="crop",
            colour="rgb",
            background="white",
            labels="none",
            test=0.5,
            unreadable="stop",
            train_images=1,
            test_images=2,
        )
        return like.model_copy(update={"size": sides, "colour": "grey" if channels == 1 else "rgb"})


def read_images(sources: Sequence[str], shape: Shape, adaptation: Adaptation) -> tuple[np.ndarray, list[str]]:
    """Read images for a model of this shape: (N, C, H, W), uint8 if all of them are, and a name for each.

    sources: pictures that Pillow reads, NPZ and NPY of images; "-" is standard input. Only pictures are adapted.
    """
    parts, names = [], []
    for source in sources:
        content = _read(source)
        if content.startswith(ARRAYS):
            part = _array(source, content, ("images", "pictures"))
            if part.ndim != 4 or part.shape[1:] != shape or not len(part):
                expected = f"(N, {', '.join(map(str, shape))})"
                raise StudyError(f"{source}: found an array of shape {part.shape}, expected {expected}")
            names += [f"{source}[{place}]" for place in range(len(part))]
        else:
            part = _picture(source, content, shape, adaptation)
            names.append(source)
        parts.append(part)
    if len({part.dtype for part in parts}) > 1:  # bytes beside floats: all as floats from 0 to 1
        parts = [part / np.float32(255) if part.dtype == np.uint8 else part for part in parts]
    return np.concatenate(parts), names


def _picture(source: str, content: bytes, shape: Shape, adaptation: Adaptation) -> np.ndarray:
    """Read a picture as (1, C, H, W) uint8, as `prepare` reads those of a folder."""
    channels, height, width = shape
    settings = adaptation.settings(shape)
    try:
        with Image.open(io.BytesIO(content)) as opened:
            if adaptation.fit:
                opened.draft("L" if channels == 1 else "RGB", (2 * max(height, width),) * 2)  # as prepare does
            picture = flat(upright(opened), settings)
            picture = fitted(picture, settings) if adaptation.fit else picture.copy()
    except (UnreadableError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = short(str(error).partition("\n")[0])
        raise StudyError(f"{source}: found no picture ({reason}), expected a PNG, JPEG or the like, or NPZ") from None
    if picture.size != (width, height):
        found = f"{picture.width} x {picture.height} pixels"
        raise StudyError(f"{source}: found {found}, expected {width} x {height} (--fit gives it that size)")
    pixels = np.asarray(ImageOps.invert(picture) if adaptation.invert else picture)
    return pixels.reshape(1, height, width, channels).transpose(0, 3, 1, 2)


def read_latents(source: str) -> np.ndarray:
    """Read z (N, latent_dim): an array z or mu of an NPZ, an NPY, or the columns z_0, ... or mu_0, ... of a CSV."""
    content = _read(source)
    if content.startswith(ARRAYS):
        return _array(source, content, ("z", "mu"))
    try:
        head, *rows = csv.reader(io.StringIO(content.decode()))
        for name in ("z", "mu"):
            columns = [f"{name}_{place}" for place in range(len(head)) if f"{name}_{place}" in head]
            if columns and columns == [f"{name}_{place}" for place in range(len(columns))]:
                places = [head.index(column) for column in columns]
                return np.array([[float(row[place]) for place in places] for row in rows], np.float32)
    except (ValueError, IndexError, csv.Error) as error:
        raise StudyError(f"{source}: found no table ({short(str(error))}), expected a CSV of numbers") from None
    raise StudyError(f"{source}: found columns {short(', '.join(head))}, expected z_0, z_1, ... or mu_0, mu_1, ...")


def _read(source: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if source == STDIN else Path(source).read_bytes()
    except OSError as error:
        raise StudyError(f"{source}: cannot be read ({error.strerror}), expected a file") from None


def _array(source: str, content: bytes, names: Sequence[str]) -> np.ndarray:
    """Read an NPY, or from an NPZ the array of one of these names, or its only array."""
    try:
        loaded = np.load(io.BytesIO(content), allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        found = [name for name in names if name in loaded] or (loaded.files if len(loaded.files) == 1 else [])
        if not found:
            raise StudyError(
                f"{source}: found arrays {short(', '.join(loaded.files))}, expected one called {' or '.join(names)}"
            )
        array: np.ndarray = loaded[found[0]]
        return array
    except (OSError, ValueError, EOFError, KeyError, BadZipFile) as error:
        raise StudyError(f"{source}: found no array ({short(str(error))}), expected an NPZ or NPY") from None
