"""Say how much training variants take."""

from collections.abc import Iterable

from elbowroom.core.settings import Study


def budgets(study: Study, names: Iterable[str]) -> list[str]:
    """Describe the training of these variants, one line per budget, as "train a, b: 3 seeds x 10 epochs"."""
    sharing: dict[str, list[str]] = {}  # a budget -> the variants that have it
    for name in names:
        recipe = study.recipes[study.variant(name).recipe]
        numbers = {"seed": len(recipe.seeds), "epoch": recipe.epochs}
        budget = " x ".join(f"{number} {what}{'s' * (number > 1)}" for what, number in numbers.items())
        sharing.setdefault(budget, []).append(name)
    return [f"train {', '.join(names)}: {budget}" for budget, names in sharing.items()]
