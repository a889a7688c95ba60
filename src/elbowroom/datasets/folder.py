"""Prepare the pictures of a folder as a dataset: decode them, leave out duplicates, split them by their content."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from elbowroom.core import files
from elbowroom.core.dataset_settings import FolderDataset
from elbowroom.core.errors import StudyError
from elbowroom.datasets import folder_files
from elbowroom.datasets.decode import Decoded, decode
from elbowroom.datasets.folder_files import FolderFiles

MOST_CLASSES = 256  # a label is a byte
SPLITS = ("train", "test")
NAMED = 20  # unreadable pictures, in what the stage prints


def prepare(name: str, path: str, settings: FolderDataset) -> tuple[files.Arrays, list[str], Counter[str]]:
    """Return {train,test}_images (N, C, H, W) and, if the pictures have classes, {train,test}_labels (N,), uint8.

    Also return the names of the classes, none without labels, and how many images and files there are of each kind.

    Of pictures that become the same image the first by name counts. With a share as `test`, the sha256 of an image
    alone decides about its split, so pictures that are added move no other. Images are in the order of their sha256.
    Raises StudyError if pictures cannot be read, unless they are to be skipped, or if too few are left.
    """
    found = folder_files.find(path)
    classes = _classes(found, settings)
    decoded = decode(found, settings, name)
    _report_failures(name, found, decoded, settings)
    splits = _split(found, decoded, settings)
    used = {split: numbers[: getattr(settings, f"{split}_images")] for split, numbers in splits.items()}
    for split, fewest in (("train", 1), ("test", 2)):
        if len(used[split]) < fewest:
            raise StudyError(
                f"{path}: found {len(used[split])} {split} images of {len(decoded.digests)} pictures, expected "
                f"{fewest} or more (datasets.{name}.test decides)"
            )
    counts = Counter({split: len(numbers) for split, numbers in used.items()})
    counts["not used"] = sum(map(len, splits.values())) - counts.total()
    counts["duplicate"] = len(decoded.digests) - sum(map(len, splits.values()))
    counts["unreadable"] = len(decoded.failures)
    counts["several frames"] = decoded.several_frames
    counts["other file"], counts["hidden"] = found.others, found.hidden
    order = [*used["train"], *used["test"]]
    move_to_front(decoded.images, order)
    border = len(used["train"])
    arrays = {"train_images": decoded.images[:border], "test_images": decoded.images[border : len(order)]}
    if classes:
        arrays |= {f"{split}_labels": _labels(found, used[split], classes, settings) for split in SPLITS}
    return arrays, classes, counts


def _class_of(picture: bytes, settings: FolderDataset) -> bytes:
    """Return the name of the folder that is a picture's class; nothing if it is in none."""
    folders = picture.split(b"/")[settings.test == "folders" : -1]
    return folders[0] if folders else b""


def _classes(found: FolderFiles, settings: FolderDataset) -> list[str]:
    """Name the classes, sorted; none without labels. Raises StudyError if a picture is not where it has to be."""
    root = folder_files.shown(found.root)
    if settings.test == "folders":
        for picture in found.pictures:
            if picture.split(b"/")[0] not in (b"train", b"test") or b"/" not in picture:
                raise StudyError(
                    f"{root}/{folder_files.shown(picture)}: found a picture outside train/ and test/, expected all "
                    "pictures in these (or a share as test)"
                )
    if settings.labels == "none":
        return []
    names = set()
    for picture in found.pictures:
        if not (name := _class_of(picture, settings)):
            raise StudyError(
                f"{root}/{folder_files.shown(picture)}: found a picture in no class's folder, expected one there "
                "(or labels: none)"
            )
        names.add(folder_files.shown(name))
    if len(names) > MOST_CLASSES:
        raise StudyError(
            f"{root}: found {len(names)} folders, expected at most {MOST_CLASSES} classes (or labels: none)"
        )
    return sorted(names)


def _labels(found: FolderFiles, numbers: Sequence[int], classes: list[str], settings: FolderDataset) -> np.ndarray:
    place = {name: number for number, name in enumerate(classes)}
    of_pictures = [place[folder_files.shown(_class_of(found.pictures[number], settings))] for number in numbers]
    return np.array(of_pictures, np.uint8)


def _report_failures(name: str, found: FolderFiles, decoded: Decoded, settings: FolderDataset) -> None:
    """Print which pictures cannot be read. Raises StudyError, with the first of them, unless they are to be skipped."""
    said = [
        f"{folder_files.shown(found.path(found.pictures[number]))}: found {why}"
        for number, why in sorted(decoded.failures.items())
    ]
    if said and settings.unreadable == "stop":
        others = len(said) - 1
        more = f"; {others} more {'picture' if others == 1 else 'pictures'} cannot be read" if others else ""
        raise StudyError(f"{said[0]}, expected a picture{more} (datasets.{name}.unreadable: skip leaves them out)")
    for line in said[:NAMED]:
        print(f"skipped {line}")
    if len(said) > NAMED:
        print(f"skipped {len(said) - NAMED} more")


def _split(found: FolderFiles, decoded: Decoded, settings: FolderDataset) -> dict[str, list[int]]:
    """Return the numbers of the files in each split, each image once, by the sha256 of the images.

    A picture that is in train/ and in test/ is tested on, and not trained on.
    """
    first: dict[bytes, int] = {}
    for number, digest in sorted(decoded.digests.items()):  # test/ comes before train/
        first.setdefault(digest, number)
    splits: dict[str, list[int]] = {split: [] for split in SPLITS}
    for digest, number in sorted(first.items()):
        if settings.test == "folders":
            split = "test" if found.pictures[number].startswith(b"test/") else "train"
        else:
            split = "test" if int.from_bytes(digest[:8]) < settings.test * 2**64 else "train"
        splits[split].append(number)
    return splits


def move_to_front(images: np.ndarray, order: Iterable[int]) -> None:
    """Rearrange images (N, ...) in place, so that the first are those with these numbers, in this order."""
    chosen = list(order)
    kept = set(chosen)
    source = chosen + [number for number in range(len(images)) if number not in kept]
    done = np.zeros(len(images), bool)
    for start in range(len(images)):
        if done[start] or source[start] == start:
            continue
        place, saved = start, images[start].copy()
        while source[place] != start:
            images[place] = images[source[place]]
            done[place] = True
            place = source[place]
        images[place] = saved
        done[place] = True
