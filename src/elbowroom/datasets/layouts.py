"""Read published sets, each by the layout of its files, as verified arrays of all their images."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from elbowroom.core.files import Arrays
from elbowroom.core.published_sets import Layout, PublishedSet
from elbowroom.datasets import archives


def read(published: PublishedSet) -> Arrays:
    """Read all images of a published set: {train,test}_images (N, C, H, W) and {train,test}_labels (N,), uint8.

    Raises StudyError if an archive is missing, damaged or not the published one.
    """
    readers = {
        Layout.IDX: idx,
        Layout.ZIPPED_IDX: zipped_idx,
        Layout.CIFAR: cifar,
        Layout.MATLAB: matlab,
    }
    return readers[published.layout](published)


def _archives(published: PublishedSet) -> Iterator[Path]:
    for name, md5 in published.archives.items():
        yield archives.fetched(published.url + name, published.folder + name, md5)


def idx(published: PublishedSet) -> Arrays:
    """Read MNIST's four IDX files, each packed by gzip."""
    arrays: Arrays = {}
    for archive in _archives(published):
        content = archives.unpacked(archive)
        if sha256 := published.files.get(archive.stem):
            archives.verify(archive, archive.stem, content, sha256)
        arrays |= _idx(published, archive, archive.stem, content)
    return arrays


def zipped_idx(published: PublishedSet) -> Arrays:
    """Read the IDX files of EMNIST, which are in one zip, and turn its images: they are published transposed."""
    (archive,) = _archives(published)
    arrays: Arrays = {}
    for name in published.files:
        arrays |= _idx(published, archive, Path(name).stem, archives.in_zip(archive, name))
    return {key: array.swapaxes(2, 3) if array.ndim == 4 else array for key, array in arrays.items()}


def _idx(published: PublishedSet, archive: Path, name: str, content: bytes) -> Arrays:
    """Read an IDX file: a header of 16 bytes (8 before labels), then a byte per pixel or label."""
    split, pixels = "train" if "train-" in name else "test", "images" in name
    array = np.frombuffer(content, np.uint8)[16 if pixels else 8 :]
    count = published.train_images if split == "train" else published.test_images
    if array.size != (expected := count * math.prod(published.shape) if pixels else count):
        raise archives.damaged(archive, f"{array.size} bytes in {name}", f"{expected} after its header")
    return {f"{split}_{'images' if pixels else 'labels'}": array.reshape(-1, *published.shape) if pixels else array}


def cifar(published: PublishedSet) -> Arrays:
    """Read CIFAR's binary version: records of one label (CIFAR-100: the coarse one and the fine one) and of pixels.

    The last label counts.
    """
    (archive,) = _archives(published)
    members = archives.in_tar(archive, archives.unpacked(archive))
    parts: dict[str, list[memoryview]] = {"train": [], "test": []}
    for path, sha256 in published.files.items():
        if path not in members:
            raise archives.damaged(archive, f"no {path} in it", f"the .bin files of {published.title}'s binary version")
        name = path.rpartition("/")[2]
        if sha256:
            archives.verify(archive, name, members[path], sha256)
        parts["test" if name.startswith("test") else "train"].append(members[path])
    pixels = math.prod(published.shape)
    arrays: Arrays = {}
    for split, count in (("train", published.train_images), ("test", published.test_images)):
        content = np.concatenate([np.frombuffer(part, np.uint8) for part in parts[split]])
        if content.size % count or content.size // count <= pixels:
            raise archives.damaged(archive, f"{content.size} bytes of {split} images", f"{count} records")
        records = content.reshape(count, -1)
        arrays[f"{split}_images"] = records[:, -pixels:].reshape(-1, *published.shape)
        arrays[f"{split}_labels"] = records[:, -pixels - 1]
    return arrays


def matlab(published: PublishedSet) -> Arrays:
    """Read the two files of SVHN: X (H, W, C, N) and y (N, 1), in which 10 stands for the digit 0."""
    from scipy.io import loadmat  # type: ignore[import-untyped]  # slow to import, and only these files need it

    arrays: Arrays = {}
    counts = {"train": published.train_images, "test": published.test_images}
    for archive, (split, count) in zip(_archives(published), counts.items(), strict=True):
        with archives.readable(archive):
            content = loadmat(archive, variable_names=["X", "y"])
        images, labels = (content.get(name, np.zeros(0, np.uint8)) for name in ("X", "y"))
        channels, height, width = published.shape
        if images.shape != (height, width, channels, count) or labels.size != count or images.dtype != np.uint8:
            raise archives.damaged(archive, f"images {images.dtype} {images.shape}", f"{count} of {published.title}")
        arrays[f"{split}_images"] = images.transpose(3, 2, 0, 1)
        arrays[f"{split}_labels"] = (labels.reshape(-1) % 10).astype(np.uint8)
    return arrays
