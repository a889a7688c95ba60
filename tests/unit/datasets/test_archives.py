"""The published archives give the published arrays, and any other archive a clear error."""

import functools
import gzip
import http.server
import os
import shutil
import tarfile
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
import torch

from elbowroom.core.errors import StudyError
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.datasets import archives, download
from elbowroom.datasets.images import Images
from elbowroom.datasets.prepare import prepare
from tests.support.settings import published_set

SMALL = published_set("mnist", 8, 4)
SMALL_CIFAR10 = published_set("cifar10", 8, 4)


def test_mnist_is_mnist(published: dict[str, Images]) -> None:
    images = published["mnist"]
    assert images.train.images.shape == (60_000, 1, 28, 28)
    assert images.test.images.shape == (10_000, 1, 28, 28)
    assert images.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert torch.bincount(images.test.labels.long()).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    pixels = images.train.images.double() / 255
    assert pixels.mean().item() == pytest.approx(0.1307, abs=5e-5)
    assert pixels.std().item() == pytest.approx(0.3081, abs=5e-5)


def test_mnist_is_read_as_torchvision_reads_it(published: dict[str, Images], tmp_path: Path) -> None:
    from torchvision.datasets import MNIST  # its import takes seconds

    (tmp_path / "MNIST/raw").mkdir(parents=True)
    for name in PUBLISHED["mnist"].files:
        packed = download.fetch(f"{PUBLISHED['mnist'].url}{name}.gz", f"mnist/{name}.gz")
        (tmp_path / "MNIST/raw" / name).write_bytes(gzip.decompress(packed.read_bytes()))
    images = published["mnist"]
    for split in ("train", "test"):
        theirs, ours = MNIST(str(tmp_path), train=split == "train"), getattr(images, split)
        assert torch.equal(theirs.data.unsqueeze(1), ours.images)
        assert torch.equal(theirs.targets, ours.labels.long())


def test_cifar10_is_cifar10(published: dict[str, Images]) -> None:
    """Mean and deviation of each channel of the training split agree with the published ones to 8 digits."""
    images = published["cifar10"]
    assert images.train.images.shape == (50_000, 3, 32, 32)
    assert images.test.images.shape == (10_000, 3, 32, 32)
    assert [images.classes[label] for label in images.test.labels[:4]] == ["cat", "ship", "ship", "airplane"]
    assert torch.bincount(images.train.labels.long()).tolist() == [5000] * 10
    pixels = images.train.images.double() / 255
    mean, deviation = pixels.mean((0, 2, 3)), pixels.std((0, 2, 3), correction=0)
    assert mean.tolist() == pytest.approx([0.49139968, 0.48215841, 0.44653091], abs=1e-8)
    assert deviation.tolist() == pytest.approx([0.24703223, 0.24348513, 0.26158784], abs=1e-8)


def test_the_splits_share_no_image(published: dict[str, Images]) -> None:
    for images in published.values():
        train = {image.numpy().tobytes() for image in images.train.images[:5000]}
        assert not train & {image.numpy().tobytes() for image in images.test.images}


def test_the_first_images_are_kept() -> None:
    arrays, header, _ = prepare("mnist", SMALL)
    assert arrays["train_images"].shape == (8, 1, 28, 28)
    assert arrays["test_labels"].tolist() == [7, 2, 1, 0]
    assert header["classes"] == list("0123456789")
    assert header["sha256"] != prepare("mnist", published_set("mnist", 9, 4)).header["sha256"]


