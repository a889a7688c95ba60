"""What tests share. Data is real: from ELBOWROOM_MIRROR, or downloaded once to the user's cache folder."""

from pathlib import Path

import pytest
import torch

from elbowroom import data
from elbowroom.config import Dataset, Recipe, Variant

ROOT = Path(__file__).parent.parent
CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def published() -> dict[str, data.Images]:
    """Both datasets, whole, as prepare makes them."""
    sizes = {"mnist": (60_000, 10_000), "cifar10": (50_000, 10_000)}
    return {name: _images(name, Dataset(train_images=a, test_images=b)) for name, (a, b) in sizes.items()}


def _images(name: str, settings: Dataset) -> data.Images:
    arrays, header = data.prepare(name, settings)
    tensors = {key: torch.from_numpy(array) for key, array in arrays.items()}
    splits = [data.Split(tensors[f"{split}_images"], tensors[f"{split}_labels"]) for split in ("train", "test")]
    return data.Images(*splits, classes=header["classes"])


@pytest.fixture(scope="session")
def small(published: dict[str, data.Images]) -> dict[str, data.Images]:
    """The first images of both: 300 to train, 130 to test, so that last batches are smaller."""
    return {
        name: data.Images(
            data.Split(*(part[:300] for part in images.train)),
            data.Split(*(part[:130] for part in images.test)),
            images.classes,
        )
        for name, images in published.items()
    }


def variant(**changes: object) -> Variant:
    """A small VAE on MNIST, as the notebook has it, with some settings changed."""
    settings: dict[str, object] = {
        "dataset": "mnist",
        "recipe": "notebook-mnist",
        "model": "vae",
        "network": "notebook",
        "channels": 4,
        "latent_dim": 6,
        "likelihood": "gaussian",
        "pixel_range": [-1, 1],
        "beta": 1.0,
    }
    return Variant.model_validate(settings | changes)


def cifar_variant(**changes: object) -> Variant:
    """A small VAE on CIFAR-10, as the report has it."""
    report = {"dataset": "cifar10", "network": "report", "likelihood": "bernoulli", "pixel_range": [0, 1]}
    return variant(**(report | changes))


def recipe(**changes: object) -> Recipe:
    settings: dict[str, object] = {"epochs": 2, "batch_size": 64, "learning_rate": 0.001, "seeds": [0]}
    return Recipe.model_validate(settings | changes)
