"""The real images of MNIST and CIFAR-10, from ELBOWROOM_MIRROR or downloaded once to the user's cache folder."""

import torch

from elbowroom.core.dataset_settings import PublishedDataset
from elbowroom.datasets.images import Images, Split
from elbowroom.datasets.prepare import prepare
from tests.support.settings import published_set

CPU = torch.device("cpu")
SIZES = {"mnist": (60_000, 10_000), "cifar10": (50_000, 10_000)}


def published_images() -> dict[str, Images]:
    """Load both datasets whole, as the stage `prepare` makes them."""
    return {name: _images(name, published_set(name, a, b)) for name, (a, b) in SIZES.items()}


def _images(name: str, settings: PublishedDataset) -> Images:
    arrays, header, _ = prepare(name, settings)
    tensors = {key: torch.from_numpy(array) for key, array in arrays.items()}
    splits = [Split(tensors[f"{split}_images"], tensors[f"{split}_labels"]) for split in ("train", "test")]
    return Images(*splits, classes=header["classes"])


def first_images(images: Images, train: int, test: int) -> Images:
    """Keep only the first images of each split."""
    return Images(
        Split(*(part[:train] for part in images.train)), Split(*(part[:test] for part in images.test)), images.classes
    )
