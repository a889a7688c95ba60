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


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it: 12 s, 40 min, 3.2 h, 14 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 36000 else f"{seconds / 3600:,.0f} h"
