"""The judge learns, stays as it was trained, and distances in its features tell noise from images."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from tqdm import tqdm

from elbowroom.core import files
from elbowroom.core.errors import StudyError
from elbowroom.core.published_sets import PUBLISHED
from elbowroom.core.settings import JudgeTraining, Shape
from elbowroom.datasets.images import Images, Split, scale
from elbowroom.evaluation.image_metrics import frechet_distance, kernel_distance
from elbowroom.vae.model import VAE
from elbowroom.vae.trained import TrainedVAE
from elbowroom.yardsticks import judge
from elbowroom.yardsticks.judge import (
    Judge,
    Judges,
    extract,
    load_judges,
    save_judges,
    train_judge,
)
from tests.support.images import CPU
from tests.support.settings import cifar_variant

SHAPES = {name: PUBLISHED[name].shape for name in ("mnist", "cifar10")}
Trained = dict[str, tuple[Judge, list[dict[str, float]]]]
SETTINGS = JudgeTraining(epochs=4, batch_size=16, learning_rate=0.005)


def train(images: Images, seed: int = 0, **changes: float) -> tuple[Judge, list[dict[str, float]]]:
    return train_judge(images, SETTINGS.model_copy(update=changes), seed, tqdm(disable=True))


@pytest.fixture(scope="module")
def trained(small: dict[str, Images]) -> Trained:
    return {name: train(images) for name, images in small.items()}


# --- the classifier ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "accuracy"), [("mnist", 0.8), ("cifar10", 0.25)])
def test_the_judge_learns_from_a_few_hundred_images(
    name: str, accuracy: float, trained: Trained, small: dict[str, Images]
) -> None:
    found, history = trained[name]
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert history[-1]["test_accuracy"] > accuracy
    with torch.no_grad():
        logits = found(scale(small[name].test.images, [0, 1]))
    assert logits.shape == (130, 10)
    right = (logits.argmax(1) == small[name].test.labels).float().mean().item()
    assert history[-1]["test_accuracy"] == pytest.approx(right)


def test_training_gives_the_same_bits_each_time(trained: Trained, small: dict[str, Images]) -> None:
    torch.manual_seed(456)  # training neither reads nor moves the global generator
    expected = torch.rand(1)
    torch.manual_seed(456)
    again, history = train(small["mnist"])
    assert torch.equal(torch.rand(1), expected)
    first, first_history = trained["mnist"]
    assert history == first_history
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])


@pytest.mark.parametrize(("count", "sizes"), [(65, [22, 22, 21]), (64, [32, 32]), (1, [1])])
def test_no_batch_is_a_small_remainder(
    count: int, sizes: list[int], small: dict[str, Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    """65 images in batches of 32 would leave a batch of one, which would spoil BatchNorm's statistics."""
    seen: list[int] = []

    def watched(images: Tensor, pixel_range: list[int]) -> Tensor:
        seen.append(len(images))
        return scale(images, pixel_range)

    monkeypatch.setattr(judge, "scale", watched)
    images = small["mnist"]
    few = Images(Split(*(part[:count] for part in images.train)), images.test, images.classes)
    found, _ = train(few, epochs=1, batch_size=32)
    assert seen == [*sizes, 32, 32, 32, 32, 2]  # the others are of the test split
    assert extract(found, few.train.images, 1).isfinite().all()


def test_divergence_is_reported_in_one_line(small: dict[str, Images], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "scale", lambda images, pixel_range: torch.full(images.shape, torch.nan))
    with pytest.raises(StudyError, match=r"the judge diverged: epoch 1: found loss nan, expected a finite one"):
        train(small["mnist"])


@pytest.mark.parametrize("name", SHAPES)
def test_the_judge_is_small(name: str) -> None:
    """Count the multiplications of its convolutions for one image as they run."""
    counts = []

    def count(layer: torch.nn.Conv2d, x: tuple[Tensor], y: Tensor) -> None:
        counts.append(layer.weight.numel() * y[0, 0].numel())

    model = Judge(SHAPES[name], 10)
    for layer in model.layers:
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(count)
    assert model.features(torch.rand(2, *SHAPES[name])).shape == (2, Judge.num_features)
    assert 5e6 < sum(counts) < 10.5e6


