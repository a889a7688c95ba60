"""What the command line takes: images from pictures and arrays, latents from tables and arrays."""

import csv
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from elbowroom.api import latents
from elbowroom.core.dataset_settings import FolderDataset
from elbowroom.core.errors import StudyError, short
from elbowroom.core.settings import Shape
from elbowroom.datasets.folder_files import FORMATS
from elbowroom.datasets.picture import fitted, flat, upright

STDIN = "-"
PICTURES, LATENTS = "a PNG, JPEG or the like, or NPZ", "a CSV of numbers, or NPZ"
ARRAYS = (b"PK\x03\x04", b"\x93NUMPY")  # how NPZ and NPY begin


class Adaptation(NamedTuple):
    """What to do to a picture before a model sees it. fit: give it the model's size. invert: swap dark and light.

    dataset: whose settings decide how, as they did for the pictures that the model was trained on. Without one
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
        content, where = _read(source, PICTURES), _named(source)
        if content.startswith(ARRAYS):
            part = _array(where, content, ("images", "pictures"))
            if part.ndim != 4 or part.shape[1:] != shape or not len(part):
                expected = f"(N, {', '.join(map(str, shape))})"
                raise StudyError(f"{where}: found an array of shape {part.shape}, expected {expected}")
            names += [f"{source}[{place}]" for place in range(len(part))]
        else:
            part = _picture(where, content, shape, adaptation)
            names.append(source)
        parts.append(part)
    if len({part.dtype for part in parts}) > 1:  # bytes beside floats: all as floats from 0 to 1
        parts = [part / np.float32(255) if part.dtype == np.uint8 else part for part in parts]
    return np.concatenate(parts), names


def _picture(where: str, content: bytes, shape: Shape, adaptation: Adaptation) -> np.ndarray:
    """Read a picture as (1, C, H, W) uint8, as `prepare` reads those of a folder."""
    channels, height, width = shape
    settings = adaptation.settings(shape)
    try:
        with Image.open(io.BytesIO(content), formats=list(FORMATS)) as opened:
            if adaptation.fit:
                opened.draft("L" if channels == 1 else "RGB", (2 * max(height, width),) * 2)  # as prepare does
            picture = flat(upright(opened), settings)
            picture = fitted(picture, settings) if adaptation.fit else picture.copy()
    except UnidentifiedImageError:
        raise StudyError(f"{where}: found no picture (no known format), expected {PICTURES}") from None
    except Exception as error:  # decoders raise anything for damaged files
        raise StudyError(f"{where}: found no picture ({_reason(error)}), expected {PICTURES}") from None
    if picture.size != (width, height):
        found = f"{picture.width} x {picture.height} pixels"
        raise StudyError(f"{where}: found {found}, expected {width} x {height} (--fit gives it that size)")
    pixels = np.asarray(ImageOps.invert(picture) if adaptation.invert else picture)
    return pixels.reshape(1, height, width, channels).transpose(0, 3, 1, 2)


def read_latents(source: str, latent_dim: int) -> np.ndarray:
    """Read z (N, latent_dim): an array z or mu of an NPZ, an NPY, or the columns z_0, ... or mu_0, ... of a CSV."""
    content, where = _read(source, LATENTS), _named(source)
    found = _array(where, content, ("z", "mu")) if content.startswith(ARRAYS) else _table(where, content)
    return latents(where, found, latent_dim)


def _table(where: str, content: bytes) -> np.ndarray:
    """Read the columns z_0, ... or mu_0, ... of a CSV: (N, how many there are)."""
    try:
        head, *rows = [row for row in csv.reader(io.StringIO(content.decode("utf-8-sig"))) if row]
        columns = _columns(where, head)
        for number, row in enumerate(rows, 1):
            if len(row) != len(head):
                raise StudyError(f"{where}: row {number}: found {len(row)} cells, expected {len(head)}")
        return np.array([[float(row[place]) for place in columns] for row in rows]).reshape(-1, len(columns))
    except UnicodeDecodeError:
        raise StudyError(f"{where}: found no text, expected {LATENTS}") from None
    except (ValueError, csv.Error) as error:
        raise StudyError(f"{where}: found no table ({short(str(error))}), expected {LATENTS}") from None


def _columns(where: str, head: Sequence[str]) -> list[int]:
    """Return the places of z_0, z_1, ... in the head of a table, or of mu_0, mu_1, ... if it has none of these."""
    for name in ("z", "mu"):
        numbered = {
            int(column[len(name) + 1 :]) for column in head if re.fullmatch(rf"{name}_(0|[1-9]\d{{0,8}})", column)
        }
        if missing := [place for place in range(len(numbered)) if place not in numbered]:
            raise StudyError(f"{where}: found {name}_{max(numbered)} and no {name}_{missing[0]}, expected both")
        if numbered:
            return [head.index(f"{name}_{place}") for place in sorted(numbered)]
    raise StudyError(f"{where}: found columns {short(', '.join(head))}, expected z_0, z_1, ... or mu_0, mu_1, ...")


def _named(source: str) -> str:
    return "standard input" if source == STDIN else source


def _read(source: str, expected: str) -> bytes:
    """Read a file, or standard input. Raises StudyError if it is empty or cannot be read."""
    try:
        content = sys.stdin.buffer.read() if source == STDIN else Path(source).read_bytes()
    except OSError as error:
        raise StudyError(f"{_named(source)}: cannot be read ({error.strerror}), expected a file") from None
    if not content or content.isspace():
        raise StudyError(f"{_named(source)}: is empty, expected {expected}")
    return content


def _array(where: str, content: bytes, names: Sequence[str]) -> np.ndarray:
    """Read an NPY, or from an NPZ the array of one of these names, or its only array."""
    try:
        loaded = np.load(io.BytesIO(content), allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        found = [name for name in names if name in loaded] or (loaded.files if len(loaded.files) == 1 else [])
        if not found:
            raise StudyError(
                f"{where}: found arrays {short(', '.join(loaded.files))}, expected one called {' or '.join(names)}"
            )
        array = loaded[found[0]]
        if not isinstance(array, np.ndarray):  # a ZIP of something else
            raise TypeError(f"{found[0]} is none")
        return array
    except StudyError:
        raise
    except Exception as error:  # as for pictures
        raise StudyError(f"{where}: found no array ({_reason(error)}), expected an NPZ or NPY") from None


def _reason(error: Exception) -> str:
    """Say why a file could not be decoded, in one line."""
    return short(str(error).partition("\n")[0]) or type(error).__name__
