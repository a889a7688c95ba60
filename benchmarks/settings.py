"""What is measured, and how much of it."""

from pathlib import Path

import torch

from elbowroom.core.dataset_settings import PublishedDataset
from elbowroom.core.device import choose_device
from elbowroom.core.params import load_study
from elbowroom.core.pipeline import DATASET_STAGES, STUDY_STAGES, VARIANT_STAGES
from elbowroom.core.settings import Recipe, Variant
from elbowroom.datasets.images import Images, Split
from elbowroom.datasets.prepare import prepare

ROOT = Path(__file__).parent.parent
PARAMS = ROOT / "params.yaml"
VARIANTS = {"mnist": "mnist-z128", "cifar10": "cifar10-z8-c32"}  # of that study
IMAGES = 4096  # the first of a dataset, but where a row says otherwise; a whole number of batches
TURNS = 9
SECONDS = 2.0  # of each contestant in a turn, about
THREADS = (1, 2)  # of a CPU; parts of bfloat16 are measured with the first
MATRIX = {"cpu": 2048, "cuda": 8192}  # rows and columns; a card needs more to be busy
VARIED = "cifar10"  # of which one setting at a time is another:
BATCH_SIZES, LATENT_DIMS, CHANNELS = (16, 32, 64, 256, 512), (2, 32, 128, 256), (8, 16, 64, 128)
SEEDS = [1, 2, 3, 5]
EPOCHS = {"cpu": [1, 2, 4, 8], "cuda": [8, 16, 32, 64]}  # on EPOCH_IMAGES; a card captures within the first four
EPOCH_IMAGES = 1024
PEAK_STEPS = 6  # more than are called before a capture
EVALUATED = 1000  # images of each split
WEIGHED, SAMPLES = 4, 1000  # images and samples of each, by importance sampling
STAGES = [*DATASET_STAGES, *VARIANT_STAGES, *STUDY_STAGES]
COMPARED = ROOT / "studies/quickstart"  # a study with results in git

Setting = tuple[Variant, Recipe, Images]


def read(dataset: str, train_images: int, test_images: int) -> Setting:
    """Return the variant that stands for a dataset, its recipe, and the first images."""
    study = load_study(PARAMS)
    variant = study.variant(VARIANTS[dataset])
    recipe = study.recipes[variant.recipe].model_copy(update={"precision": "high"})  # as the others compute
    images = read_images(
        dataset, PublishedDataset(source=dataset, train_images=train_images, test_images=test_images), choose_device()
    )
    return variant, recipe, images


def read_images(dataset: str, counts: PublishedDataset, device: torch.device) -> Images:
    """Return the first images of a dataset on a device, as a stage has them, without the files of a study."""
    arrays, header, _ = prepare(dataset, counts)
    tensors = {key: torch.from_numpy(array).to(device) for key, array in arrays.items()}
    train, test = (
        Split(tensors[f"{split}_images"].contiguous(memory_format=torch.channels_last), tensors[f"{split}_labels"])
        for split in ("train", "test")
    )
    return Images(train, test, header["classes"])  # type: ignore[arg-type]


def first(images: Images, count: int) -> Images:
    """Return the first `count` images of each split."""
    train, test = (
        Split(*(part[:count] for part in split if part is not None)) for split in (images.train, images.test)
    )
    return Images(train, test, images.classes)
