"""The published archives become the published arrays, or a clear error."""

import functools
import gzip
import http.server
import os
import shutil
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from elbowroom import data
from elbowroom.config import DATASETS, Dataset, StudyError

SMALL = Dataset(train_images=8, test_images=4)


def test_mnist_is_mnist(published: dict[str, data.Images]) -> None:
    images = published["mnist"]
    assert images.train.images.shape == (60_000, 1, 28, 28)
    assert images.test.images.shape == (10_000, 1, 28, 28)
    assert images.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert torch.bincount(images.test.labels.long()).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    pixels = images.train.images.double() / 255
    assert pixels.mean().item() == pytest.approx(0.1307, abs=5e-5)
    assert pixels.std().item() == pytest.approx(0.3081, abs=5e-5)


def test_cifar10_is_cifar10(published: dict[str, data.Images]) -> None:
    """The means and deviations of the training split's channels are the published ones, to 8 digits."""
    images = published["cifar10"]
    assert images.train.images.shape == (50_000, 3, 32, 32)
    assert images.test.images.shape == (10_000, 3, 32, 32)
    assert [images.classes[label] for label in images.test.labels[:4]] == ["cat", "ship", "ship", "airplane"]
    assert torch.bincount(images.train.labels.long()).tolist() == [5000] * 10
    pixels = images.train.images.double() / 255
    mean, deviation = pixels.mean((0, 2, 3)), pixels.std((0, 2, 3), correction=0)
    assert mean.tolist() == pytest.approx([0.49139968, 0.48215841, 0.44653091], abs=1e-8)
    assert deviation.tolist() == pytest.approx([0.24703223, 0.24348513, 0.26158784], abs=1e-8)


def test_splits_are_different_images(published: dict[str, data.Images]) -> None:
    for images in published.values():
        train = {image.numpy().tobytes() for image in images.train.images[:5000]}
        assert not train & {image.numpy().tobytes() for image in images.test.images}


def test_the_first_images_are_kept() -> None:
    arrays, header = data.prepare("mnist", SMALL)
    assert arrays["train_images"].shape == (8, 1, 28, 28)
    assert arrays["test_labels"].tolist() == [7, 2, 1, 0]
    assert header["classes"] == list("0123456789")
    assert header["sha256"] != data.prepare("mnist", Dataset(train_images=9, test_images=4))[1]["sha256"]