@pytest.mark.parametrize("name", SHAPES)
def test_features_depend_on_the_picture_alone(name: str, trained: Trained, small: dict[str, Images]) -> None:
    """Neither the other pictures of a batch nor earlier ones matter: BatchNorm's statistics are frozen."""
    found, _ = trained[name]
    before = {key: tensor.clone() for key, tensor in found.state_dict().items()}
    images = small[name].test.images
    whole = extract(found, images, 130)
    assert whole.shape == (130, 64)
    assert whole.dtype == torch.float32
    for size in (1, 33):
        torch.testing.assert_close(extract(found, images, size), whole, rtol=1e-5, atol=1e-5)
    x = scale(images, [0, 1])
    pictures = found.features(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(pictures, whole, rtol=1e-5, atol=1e-5)
    assert not pictures.requires_grad
    found(x)
    for key, tensor in found.state_dict().items():
        assert torch.equal(tensor, before[key])


def test_another_seed_gives_another_judge(trained: Trained, small: dict[str, Images]) -> None:
    """Both learn the same labels, each with features of its own."""
    (first, _), (second, history) = trained["mnist"], train(small["mnist"], seed=1)
    assert history[-1]["test_accuracy"] > 0.8
    images = small["mnist"].test.images
    assert not torch.allclose(extract(first, images, 50), extract(second, images, 50), atol=0.1)


@pytest.mark.parametrize("name", SHAPES)
def test_saved_judges_are_the_same_judges(
    name: str, tmp_path: Path, trained: Trained, small: dict[str, Images]
) -> None:
    found, _ = trained[name]
    other = untrained(SHAPES[name])
    save_judges(tmp_path / "j", Judges(found, other), SETTINGS)
    read = load_judges(tmp_path / "j", SHAPES[name], CPU)
    images = small[name].test.images
    for loaded, saved in zip(read, (found, other), strict=True):
        assert not loaded.training
        assert not any(parameter.requires_grad for parameter in loaded.parameters())
        assert torch.equal(extract(loaded, images, 50), extract(saved, images, 50))
    first = (tmp_path / "j").read_bytes()
    save_judges(tmp_path / "j", read, SETTINGS)
    assert (tmp_path / "j").read_bytes() == first


def untrained(shape: Shape) -> Judge:
    return Judge(shape, 10).to(memory_format=torch.channels_last).eval()


def test_a_file_of_something_else_is_refused_in_one_line(tmp_path: Path) -> None:
    save_judges(tmp_path / "j", Judges(*(untrained(SHAPES["mnist"]) for _ in range(2))), SETTINGS)
    with pytest.raises(
        StudyError, match=r"j: found judges of images \(1, 28, 28\), expected ones of images \(3, 32, 32\), run"
    ):
        load_judges(tmp_path / "j", SHAPES["cifar10"], CPU)
    settings = cifar_variant()
    shape = SHAPES["cifar10"]
    TrainedVAE("v", settings, 0, shape, VAE(settings, shape)).save(tmp_path / "m")
    with pytest.raises(
        StudyError, match=r"m: found no judges' weights, expected two judges of images \(3, 32, 32\), run"
    ):
        load_judges(tmp_path / "m", SHAPES["cifar10"], CPU)
    other = untrained(SHAPES["cifar10"])
    del other.layers[-4]
    save_judges(tmp_path / "o", Judges(untrained(SHAPES["cifar10"]), other), SETTINGS)
    with pytest.raises(
        StudyError, match=r"^[^\n]*o: second.layers.12.weight: found nothing, expected float32 \(64,\)$"
    ):
        load_judges(tmp_path / "o", SHAPES["cifar10"], CPU)


@pytest.mark.parametrize("change", [{"classes": None}, {"classes": 10**12}, {"classes": "10"}, {"shape": 3}])
def test_judges_with_another_header_are_refused(tmp_path: Path, change: dict) -> None:
    save_judges(tmp_path / "j", Judges(*(untrained(SHAPES["mnist"]) for _ in range(2))), SETTINGS)
    arrays, header = files.load_arrays(tmp_path / "j")
    files.save_arrays(tmp_path / "j", arrays, header | change)
    with pytest.raises(
        StudyError, match=r"j: found no judges' weights, expected two judges of images \(1, 28, 28\), run"
    ):
        load_judges(tmp_path / "j", SHAPES["mnist"], CPU)


# --- distances in its features -------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [2, 40])
def test_few_pictures_give_finite_distances(count: int, trained: Trained, small: dict[str, Images]) -> None:
    """With fewer pictures than features, the covariances are singular."""
    found, _ = trained["mnist"]
    real = extract(found, small["mnist"].test.images[:count], 50)
    made = extract(found, small["mnist"].train.images[:count], 50)
    for distance in (frechet_distance(real, made), kernel_distance(real, made)):
        assert np.isfinite(distance)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-6)


def test_distances_tell_noise_from_images(trained: Trained, small: dict[str, Images]) -> None:
    """The floor is train against test images. Noise, and images with a black half, lie well above it."""
    found, _ = trained["mnist"]
    test, train = (split.images[:130] for split in (small["mnist"].test, small["mnist"].train))
    halves = train.clone()
    halves[:, :, 14:] = 0
    noise = torch.randint(0, 256, train.shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    real = extract(found, test, 50)
    for distance in (frechet_distance, kernel_distance):
        floor, worse, worst = (distance(real, extract(found, images, 50)) for images in (train, halves, noise))
        assert floor < worse / 3
        assert floor < worst / 10


def test_a_dataset_without_classes_has_no_judges(tmp_path: Path) -> None:
    judge.save_no_judges(tmp_path / "j")
    assert load_judges(tmp_path / "j", SHAPES["mnist"], CPU) is None
