"""Published archives -> verified arrays; and minibatches of them, on the device.

The archives come from where they are published, or from ELBOWROOM_MIRROR: a folder, or a base URL (file://, https://).
Adding a dataset is one function here with its entry in READERS, and its facts in config.DATASETS.
"""

import contextlib
import gzip
import hashlib
import io
import os
import re
import sys
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlparse

import numpy as np
import platformdirs
import torch
from torch import Tensor

from elbowroom import artifacts
from elbowroom.config import Dataset, StudyError

MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
# Of the published files, unpacked: a mirror may have packed them anew.
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
LARGEST = 50 * 2**20  # bytes: no published file is larger, unpacked
CIFAR10_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


class Split(NamedTuple):
    """Images (N, C, H, W) and labels (N,), both uint8."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Images:
    """A dataset on a device, held once, as bytes."""

    train: Split
    test: Split
    classes: list[str]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return tuple(self.test.images.shape[1:])  # type: ignore[return-value]


# --- archives -> arrays --------------------------------------------------------------------------------------------


def mnist() -> tuple[artifacts.Arrays, list[str]]:
    """MNIST's four IDX files: a header of 16 bytes, or 8 before labels, and then a byte for each pixel or label."""
    arrays = {}
    for name, sha256 in MNIST_SHA256.items():
        archive = fetch(f"{MNIST_URL}{name}.gz", f"mnist/{name}.gz")
        with _unpacking(archive), gzip.open(archive) as file:
            content = file.read(LARGEST)
        pixels = "images" in name
        array = _verified(archive, name, content, sha256)[16 if pixels else 8 :]
        split = "train" if name.startswith("train") else "test"
        arrays[f"{split}_{'images' if pixels else 'labels'}"] = array.reshape(-1, 1, 28, 28) if pixels else array
    return arrays, [str(digit) for digit in range(10)]


def cifar10() -> tuple[artifacts.Arrays, list[str]]:
    """CIFAR-10's binary version: six files of 10000 records, one label and 3 x 32 x 32 pixels each."""
    archive = fetch(CIFAR10_URL, "cifar-10-binary.tar.gz")
    found = {}
    with _unpacking(archive), tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            if member.size > LARGEST:
                raise damaged(archive, f"{member.name!r} of {member.size} bytes", f"{LARGEST} at most")
            if member.isfile():
                found[member.name] = tar.extractfile(member).read()  # type: ignore[union-attr]
    batches = []
    for name, sha256 in CIFAR10_SHA256.items():
        path = f"cifar-10-batches-bin/{name}"
        if path not in found:
            raise damaged(archive, f"no {path} in it", "the six .bin files of CIFAR-10's binary version")
        batches.append(_verified(archive, name, found[path], sha256).reshape(10_000, 1 + 3 * 32 * 32))
    train, test = np.concatenate(batches[:5]), batches[5]
    arrays = {}
    for split, records in (("train", train), ("test", test)):
        arrays[f"{split}_images"] = records[:, 1:].reshape(-1, 3, 32, 32)
        arrays[f"{split}_labels"] = records[:, 0]
    return arrays, CIFAR10_CLASSES


