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
import tempfile
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

CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
# Of the published files in the archive; the archive around them may be packed anew by a mirror.
CIFAR10_SHA256 = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
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


def mnist(folder: Path) -> tuple[artifacts.Arrays, list[str]]:
    """MNIST's four IDX files; torchvision has their addresses and md5 sums."""
    from torchvision.datasets import MNIST
    from torchvision.datasets.mnist import read_image_file, read_label_file

    arrays = {}
    for name, md5 in MNIST.resources:
        archive = fetch(MNIST.mirrors[0] + name, f"mnist/{name}")
        if (found := hashlib.md5(archive.read_bytes(), usedforsecurity=False).hexdigest()) != md5:
            raise damaged(archive, f"md5 {found}", f"the published {md5}")
        path = str(extract(archive, folder))
        split = "train" if name.startswith("train") else "test"
        if "images" in name:
            arrays[f"{split}_images"] = read_image_file(path).unsqueeze(1).numpy()
        else:
            arrays[f"{split}_labels"] = read_label_file(path).to(torch.uint8).numpy()
    return arrays, [str(digit) for digit in range(10)]


def cifar10(folder: Path) -> tuple[artifacts.Arrays, list[str]]:
    """CIFAR-10's binary version: six files of 10000 records, one label and 3 x 32 x 32 pixels each."""
    archive = fetch(CIFAR10_URL, "cifar-10-binary.tar.gz")
    extract(archive, folder)
    batches = []
    for name, sha256 in CIFAR10_SHA256.items():
        path = folder / "cifar-10-batches-bin" / name
        if not path.is_file():
            raise damaged(archive, f"no {name} in it", "the six .bin files of CIFAR-10's binary version")
        content = path.read_bytes()
        if (found := hashlib.sha256(content).hexdigest()) != sha256:
            raise damaged(archive, f"{name} with sha256 {found}", f"the published {sha256}")
        batches.append(np.frombuffer(content, np.uint8).reshape(10_000, 1 + 3 * 32 * 32))
    train, test = np.concatenate(batches[:5]), batches[5]
    arrays = {}
    for split, records in (("train", train), ("test", test)):
        arrays[f"{split}_images"] = records[:, 1:].reshape(-1, 3, 32, 32)
        arrays[f"{split}_labels"] = records[:, 0]
    return arrays, CIFAR10_CLASSES


READERS = {"mnist": mnist, "cifar10": cifar10}


def prepare(name: str, settings: Dataset) -> tuple[artifacts.Arrays, dict[str, object]]:
    """Read a published dataset, verify every file of it, keep the first images of each split.

    Returns uint8 arrays {train,test}_images (N, C, H, W) and {train,test}_labels (N,), and a header with the class
    names and the arrays' sha256. Raises StudyError where a file is missing, damaged or not the published one.
    """
    with tempfile.TemporaryDirectory(prefix="elbowroom-") as folder:
        arrays, classes = READERS[name](Path(folder))
    for split, count in (("train", settings.train_images), ("test", settings.test_images)):
        for part in ("images", "labels"):
            arrays[f"{split}_{part}"] = np.ascontiguousarray(arrays[f"{split}_{part}"][:count])
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


def extract(archive: Path, folder: Path) -> Path:
    """Unpack by torchvision, refusing members that would leave the folder, as its older versions do not."""
    from torchvision.datasets.utils import extract_archive

    tarfile.TarFile.extraction_filter = staticmethod(tarfile.data_filter)
    try:
        return Path(extract_archive(str(archive), str(folder)))
    except (OSError, EOFError, gzip.zlib.error, tarfile.TarError) as error:  # type: ignore[attr-defined]
        raise damaged(archive, str(error), "the published archive") from None


def damaged(archive: Path, found: str, expected: str) -> StudyError:
    """The error for an archive that is not what was published. A downloaded one is removed, to be fetched again."""
    cached = archive.is_relative_to(platformdirs.user_cache_path("elbowroom"))
    if cached:
        archive.unlink(missing_ok=True)
    return StudyError(f"{archive}: found {found}, expected {expected}{' (removed: run again)' if cached else ''}")


# --- arrays -> minibatches -----------------------------------------------------------------------------------------


def device() -> torch.device:
    """CUDA if there is a card, else the CPU, unless ELBOWROOM_DEVICE names one. No parameter: invalidates nothing."""
    wanted = os.environ.get("ELBOWROOM_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", wanted):
        raise StudyError(f"ELBOWROOM_DEVICE: found {wanted!r}, expected cpu, cuda or cuda:N")
    try:
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise StudyError(f"ELBOWROOM_DEVICE: found {wanted!r} ({reason}), expected a device that is here") from None
    return torch.device(wanted)


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
