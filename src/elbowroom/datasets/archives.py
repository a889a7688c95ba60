"""Read published archives as verified arrays. They are unpacked in memory: nothing in them is written to a file.

To add a dataset, add a function here, its entry in prepare.READERS, and its facts in core.settings.DATASETS.
"""

import contextlib
import gzip
import hashlib
import io
import tarfile
import zlib
from itertools import islice
from pathlib import Path

import numpy as np

from elbowroom.core import files
from elbowroom.core.errors import StudyError, short
from elbowroom.datasets import download

MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
# Of the unpacked files, since a mirror may have packed them anew.
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
CIFAR10_SHA256 = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
LARGEST = 200 * 2**20  # bytes: no published archive is larger when unpacked
MEMBERS = 100  # read no more of a tar than this; the published one has nine
CIFAR10_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def mnist() -> tuple[files.Arrays, list[str]]:
    """Read MNIST's four IDX files: a header of 16 bytes (8 before labels), then a byte per pixel or label.

    Returns the arrays that `prepare` describes, of all images, and the names of the classes.
    """
    arrays = {}
    for name, sha256 in MNIST_SHA256.items():
        archive = download.fetch(f"{MNIST_URL}{name}.gz", f"mnist/{name}.gz")
        pixels = "images" in name
        array = _verified(archive, name, memoryview(_unpacked(archive)), sha256)[16 if pixels else 8 :]
        split = "train" if name.startswith("train") else "test"
        arrays[f"{split}_{'images' if pixels else 'labels'}"] = array.reshape(-1, 1, 28, 28) if pixels else array
    return arrays, [str(digit) for digit in range(10)]


def cifar10() -> tuple[files.Arrays, list[str]]:
    """Read CIFAR-10's binary version: six files of 10000 records, each one label and 3 x 32 x 32 pixels.

    Returns the arrays that `prepare` describes, of all images, and the names of the classes.
    """
    archive = download.fetch(CIFAR10_URL, "cifar-10-binary.tar.gz")
    content = _unpacked(archive)
    members = _members(archive, content)
    batches = []
    for name, sha256 in CIFAR10_SHA256.items():
        path = f"cifar-10-batches-bin/{name}"
        if path not in members:
            raise damaged(archive, f"no {path} in it", "the six .bin files of CIFAR-10's binary version")
        batches.append(_verified(archive, name, members[path], sha256).reshape(10_000, 1 + 3 * 32 * 32))
    train, test = np.concatenate(batches[:5]), batches[5]
    arrays = {}
    for split, records in (("train", train), ("test", test)):
        arrays[f"{split}_images"] = records[:, 1:].reshape(-1, 3, 32, 32)
        arrays[f"{split}_labels"] = records[:, 0]
    return arrays, CIFAR10_CLASSES


def _unpacked(archive: Path) -> bytes:
    """Unpack a gzip file. Raises StudyError if it is damaged, or holds more than LARGEST bytes (a gzip bomb)."""
    try:
        with archive.open("rb") as file:
            if file.read(100).lstrip()[:1] == b"<":
                raise damaged(archive, "HTML (an error page?)", "the published archive")
        with gzip.open(archive) as packed:
            content = packed.read(LARGEST + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise damaged(archive, short(str(error)), "the published archive") from None
    except OSError as error:
        raise StudyError(f"{archive}: cannot be read ({error.strerror}), expected the published archive") from None
    if len(content) > LARGEST:
        raise damaged(archive, f"more than {LARGEST} bytes in it", "the published archive")
    return content


def _members(archive: Path, content: bytes) -> dict[str, memoryview]:
    """Find the plain files in a tar by name, and copy none. If two have the same name, the last counts, as for tar."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
            return {
                member.name: memoryview(content)[member.offset_data :][: member.size]
                for member in islice(tar, MEMBERS)
                if member.isreg()
            }
    except (tarfile.TarError, ValueError, OSError, RecursionError) as error:
        raise damaged(archive, short(str(error)), "the published archive") from None


def _verified(archive: Path, name: str, content: memoryview, sha256: str) -> np.ndarray:
    """Return a published file as uint8. Raises StudyError if its sha256 is another."""
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise damaged(archive, f"{name} with sha256 {found}", f"the published {sha256}")
    return np.frombuffer(content, np.uint8)


def damaged(archive: Path, found: str, expected: str) -> StudyError:
    """Return the error for an archive that is not the published one. Delete it if it was downloaded."""
    advice = ""
    if archive.is_relative_to(download.cache()):
        with contextlib.suppress(OSError):
            archive.unlink()
            advice = " (deleted: run again)"
    return StudyError(f"{archive}: found {found}, expected {expected}{advice}")