@contextlib.contextmanager
def _unpacking(archive: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise damaged(archive, str(error), "the published archive") from None


def _verified(archive: Path, name: str, content: bytes, sha256: str) -> np.ndarray:
    """The bytes of a published file, uint8."""
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise damaged(archive, f"{name} with sha256 {found}", f"the published {sha256}")
    return np.frombuffer(content, np.uint8)


READERS = {"mnist": mnist, "cifar10": cifar10}


def prepare(name: str, settings: Dataset) -> tuple[artifacts.Arrays, dict[str, object]]:
    """Read a published dataset, verify every file of it, keep the first images of each split.

    Returns uint8 arrays {train,test}_images (N, C, H, W) and {train,test}_labels (N,), and a header with the class
    names and the arrays' sha256. Raises StudyError where a file is missing, damaged or not the published one.
    """
    arrays, classes = READERS[name]()
    for split, count in (("train", settings.train_images), ("test", settings.test_images)):
        for part in ("images", "labels"):
            arrays[f"{split}_{part}"] = arrays[f"{split}_{part}"][:count].copy()
    digest = hashlib.sha256()
    for key in sorted(arrays):
        digest.update(f"{key} {arrays[key].shape}".encode())
        digest.update(arrays[key].tobytes())
    return arrays, {"dataset": name, "classes": classes, "sha256": digest.hexdigest()}


def fetch(url: str, mirrored_as: str) -> Path:
    """The archive as a local file: from the mirror's folder, or downloaded (once) to the user's cache folder."""
    mirror = os.environ.get("ELBOWROOM_MIRROR")
    if mirror and (folder := _local_folder(mirror)):
        path = folder / mirrored_as
        if not path.is_file():
            raise StudyError(f"{path.absolute()}: not found, expected in the mirror that ELBOWROOM_MIRROR names")
        return path
    from torchvision.datasets.utils import download_url

    if mirror:
        url = f"{mirror.rstrip('/')}/{mirrored_as}"
    path = platformdirs.user_cache_path("elbowroom") / mirrored_as
    if not path.is_file():
        part = path.with_name(path.name + ".part")
        part.unlink(missing_ok=True)
        try:
            bar = contextlib.nullcontext() if sys.stderr.isatty() else contextlib.redirect_stderr(io.StringIO())
            with bar:  # torchvision shows one even where there is no terminal
                download_url(url, part.parent, part.name)
            part.replace(path)
        except (OSError, RuntimeError, ValueError) as error:
            raise StudyError(
                f"{url}: download failed ({error}), expected {path.name} there (offline? set ELBOWROOM_MIRROR)"
            ) from None
    return path


def _local_folder(mirror: str) -> Path | None:
    parts = urlparse(mirror)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if parts.scheme in ("http", "https") else Path(mirror).expanduser()


def damaged(archive: Path, found: str, expected: str) -> StudyError:
    """The error for an archive that is not what was published. A downloaded one is removed, to be fetched again."""
    cached = archive.is_relative_to(platformdirs.user_cache_path("elbowroom"))
    if cached:
        archive.unlink(missing_ok=True)
    return StudyError(f"{archive}: found {found}, expected {expected}{' (removed: run again)' if cached else ''}")


# --- arrays -> minibatches -----------------------------------------------------------------------------------------


def device() -> torch.device:
    """CUDA if there is a card, else the CPU, unless ELBOWROOM_DEVICE names one. No parameter: invalidates nothing.

    Stages compute in full float32, but where a recipe's precision says otherwise.
    """
    wanted = os.environ.get("ELBOWROOM_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", wanted):
        raise StudyError(f"ELBOWROOM_DEVICE: found {wanted!r}, expected cpu, cuda or cuda:N")
    try:
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise StudyError(f"ELBOWROOM_DEVICE: found {wanted!r} ({reason}), expected a device that is here") from None
    compute_in("highest")
    where = torch.device(wanted)
    if where.index is not None:
        torch.cuda.set_device(where)  # graphs are captured on the current one
    return where


def compute_in(precision: str) -> None:
    """On a card, from now on: float32 products in TF32, unless precision is "highest"."""
    for setting in (torch.backends.cuda.matmul, torch.backends.cudnn.conv):  # type: ignore[attr-defined]
        setting.fp32_precision = "ieee" if precision == "highest" else "tf32"


def load(name: str, where: torch.device) -> Images:
    """A prepared dataset, as bytes on the device, channels last (the layout that convolutions are fastest in)."""
    arrays, header = artifacts.load_arrays(artifacts.data_file(name))
    tensors = {key: torch.from_numpy(array).to(where) for key, array in arrays.items()}
    train, test = (
        Split(tensors[f"{split}_images"].contiguous(memory_format=torch.channels_last), tensors[f"{split}_labels"])
        for split in ("train", "test")
    )
    return Images(train, test, header["classes"])


def batches(count: int, size: int, order: Tensor | None = None) -> Iterator[Tensor | slice]:
    """Indices of minibatches: in `order` (N,), or else from first to last. The last one may be smaller."""
    for start in range(0, count, size):
        chosen = slice(start, min(start + size, count))
        yield chosen if order is None else order[chosen]


def scale(images: Tensor, pixel_range: list[int]) -> Tensor:
    """Bytes 0..255 -> float32 in the pixel range."""
    low, high = pixel_range
    return images.to(torch.float32).mul_((high - low) / 255).add_(low)


def to_bytes(pictures: Tensor) -> np.ndarray:
    """Pictures (N, C, H, W) in [0, 1] -> uint8."""
    return np.ascontiguousarray((pictures.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy())
