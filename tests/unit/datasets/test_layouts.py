"""Published sets are read as published: Fashion-MNIST from its archives, others from small made files."""

import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from elbowroom.core.errors import StudyError
from elbowroom.core.files import Arrays
from elbowroom.core.published_sets import PUBLISHED, Layout, PublishedSet
from elbowroom.datasets import download, layouts
from elbowroom.datasets.prepare import prepare
from tests.support.settings import published_set

NOISE = np.random.default_rng(0)


def pixels(source: str, count: int) -> np.ndarray:
    return NOISE.integers(0, 256, (count, *PUBLISHED[source].shape), np.uint8)


def labels(source: str, count: int) -> np.ndarray:
    return NOISE.integers(0, len(PUBLISHED[source].classes), count, np.uint8)


def made(source: str) -> Arrays:
    counts = {"train": 5, "test": 3}
    images = {f"{split}_images": pixels(source, count) for split, count in counts.items()}
    return images | {f"{split}_labels": labels(source, count) for split, count in counts.items()}


def idx(array: np.ndarray) -> bytes:
    """An IDX file, packed: two zeros, the type (8: bytes), the number of dimensions, each dimension, the values."""
    array = array.squeeze(1) if array.ndim == 4 else array
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return gzip.compress(header + array.tobytes())


def mirrored(source: str, folder: Path, content: Mapping[str, bytes]) -> PublishedSet:
    """Write archives into a mirror; return the entry of the set with their md5 and as few images."""
    published = PUBLISHED[source]
    assert set(content) == set(published.archives)
    for name, part in content.items():
        path = folder / published.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(part)
    md5 = {name: hashlib.md5(part, usedforsecurity=False).hexdigest() for name, part in content.items()}
    return replace(published, train_images=5, test_images=3, archives=md5)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ELBOWROOM_MIRROR", str(tmp_path))
    return tmp_path


def check(published: PublishedSet, expected: Arrays) -> None:
    found = layouts.read(published)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == np.uint8
        np.testing.assert_array_equal(found[name], array)


def kmnist(folder: Path, arrays: Arrays) -> PublishedSet:
    parts = {"train-images": "train_images", "train-labels": "train_labels"}
    parts |= {"t10k-images": "test_images", "t10k-labels": "test_labels"}
    named = {f"{part}-idx{3 if 'images' in part else 1}-ubyte.gz": idx(arrays[key]) for part, key in parts.items()}
    return mirrored("kmnist", folder, named)


def test_kmnist_is_read(mirror: Path) -> None:
    check(kmnist(mirror, arrays := made("kmnist")), arrays)


def test_emnist_is_read_and_its_images_are_turned(mirror: Path) -> None:
    arrays, packed = made("emnist-digits"), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("gzip/emnist-letters-train-images-idx3-ubyte.gz", b"of another set")
        for key, array in arrays.items():
            split, part = key.split("_")
            published = array.swapaxes(2, 3) if part == "images" else array  # transposed
            name = f"gzip/emnist-digits-{split}-{part}-idx{3 if part == 'images' else 1}-ubyte.gz"
            file.writestr(name, idx(np.ascontiguousarray(published)))
    check(mirrored("emnist-digits", mirror, {"gzip.zip": packed.getvalue()}), arrays)


def test_cifar100_is_read_with_its_fine_labels(mirror: Path) -> None:
    arrays, packed = made("cifar100"), io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for split in ("train", "test"):
            images = arrays[f"{split}_images"].reshape(-1, 3 * 32 * 32)
            coarse, fine = np.full((len(images), 1), 99, np.uint8), arrays[f"{split}_labels"][:, None]
            content = np.concatenate([coarse, fine, images], axis=1).tobytes()
            info = tarfile.TarInfo(f"cifar-100-binary/{split}.bin")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    check(mirrored("cifar100", mirror, {"cifar-100-binary.tar.gz": packed.getvalue()}), arrays)


def test_svhn_is_read_and_its_10_is_the_digit_0(mirror: Path) -> None:
    arrays, content = made("svhn"), {}
    arrays["test_labels"][:] = [0, 9, 0]
    for split in ("train", "test"):
        packed, digits = io.BytesIO(), arrays[f"{split}_labels"].astype(int)
        savemat(
            packed, {"X": arrays[f"{split}_images"].transpose(2, 3, 1, 0), "y": np.where(digits, digits, 10)[:, None]}
        )
        content[f"{split}_32x32.mat"] = packed.getvalue()
    check(mirrored("svhn", mirror, content), arrays)


def test_another_archive_than_the_published_is_refused(mirror: Path) -> None:
    published = kmnist(mirror, made("kmnist"))
    for name in published.archives:
        other = replace(published, archives=dict(published.archives) | {name: "0" * 32})
        with pytest.raises(StudyError, match=rf"kmnist/{name}: found md5 \w+, expected the published 0+$"):
            layouts.read(other)
    with pytest.raises(StudyError, match=r"train-images-idx3-ubyte: found|bytes in train-images-idx3-ubyte, expected"):
        layouts.read(replace(published, train_images=6))


@pytest.mark.parametrize("source", ["kmnist", "emnist-digits", "cifar100", "svhn"])
def test_garbage_with_the_right_checksum_is_refused_in_one_line(mirror: Path, source: str) -> None:
    """The readers hold even if a checksum were forged."""
    garbage = dict.fromkeys(PUBLISHED[source].archives, b"neither gzip nor zip nor MATLAB" * 9)
    with pytest.raises(StudyError, match=r": found [^\n]+, expected [^\n]+$"):
        layouts.read(mirrored(source, mirror, garbage))


def test_every_entry_is_complete() -> None:
    for source, published in PUBLISHED.items():
        assert len(set(published.classes)) == len(published.classes) == (100 if source == "cifar100" else 10)
        checked = [*published.files.values(), *published.archives.values()]
        assert {len(checksum) for checksum in checked if checksum} <= {32, 64}
        of_files = [all(published.files.values()) and bool(published.files), all(published.archives.values())]
        assert any(of_files), source  # every byte that is read is verified
        assert set(Layout) >= {published.layout}


def test_fashion_mnist_is_fashion_mnist(tmp_path: Path) -> None:
    """As torchvision reads it. Its mean and deviation are known, and each class has a tenth of the images."""
    from torchvision.datasets import FashionMNIST  # its import takes seconds

    published, raw = PUBLISHED["fashion-mnist"], tmp_path / "FashionMNIST/raw"
    raw.mkdir(parents=True)
    for name in published.archives:
        try:
            packed = download.fetch(published.url + name, published.folder + name)
        except StudyError as error:
            pytest.skip(str(error))
        (raw / name.removesuffix(".gz")).write_bytes(gzip.decompress(packed.read_bytes()))
    arrays, header, _ = prepare("clothes", published_set("fashion-mnist", 60_000, 10_000))
    assert header["dataset"] == "clothes"
    assert header["classes"] == FashionMNIST.classes
    for split in ("train", "test"):
        theirs = FashionMNIST(str(tmp_path), train=split == "train")
        np.testing.assert_array_equal(arrays[f"{split}_images"][:, 0], theirs.data)
        np.testing.assert_array_equal(arrays[f"{split}_labels"], theirs.targets)
    assert np.bincount(arrays["train_labels"]).tolist() == [6000] * 10
    values = arrays["train_images"] / 255
    assert (values.mean(), values.std()) == pytest.approx((0.2860, 0.3530), abs=5e-5)
