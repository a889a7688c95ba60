"""Look at a folder of pictures, and choose the settings of a dataset for it: each choice with its reason."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from elbowroom.core.dataset_settings import LARGEST, SMALLEST
from elbowroom.core.errors import StudyError
from elbowroom.datasets import folder_files
from elbowroom.datasets.folder import MOST_CLASSES
from elbowroom.datasets.folder_files import FORMATS, FolderFiles
from elbowroom.datasets.picture import MOST_PIXELS, upright

LOOKED_AT = 200  # pictures at most
USUAL_SIDE = 32  # of images of larger pictures: an epoch of them takes seconds on a CPU
LARGEST_KEPT = 48  # the sides of pictures that are used at their own size
DRAFT = 256  # the sides that a large JPEG is decoded at
COLOURLESS = 4  # the mean distance of an 8-bit pixel's channels, up to which a picture is called grey
CUT = 0.1  # the share of a picture up to which what crop cuts off is not worth a word
MANY = 0.1  # the share of transparent pictures that decides about the background
OTHER_TESTS = (b"val", b"valid", b"validation")  # what others call the folder beside train/
ENOUGH = 200  # pictures from which on a tenth is enough to test on


class Seen(NamedTuple):
    """A picture: its sides in pixels, whether it has colours, the grey of its edge or, if transparent, of the rest."""

    width: int
    height: int
    coloured: bool
    edge: float
    opaque: float | None


@dataclass(frozen=True)
class Look:
    """The settings that a folder's pictures suggest. reasons: a line for each, `KEY: VALUE (WHY)`. count: pictures."""

    settings: dict[str, Any]
    reasons: list[str]
    count: int


def look(path: str, side: int | None) -> Look:
    """Look at some of the pictures in a folder. side: the sides of an image that the user asked for.

    Raises StudyError if there are no pictures, none of those looked at can be read, or the side is out of range.
    """
    if side is not None and not SMALLEST <= side <= LARGEST:
        raise StudyError(f"--size: found {side}, expected {SMALLEST} to {LARGEST} pixels")
    found = folder_files.find(path)
    step = -(-len(found.pictures) // LOOKED_AT)
    seen = [one for picture in found.pictures[::step] if (one := _see(found.path(picture)))]
    if not seen:
        raise StudyError(f"{path}: found {len(found.pictures)} files, none of which can be read, expected pictures")
    size, why = _size(seen, side)
    chosen = {
        "size": (size, why),
        "fit": ("crop", _what_crop_cuts(seen, size)),
        "colour": _colour(seen),
        "background": _background(seen),
        **_split(found),
    }
    reasons = [f"{key}: {value} ({why})" for key, (value, why) in chosen.items()]
    return Look({key: value for key, (value, _) in chosen.items()}, reasons, len(found.pictures))


def _see(path: bytes) -> Seen | None:
    """Read a picture; None if it cannot be read, which `prepare` will report."""
    try:
        with open(path, "rb") as file, Image.open(file, formats=list(FORMATS)) as image:  # noqa: PTH123 (bytes)
            if image.width * image.height > MOST_PIXELS:
                return None
            sides = image.size
            image.draft("RGB", (DRAFT, DRAFT))
            turned = upright(image)
            if turned.size != image.size:
                sides = sides[::-1]
            if turned.mode.startswith("I"):  # grey, of 16 bits
                return Seen(*sides, coloured=False, edge=0, opaque=None)
            transparent = turned.has_transparency_data
            pixels = np.asarray(turned.convert("RGBA"), np.float32)
    except Exception:  # decoders raise anything for damaged files
        return None
    grey, alpha = pixels[..., :3].mean(axis=-1), pixels[..., 3] > 127
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]).mean()
    opaque = float(grey[alpha].mean()) if transparent and alpha.any() and not alpha.all() else None
    return Seen(*sides, bool(np.ptp(pixels[..., :3], axis=-1).mean() > COLOURLESS), float(edge), opaque)


