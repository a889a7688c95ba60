"""A prepared dataset is loaded unchanged or refused, and minibatches take each image once."""

from pathlib import Path

import numpy as np
import pytest
import torch

from elbowroom.core import files, paths
from elbowroom.core.errors import StudyError
from elbowroom.datasets.images import batches, load_images, scale, to_bytes
from tests.support.images import CPU


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[files.Arrays, dict]:
    """Noise in the form of a prepared CIFAR-10, and its header. The test runs in the folder of a study."""
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 5), ("test", 3)):
        arrays[f"{split}_images"] = noise.integers(0, 256, (count, 3, 32, 32), np.uint8)
        arrays[f"{split}_labels"] = noise.integers(0, 2, count, np.uint8)
    return arrays, {"dataset": "cifar10", "classes": ["cat", "ship"]}


def test_a_prepared_dataset_is_loaded_unchanged(prepared: tuple[files.Arrays, dict]) -> None:
    arrays, header = prepared
    files.save_arrays(paths.data_file("cifar10"), arrays, header)
    images = load_images("cifar10", CPU)
    assert images.classes == ["cat", "ship"]
    assert images.shape == (3, 32, 32)
    for split, (pictures, labels) in (("train", images.train), ("test", images.test)):
        np.testing.assert_array_equal(pictures, arrays[f"{split}_images"])
        np.testing.assert_array_equal(labels, arrays[f"{split}_labels"])


def test_a_dataset_may_have_no_labels(prepared: tuple[files.Arrays, dict]) -> None:
    arrays = {name: array for name, array in prepared[0].items() if "images" in name}
    files.save_arrays(paths.data_file("cifar10"), arrays, {"dataset": "cifar10", "classes": []})
    images = load_images("cifar10", CPU)
    assert images.train.labels is images.test.labels is images.first_labels(2) is None
    assert images.first_names(2) == ["", ""]
    assert not images.tells_apart
    files.save_arrays(paths.data_file("cifar10"), prepared[0], {"dataset": "cifar10", "classes": []})
    with pytest.raises(StudyError, match=r"_labels: found uint8 \(\d,\), expected nothing"):
        load_images("cifar10", CPU)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"test_images": None}, "test_images: found images of shape (), expected (1 or 3, height, width)"),
        ({"train_labels": None}, "train_images: found uint8 (5, 3, 32, 32), expected uint8 (0, 3, 32, 32)"),
        ({"more": np.zeros(1)}, "more: found float64 (1,), expected nothing"),
        ({"train_images": np.zeros((5, 3, 32, 32))}, "train_images: found float64 (5, 3, 32, 32), expected uint8 (5,"),
        ({"train_images": np.zeros((5, 1, 28, 28), np.uint8)}, "found uint8 (5, 1, 28, 28), expected uint8 (5, 3,"),
        ({"test_images": np.zeros((2, 3, 32, 32), np.uint8)}, "test_images: found uint8 (2, 3, 32, 32), expected uint"),
        ({"test_labels": np.zeros((3, 1), np.uint8)}, "test_labels: found uint8 (3, 1), expected uint8 (3,)"),
        ({"test_labels": np.full(3, 2, np.uint8)}, "test_labels: found label 2, expected labels of 2 classes"),
        (
            {"test_images": np.zeros((0, 3, 32, 32), np.uint8), "test_labels": np.zeros(0, np.uint8)},
            "test_labels: found no images, expected some",
        ),
    ],
)
def test_wrong_arrays_are_refused(prepared: tuple[files.Arrays, dict], changes: dict, said: str) -> None:
    arrays, header = prepared
    changed = {name: array for name, array in (arrays | changes).items() if array is not None}
    files.save_arrays(paths.data_file("cifar10"), changed, header)
    with pytest.raises(StudyError) as error:
        load_images("cifar10", CPU)
    assert said in str(error.value)
    assert str(error.value).startswith("data/cifar10.safetensors: ")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({}, "found images of None, expected images of cifar10"),
        ({"dataset": "mnist", "classes": ["cat", "ship"]}, "found images of 'mnist', expected images of cifar10"),
        ({"dataset": "x" * 9999, "classes": ["cat", "ship"]}, "xxx', expected images of cifar10"),
        ({"dataset": "cifar10"}, "found classes None, expected a list of names"),
        ({"dataset": "cifar10", "classes": [1, 2]}, "found classes [1, 2], expected a list of names"),
        ({"dataset": "cifar10", "classes": "ab"}, "found classes 'ab', expected a list of names"),
    ],
)
def test_wrong_headers_are_refused(prepared: tuple[files.Arrays, dict], header: dict, said: str) -> None:
    files.save_arrays(paths.data_file("cifar10"), prepared[0], header)
    with pytest.raises(StudyError) as error:
        load_images("cifar10", CPU)
    assert said in str(error.value)
    assert len(str(error.value)) < 250


# --- minibatches ---------------------------------------------------------------------------------------------------


def test_batches_take_every_image_once() -> None:
    order = torch.randperm(1000)
    taken = [torch.arange(1000)[batch] for batch in batches(1000, 128, order)]
    assert [len(batch) for batch in taken] == [128] * 7 + [104]
    assert torch.equal(torch.cat(taken), order)
    assert torch.equal(torch.cat([torch.arange(10)[batch] for batch in batches(10, 4)]), torch.arange(10))


@pytest.mark.parametrize("pixel_range", [[0, 1], [-1, 1]])
def test_scale_is_exact_at_both_ends_and_to_bytes_undoes_it(pixel_range: list[int]) -> None:
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    scaled = scale(levels, pixel_range)
    assert scaled.dtype == torch.float32
    assert (scaled.min().item(), scaled.max().item()) == tuple(pixel_range)
    low, high = pixel_range
    assert to_bytes((scaled - low) / (high - low)).tolist() == levels.tolist()


def test_scale_is_what_torchvision_s_transforms_do() -> None:
    from torchvision.transforms import functional  # its import takes seconds

    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    theirs = functional.to_tensor(pixels)
    ours = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    torch.testing.assert_close(scale(ours, [0, 1])[0], theirs, rtol=0, atol=1e-7)
    normalized = functional.normalize(theirs, [0.5] * 3, [0.5] * 3)
    torch.testing.assert_close(scale(ours, [-1, 1])[0], normalized, rtol=0, atol=2e-7)
