"""Settings of small variants, recipes and evaluations."""

from elbowroom.comparison.published import load_published
from elbowroom.core.params import load_study
from elbowroom.core.settings import Evaluation, Recipe, Study, Variant
from tests.support import ROOT

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
    settings: dict[str, object] = {
        "epochs": 2,
        "batch_size": 64,
        "learning_rate": 0.001,
        "warmup_epochs": 0,
        "precision": "high",
        "seeds": [0],
    }
    return Recipe.model_validate(settings | changes)


def with_published_recipes() -> Study:
    """The root study, its published variants trained for as long as they were, and in float32."""
    study = load_study(ROOT / "params.yaml")
    recipes = {
        study.variants[name].recipe: table.budget.epochs
        for table in load_published().values()
        for name in table.variants
    }
    longer = {
        name: study.recipes[name].model_copy(update={"epochs": epochs, "precision": "high"})
        for name, epochs in recipes.items()
    }
    return study.model_copy(update={"recipes": study.recipes | longer})