def _size(seen: Sequence[Seen], side: int | None) -> tuple[int | list[int], str]:
    sides = Counter((one.width, one.height) for one in seen)
    (width, height), number = sides.most_common(1)[0]
    said = f"they are {width} x {height}" if number == len(seen) else f"most are {width} x {height}"
    if 2 * number <= len(seen):
        width, height = (int(np.median([getattr(one, name) for one in seen])) for name in ("width", "height"))
        said = f"half of them are at most {width} wide, and {height} high"
    smaller = min(width, height)
    if side is not None:
        return side, f"as you say; {said}" + (", and are enlarged" if side > smaller else "")
    if 2 * number > len(seen) and smaller >= SMALLEST and max(width, height) <= LARGEST_KEPT:
        return (width if width == height else [height, width]), said
    chosen = max(SMALLEST, min(smaller, USUAL_SIDE))
    more = min(2 * chosen, LARGEST)
    if smaller < more:
        return chosen, said
    return chosen, f"{said}; --size {more} shows more, and takes about four times as long"


def _what_crop_cuts(seen: Sequence[Seen], size: int | list[int]) -> str:
    """Say of how many pictures the middle part, as large as fits, leaves out more than a tenth."""
    height, width = size if isinstance(size, list) else (size, size)
    shapes = [one.width / one.height * height / width for one in seen]
    cut = sum(min(shape, 1 / shape) < 1 - CUT for shape in shapes)
    if not cut:
        return "the middle of each picture"
    return f"the middle: {cut} of {len(seen)} looked at lose more than a tenth; pad would keep all of them"


def _colour(seen: Sequence[Seen]) -> tuple[str, str]:
    coloured = sum(one.coloured for one in seen)
    looked = f"of {len(seen)} looked at"
    return ("rgb", f"{coloured} {looked} have colours") if coloured else ("grey", f"none {looked} has colours")


def _background(seen: Sequence[Seen]) -> tuple[str, str]:
    """Choose what contrasts with transparent pictures, if many are; otherwise what the edges of the others show."""
    opaque = [one.opaque for one in seen if one.opaque is not None]
    if len(opaque) >= MANY * len(seen):
        colour, what = ("white", "dark") if float(np.median(opaque)) < 128 else ("black", "bright")
        return colour, f"{len(opaque)} of {len(seen)} looked at are transparent around something {what}"
    bright = float(np.median([one.edge for one in seen if one.opaque is None])) >= 128
    return ("white", "as their edges are") if bright else ("black", "as their edges are")


def _split(found: FolderFiles) -> dict[str, tuple[object, str]]:
    """Choose labels and test images by the folders that the pictures are in."""
    folders = [picture.split(b"/")[:-1] for picture in found.pictures]
    split = {tuple(parts[:1]) for parts in folders} == {(b"train",), (b"test",)}
    classes = {tuple(parts[split : split + 1]) for parts in folders}
    test: tuple[object, str]
    if split:
        test = ("folders", "there are train/ and test/")
    elif len(found.pictures) < ENOUGH:
        test = (0.2, f"a fifth of {len(found.pictures)} pictures, by their content")
    else:
        test = (0.1, f"a tenth of {len(found.pictures):,} pictures, by their content")
    if () in classes or not 2 <= len(classes) <= MOST_CLASSES:
        return {"labels": ("none", _why_no_labels(folders)), "test": test}
    why = f"they are in {len(classes)} folders, taken as classes"
    if {*classes} in [{(b"train",), (other,)} for other in OTHER_TESTS]:
        why += "; call the other one test, if they are a split"
    return {"labels": ("folders", why), "test": test}


def _why_no_labels(folders: Sequence[list[bytes]]) -> str:
    """Say why pictures in these folders have no classes. If all are in one folder, say which classes that one has."""
    around = os.path.commonpath([b"/".join(parts) for parts in folders])
    depth = len(around.split(b"/"))
    classes = {tuple(parts[depth : depth + 1]) for parts in folders}
    if around and () not in classes and 2 <= len(classes) <= MOST_CLASSES:
        return f"all are in {folder_files.shown(around)}: with --images of that, its {len(classes)} folders are classes"
    return "they are not sorted into folders, one for each class"