def test_the_declared_shapes_and_counts_are_the_published_ones(published: dict[str, Images]) -> None:
    for name, images in published.items():
        facts = PUBLISHED[name]
        assert (facts.shape, facts.train_images) == (images.shape, len(images.train.labels))
        assert facts.test_images == len(images.test.labels)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror of MNIST that the test may damage, and an empty cache folder."""
    folder = tmp_path / "mirror"
    (folder / "mnist").mkdir(parents=True)
    for name in PUBLISHED["mnist"].files:
        shutil.copy(download.fetch(f"{PUBLISHED['mnist'].url}{name}.gz", f"mnist/{name}.gz"), folder / "mnist")
    monkeypatch.setenv("ELBOWROOM_MIRROR", str(folder))
    monkeypatch.setattr(download, "cache", lambda: tmp_path / "cache")
    return folder


@pytest.fixture
def server(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve that mirror by HTTP."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(mirror))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{running.server_port}"
        monkeypatch.setenv("ELBOWROOM_MIRROR", address)
        yield address
        running.shutdown()


def test_every_kind_of_mirror_gives_the_same_arrays(mirror: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    found = set()
    for address in (str(mirror), mirror.as_uri(), server, server + "/"):
        monkeypatch.setenv("ELBOWROOM_MIRROR", address)
        found.add(str(prepare("mnist", SMALL).header["sha256"]))
    assert len(found) == 1


def test_a_download_is_kept_and_prints_nothing(server: str, mirror: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    first = prepare("mnist", SMALL).header
    assert "B/s" not in capfd.readouterr().err  # no progress bar without a terminal
    shutil.rmtree(mirror / "mnist")
    assert prepare("mnist", SMALL).header == first


def test_a_damaged_download_is_deleted(server: str, mirror: Path) -> None:
    path = mirror / "mnist" / "t10k-labels-idx1-ubyte.gz"
    good = path.read_bytes()
    path.write_bytes(b"<html>Moved</html>")
    with pytest.raises(
        StudyError,
        match=r"t10k-labels-idx1-ubyte.gz: found HTML \(an error page\?\), .* \(deleted: run again\)",
    ):
        prepare("mnist", SMALL)
    path.write_bytes(good)
    prepare("mnist", SMALL)


@pytest.mark.parametrize("damage", ["flip", "cut", "swap"])
def test_a_damaged_archive_is_refused(mirror: Path, damage: str) -> None:
    path = mirror / "mnist" / "train-labels-idx1-ubyte.gz"
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    elif damage == "cut":
        content = content[:-100]
    else:
        content = bytearray((mirror / "mnist" / "t10k-labels-idx1-ubyte.gz").read_bytes())
    path.write_bytes(content)
    with pytest.raises(StudyError, match=r"train-labels-idx1-ubyte.gz: found [^\n]+, expected the published \w+$"):
        prepare("mnist", SMALL)


def test_a_file_missing_in_the_mirror_is_an_error(mirror: Path) -> None:
    with pytest.raises(StudyError, match=r"cifar-10-binary.tar.gz: not found, expected in the folder"):
        prepare("cifar10", SMALL_CIFAR10)


@pytest.mark.parametrize("content", ["html", "empty", "other", "cut"])
def test_another_archive_than_cifar10_is_refused(mirror: Path, tmp_path: Path, content: str) -> None:
    archive = mirror / "cifar-10-binary.tar.gz"
    if content == "html":
        archive.write_bytes(b"<html>Moved</html>")
    else:
        with tarfile.open(archive, "w:gz") as tar:
            if content != "empty":
                for name in map(PurePosixPath, PUBLISHED["cifar10"].files):
                    file = tmp_path / name.name
                    file.write_bytes(os.urandom(3073))
                    tar.add(file, str(name))
        if content == "cut":
            archive.write_bytes(archive.read_bytes()[:-2000])
    with pytest.raises(StudyError, match=r"cifar-10-binary.tar.gz: found .*, expected [^\n]*$"):
        prepare("cifar10", SMALL_CIFAR10)


# --- hostile archives ----------------------------------------------------------------------------------------------

BATCH = "cifar-10-batches-bin/data_batch_1.bin"


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> bytes:
    """The header of a member of a tar, without its content."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, size
    return info.tobuf(tarfile.GNU_FORMAT)


def pack(archive: Path, *parts: bytes) -> None:
    with gzip.open(archive, "wb", compresslevel=1) as file:
        for part in parts:
            file.write(part)


MISSING = f"found no {BATCH} in it"
HOSTILE = {
    "a path that leaves the folder": (member("../../escaped"), MISSING),
    "an absolute path": (member("/tmp/escaped"), MISSING),  # noqa: S108
    "a link to a file": (member(BATCH, tarfile.SYMTYPE, __file__), MISSING),
    "a hard link to a file": (member(BATCH, tarfile.LNKTYPE, __file__), MISSING),
    "a device": (member(BATCH, tarfile.CHRTYPE), MISSING),
    "a folder": (member(BATCH, tarfile.DIRTYPE), MISSING),
    "a terabyte, declared": (member(BATCH, size=2**40), "found unexpected end of data"),
    "a name of a gigabyte, declared": (member(BATCH, tarfile.GNUTYPE_LONGNAME, size=2**30), "found "),
    "settings of a gigabyte, declared": (member(BATCH, tarfile.XHDTYPE, size=2**30), "found "),
    "names of names": (member(BATCH, tarfile.GNUTYPE_LONGNAME, size=0) * 5000, "found "),
    "many members": (member("x") * 50_000 + member(BATCH), MISSING),
    "another file by its name": (member(BATCH, size=512) + bytes(512), "found data_batch_1.bin with sha256 "),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_archive_is_refused_and_writes_nothing(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """It does not take much memory, either."""
    monkeypatch.setattr(archives, "LARGEST_UNPACKED", 2**25)
    content, said = HOSTILE[what]
    archive = mirror / "cifar-10-binary.tar.gz"
    pack(archive, content, bytes(1024))
    before = set(tmp_path.rglob("*"))
    tracemalloc.start()
    try:
        with pytest.raises(StudyError, match=r"cifar-10-binary.tar.gz: found [^\n]+, expected [^\n]+$") as error:
            prepare("cifar10", SMALL_CIFAR10)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert said in str(error.value)
    assert set(tmp_path.rglob("*")) == before
    assert peak < 2 * 2**25


@pytest.mark.parametrize("name", ["cifar-10-binary.tar.gz", "mnist/train-images-idx3-ubyte.gz"])
def test_a_gzip_bomb_is_not_unpacked(mirror: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading stops at the size of the largest archive."""
    monkeypatch.setattr(archives, "LARGEST_UNPACKED", 2**20)
    pack(mirror / name, *[bytes(2**20)] * 64)
    tracemalloc.start()
    try:
        with pytest.raises(
            StudyError, match=r"gz: found more than 1048576 bytes in it, expected the published archive"
        ):
            prepare("images", SMALL_CIFAR10 if "cifar" in name else SMALL)
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()


def test_the_size_limit_is_above_the_largest_archive_and_below_twice_its_size(published: dict[str, Images]) -> None:
    split = published["cifar10"].train
    size = 6 / 5 * (split.images.numel() + split.labels.numel())
    assert size < archives.LARGEST_UNPACKED < 2 * size
