"""The root study as it was published."""

from elbowroom.comparison.published import load_published
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from tests.support import ROOT


def with_published_recipes() -> Study:
    """Return the root study with the recipes that were published: as many epochs, in float32."""
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
