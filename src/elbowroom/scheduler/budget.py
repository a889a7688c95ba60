"""How much training there is, in words."""

from collections.abc import Iterable

from elbowroom.core.settings import Study


def trainings(study: Study, names: Iterable[str]) -> list[str]:
    """What training these variants takes: a line for each budget."""
    budgets: dict[str, list[str]] = {}
    for name in names:
        recipe = study.recipes[study.variant(name).recipe]
        numbers = {"seed": len(recipe.seeds), "epoch": recipe.epochs}
        budget = " x ".join(f"{number} {what}{'s' * (number > 1)}" for what, number in numbers.items())
        budgets.setdefault(budget, []).append(name)
    return [f"train {', '.join(names)}: {budget}" for budget, names in budgets.items()]
