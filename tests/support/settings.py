"""Settings of variants, recipes and evaluations that are small enough for tests."""

from elbowroom.core.dataset_settings import FolderDataset, PublishedDataset
from elbowroom.core.networks import Network
from elbowroom.core.params import load_study
from elbowroom.core.settings import Evaluation, Recipe, Variant, VariantSettings
from tests.support import ROOT

NETWORKS = load_study(ROOT / "params.yaml").networks

EVALUATION = Evaluation(
    batch_size=50,
    map_images=100,
    iwae_images=10,
    iwae_samples=[1, 5, 10],
    sample_images=130,
    probe_images=300,
    path_pairs=4,
    path_steps=5,
)


def published_set(source: str, train_images: int, test_images: int) -> PublishedDataset:
    """Return the settings of a published set."""
    return PublishedDataset(source=source, train_images=train_images, test_images=test_images)


def entry(**changes: object) -> VariantSettings:
    """Return a small VAE on MNIST, with the notebook's network, and with these changes, as a study has it."""
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
    return VariantSettings.model_validate(settings | changes)


def variant(layers: Network | None = None, **changes: object) -> Variant:
    """Return such a variant with the layers of its network, or with these."""
    settings = entry(**changes)
    return settings.with_layers({settings.network: layers} if layers else NETWORKS)


def cifar_variant(**changes: object) -> Variant:
    """Return the settings of a small VAE on CIFAR-10, with the report's network, and with these changes."""
    report = {"dataset": "cifar10", "network": "report", "likelihood": "bernoulli", "pixel_range": [0, 1]}
    return variant(**(report | changes))  # type: ignore[arg-type]


def recipe(**changes: object) -> Recipe:
    """Return a recipe of two epochs, with these changes."""
    settings: dict[str, object] = {
        "epochs": 2,
        "batch_size": 64,
        "learning_rate": 0.001,
        "warmup_epochs": 0,
        "precision": "high",
        "seeds": [0],
    }
    return Recipe.model_validate(settings | changes)


def folder(**changes: object) -> FolderDataset:
    """Return the settings of a folder of pictures: grey, 32 x 32, cropped, half of them to test on, with changes."""
    settings: dict[str, object] = {
        "source": "folder",
        "size": 32,
        "fit": "crop",
        "colour": "grey",
        "background": "black",
        "labels": "none",
        "test": 0.5,
        "unreadable": "stop",
        "train_images": 1000,
        "test_images": 1000,
    }
    return FolderDataset.model_validate(settings | changes)
