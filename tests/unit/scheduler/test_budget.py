"""Trainings are described by their budget."""

from elbowroom.scheduler.budget import budgets
from tests.support.published import with_published_recipes


def test_variants_of_the_same_budget_share_a_line() -> None:
    study = with_published_recipes()
    assert budgets(study, ["mnist-z128", "cifar10-ae16", "mnist-z256"]) == [
        "train mnist-z128, mnist-z256: 5 seeds x 50 epochs",
        "train cifar10-ae16: 5 seeds x 10 epochs",
    ]