def test_what_config_says_of_datasets_is_so(published: dict[str, data.Images]) -> None:
    assert set(data.READERS) == set(DATASETS) == set(published)
    for name, images in published.items():
        assert DATASETS[name] == (images.shape, len(images.train.labels), len(images.test.labels))


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A private mirror of MNIST, to be damaged, and a private cache folder."""
    folder = tmp_path / "mirror"
    (folder / "mnist").mkdir(parents=True)
    for name in data.MNIST_SHA256:
        shutil.copy(data.fetch(f"{data.MNIST_URL}{name}.gz", f"mnist/{name}.gz"), folder / "mnist")
    monkeypatch.setenv("ELBOWROOM_MIRROR", str(folder))
    monkeypatch.setattr(data.platformdirs, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return folder


@pytest.fixture
def server(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The private mirror behind HTTP."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(mirror))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{running.server_port}"
        monkeypatch.setenv("ELBOWROOM_MIRROR", address)
        yield address
        running.shutdown()


def test_every_kind_of_mirror_gives_the_same(mirror: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    found = set()
    for address in (str(mirror), mirror.as_uri(), server, server + "/"):
        monkeypatch.setenv("ELBOWROOM_MIRROR", address)
        found.add(str(data.prepare("mnist", SMALL)[1]["sha256"]))
    assert len(found) == 1


def test_a_download_is_kept_and_quiet(server: str, mirror: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    first = data.prepare("mnist", SMALL)[1]
    assert "B/s" not in capfd.readouterr().err  # no progress bar where there is no terminal
    shutil.rmtree(mirror / "mnist")
    assert data.prepare("mnist", SMALL)[1] == first


def test_a_damaged_download_is_removed(server: str, mirror: Path) -> None:
    path = mirror / "mnist" / "t10k-labels-idx1-ubyte.gz"
    good = path.read_bytes()
    path.write_bytes(b"<html>Moved</html>")
    with pytest.raises(StudyError, match=r"t10k-labels-idx1-ubyte.gz: found Not a gzipped .* \(removed: run again\)"):
        data.prepare("mnist", SMALL)
    path.write_bytes(good)
    data.prepare("mnist", SMALL)


def test_a_download_that_fails_is_said(server: str, mirror: Path, tmp_path: Path) -> None:
    (mirror / "mnist" / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(StudyError, match=r"http://127.*train-images-idx3-ubyte.gz: download failed \(HTTP Error 404"):
        data.prepare("mnist", SMALL)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


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
        data.prepare("mnist", SMALL)


def test_a_mirror_without_the_file_is_said(mirror: Path) -> None:
    with pytest.raises(StudyError, match=r"cifar-10-binary.tar.gz: not found, expected in the mirror"):
        data.prepare("cifar10", SMALL)


@pytest.mark.parametrize("content", ["html", "empty", "other", "cut"])
def test_what_is_not_cifar10_is_refused(mirror: Path, tmp_path: Path, content: str) -> None:
    archive = mirror / "cifar-10-binary.tar.gz"
    if content == "html":
        archive.write_bytes(b"<html>Moved</html>")
    else:
        with tarfile.open(archive, "w:gz") as tar:
            if content != "empty":
                for name in data.CIFAR10_SHA256:
                    file = tmp_path / name
                    file.write_bytes(os.urandom(3073))
                    tar.add(file, f"cifar-10-batches-bin/{name}")
        if content == "cut":
            archive.write_bytes(archive.read_bytes()[:-2000])
    with pytest.raises(StudyError, match=r"cifar-10-binary.tar.gz: found .*, expected [^\n]*$"):
        data.prepare("cifar10", SMALL)


@pytest.mark.parametrize("kind", ["path", "link"])
def test_an_archive_writes_nothing(mirror: Path, tmp_path: Path, kind: str) -> None:
    """Members are read, by name, never unpacked to files."""
    before = list(tmp_path.rglob("*"))
    with tarfile.open(mirror / "cifar-10-binary.tar.gz", "w:gz") as tar:
        if kind == "path":
            tar.add(__file__, "../../escaped")
        else:
            link = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
            link.type, link.linkname = tarfile.SYMTYPE, __file__
            tar.addfile(link)
    with pytest.raises(StudyError, match=r"cifar-10-binary.tar.gz: found no cifar-10-batches-bin/data_batch_1.bin in"):
        data.prepare("cifar10", SMALL)
    assert set(tmp_path.rglob("*")) == {*before, mirror / "cifar-10-binary.tar.gz"}


def test_a_bomb_is_not_unpacked(mirror: Path) -> None:
    """A gigabyte of nothing, in a megabyte: refused by what it declares, or read no farther than it may be."""
    zeros = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
    zeros.size = 2**30
    with (
        tarfile.open(mirror / "cifar-10-binary.tar.gz", "w:gz", compresslevel=1) as tar,
        Path("/dev/zero").open("rb") as source,
    ):
        tar.addfile(zeros, source)
    with pytest.raises(StudyError, match=r"data_batch_1.bin' of 1073741824 bytes, expected 52428800 at most"):
        data.prepare("cifar10", SMALL)
    with gzip.open(mirror / "mnist/train-images-idx3-ubyte.gz", "wb", compresslevel=1) as file:
        for _ in range(100):
            file.write(bytes(2**20))
    with pytest.raises(StudyError, match=r"train-images-idx3-ubyte with sha256"):
        data.prepare("mnist", SMALL)


# --- minibatches ---------------------------------------------------------------------------------------------------


def test_batches_take_every_image_once() -> None:
    order = torch.randperm(1000)
    taken = [torch.arange(1000)[batch] for batch in data.batches(1000, 128, order)]
    assert [len(batch) for batch in taken] == [128] * 7 + [104]
    assert torch.equal(torch.cat(taken), order)
    assert torch.equal(torch.cat([torch.arange(10)[batch] for batch in data.batches(10, 4)]), torch.arange(10))


@pytest.mark.parametrize("pixel_range", [[0, 1], [-1, 1]])
def test_scale_is_exact_at_the_ends_and_undone(pixel_range: list[int]) -> None:
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    scaled = data.scale(levels, pixel_range)
    assert scaled.dtype == torch.float32
    assert (scaled.min().item(), scaled.max().item()) == tuple(pixel_range)
    low, high = pixel_range
    assert data.to_bytes((scaled - low) / (high - low)).tolist() == levels.tolist()


def test_device_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELBOWROOM_DEVICE", "cpu")
    assert data.device() == torch.device("cpu")
    monkeypatch.setenv("ELBOWROOM_DEVICE", "abacus")
    with pytest.raises(StudyError, match=r"ELBOWROOM_DEVICE: found 'abacus', expected cpu, cuda or cuda:N"):
        data.device()
    monkeypatch.setenv("ELBOWROOM_DEVICE", "cuda:99")
    with pytest.raises(StudyError, match=r"ELBOWROOM_DEVICE: found 'cuda:99' \(.*\), expected a device that is here"):
        data.device()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_card_is_used_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELBOWROOM_DEVICE", raising=False)
    assert data.device().type == "cuda"
