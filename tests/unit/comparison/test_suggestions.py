"""What would decide an answer, as edits of a study, with what they cost."""

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from elbowroom.comparison.suggestions import MoreEpochs, MoreSeeds, NewVariant, Spent, Suggestion, suggestions
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.results.outcomes import State, Step
from elbowroom.results.rows import SizeAnswer
from tests.support import ROOT
from tests.support.answers import ROW
from tests.support.settings import entry, recipe

ALL = load_study(ROOT / "params.yaml")
HOUR = 3600.0


def study(sizes: Mapping[str, int], seeds: int = 3, epochs: int = 10, **others: object) -> Study:
    """A study of one series, with this latent size for each name. others: further variants."""
    variants = {name: entry(latent_dim=size, recipe="r") for name, size in sizes.items()}
    recipes = {"r": recipe(epochs=epochs, seeds=[*range(seeds)])}
    return ALL.model_copy(update={"variants": variants | others, "recipes": recipes})


def rows(study: Study, step: Step, sizes: str = "", seeds: float = math.nan, **first: object) -> list[SizeAnswer]:
    """The rows of its series; `first` changes the first."""
    of_series = [
        replace(ROW, variant=name, latent_dim=variant.latent_dim, step=step, step_sizes=sizes, step_seeds=seeds)
        for name, variant in study.variants.items()
        if variant.model == "vae"
    ]
    return [replace(of_series[0], **first), *of_series[1:]]  # type: ignore[arg-type]


def spent(study: Study, hours: float = 3.0) -> dict[str, Spent]:
    """The same time for each variant."""
    budget = study.recipes["r"]
    return dict.fromkeys(study.variants, Spent(hours * HOUR, len(budget.seeds) * budget.epochs))


def hours(found: list[Suggestion]) -> list[float]:
    return [pytest.approx(each.seconds / HOUR) for each in found]


TWO = study({"m-z8": 8, "m-z16": 16})


@pytest.mark.parametrize(
    ("step", "sizes", "expected"),
    [
        (Step.LARGER, "32", [NewVariant("m-z32", "m-z16", 32)]),
        (Step.BETWEEN, "11", [NewVariant("m-z11", "m-z8", 11)]),
        (Step.SMALLER, "2 4", [NewVariant("m-z2", "m-z8", 2), NewVariant("m-z4", "m-z8", 4)]),
        (Step.LONGER, "8 16", [MoreEpochs("r", 20)]),
        (Step.NOTHING, "", []),
    ],
)
def test_each_step_is_edits(step: Step, sizes: str, expected: list) -> None:
    assert [each.edit for each in suggestions(TWO, rows(TWO, step, sizes), spent(TWO), resumable=True)] == expected


def test_what_is_left_out_is_not_suggested_again() -> None:
    answer = ALL.answer.model_copy(update={"left_out": {"m-z4": "diverged"}})
    two = TWO.model_copy(update={"answer": answer})
    found = suggestions(two, rows(two, Step.SMALLER, "2 4"), spent(two), resumable=True)
    assert [each.edit for each in found] == [NewVariant("m-z2", "m-z8", 2)]


def test_more_seeds_are_seeds_that_are_unused() -> None:
    three = TWO.model_copy(update={"recipes": {"r": recipe(seeds=[5, 1])}})
    (found,) = suggestions(three, rows(three, Step.MORE_SEEDS, "8 16", 5.0), spent(three), resumable=True)
    assert found.edit == MoreSeeds("r", (5, 1, 0, 2, 3))


def test_as_many_seeds_as_there_are_is_one_more() -> None:
    """A plan has a power of 0.8: it may fail, and then there must be something to run."""
    (found,) = suggestions(TWO, rows(TWO, Step.MORE_SEEDS, "8 16", 3.0), spent(TWO), resumable=True)
    assert found.edit == MoreSeeds("r", (0, 1, 2, 3))


def test_an_unfinished_series_gets_sizes_and_epochs_as_its_report_says() -> None:
    found = suggestions(TWO, rows(TWO, Step.LARGER, "32", state=State.UNDERTRAINED), spent(TWO), resumable=True)
    assert [each.edit for each in found] == [NewVariant("m-z32", "m-z16", 32), MoreEpochs("r", 20)]


@pytest.mark.parametrize(
    ("edit", "resumable", "expected"),
    [
        ((Step.LARGER, "32", math.nan), True, 3.0),  # three seeds of an hour each
        ((Step.MORE_SEEDS, "8 16", 5.0), True, 2 * 2.0),  # two more of each variant
        ((Step.MORE_SEEDS, "8 16", 5.0), False, 2 * 5.0),  # all five
        ((Step.LONGER, "8 16", math.nan), True, 2 * 3.0),  # as much again
        ((Step.LONGER, "8 16", math.nan), False, 2 * 6.0),
    ],
)
def test_an_edit_costs_what_is_not_trained_yet(edit: tuple[Step, str, float], resumable: bool, expected: float) -> None:
    assert hours(suggestions(TWO, rows(TWO, *edit), spent(TWO), resumable)) == [expected]


def test_a_new_size_costs_what_the_nearest_one_took() -> None:
    took = {"m-z8": Spent(1 * HOUR, 30), "m-z16": Spent(5 * HOUR, 30)}
    found = suggestions(TWO, rows(TWO, Step.SMALLER, "2 14"), took, resumable=True)
    assert [(each.edit.latent_dim, each.seconds / HOUR) for each in found] == [(2, 1.0), (14, 5.0)]  # type: ignore[union-attr]


def test_the_cheapest_comes_first_and_a_later_one_pays_for_what_came_before() -> None:
    """Twice the epochs are 6 hours for two variants, and 3 more for the one that was added before."""
    found = suggestions(TWO, rows(TWO, Step.LARGER, "32", state=State.UNDERTRAINED), spent(TWO), resumable=True)
    assert hours(found) == [3.0, 9.0]
    assert [each.trains for each in found] == [("m-z32",), ("m-z8", "m-z16", "m-z32")]


@pytest.mark.parametrize(("budget", "fitting"), [(5.9, 0), (6.0, 0), (9.0, 1), (17.9, 1), (18.0, 2)])
def test_a_budget_is_for_all_training_the_past_included(budget: float, fitting: int) -> None:
    """Training took 6 hours; the suggestions cost 3 and 9."""
    series = rows(TWO, Step.LARGER, "32", state=State.UNDERTRAINED)
    found = suggestions(TWO, series, spent(TWO), resumable=True, budget=budget * HOUR)
    assert [each.fits for each in found] == [place < fitting for place in range(2)]


def test_a_recipe_trains_all_that_share_it() -> None:
    shared = study({"m-z8": 8, "m-z16": 16}, ae=entry(model="ae", beta=0.0, recipe="r"))
    (found,) = suggestions(shared, rows(shared, Step.LONGER, "8 16"), spent(shared), resumable=True)
    assert found.trains == ("m-z8", "m-z16", "ae")
    assert hours([found]) == [9.0]


def test_two_series_that_share_a_recipe_share_its_edit() -> None:
    """The one that needs more seeds decides; both are named."""
    wide = {name: entry(latent_dim=size, channels=8, recipe="r") for name, size in (("w-z8", 8), ("w-z16", 16))}
    both = study({"m-z8": 8, "m-z16": 16}, **wide)
    narrow, wider = rows(both, Step.MORE_SEEDS, "8 16", 4.0)[:2], rows(both, Step.MORE_SEEDS, "8 16", 6.0)[2:]
    wider = [replace(row, series="width 8") for row in wider]
    (found,) = suggestions(both, [*narrow, *wider], spent(both), resumable=True)
    assert found.edit == MoreSeeds("r", (0, 1, 2, 3, 4, 5))
    assert found.series == ("mnist, gaussian, width 32", "mnist, gaussian, width 8")


def test_a_single_size_beside_a_series_is_left_alone() -> None:
    """It is there for another comparison, and the report does not answer for it either."""
    several = rows(TWO, Step.LARGER, "32")
    single = replace(ROW, variant="w-z8", series="width 64", latent_dim=8, step=Step.SMALLER, step_sizes="1 2 4")
    found = suggestions(TWO, [single, *several], spent(TWO), resumable=True)
    assert [each.edit for each in found] == [NewVariant("m-z32", "m-z16", 32)]


@pytest.mark.parametrize(
    ("like", "size", "taken", "name"),
    [
        ("mnist-z128", 128, [], "mnist-z32"),
        ("z128-c32", 128, [], "z32-c32"),
        ("jazz128", 128, [], "jazz128-z32"),  # no z128 of its own
        ("mnist-z1280", 128, [], "mnist-z1280-z32"),
        ("plain", 128, [], "plain-z32"),
        ("mnist-z128", 128, ["mnist-z32"], "mnist-z32-2"),
        ("m" * 64, 128, [], "m" * 60 + "-z32"),
    ],
)
def test_a_new_variant_is_named_like_the_others(like: str, size: int, taken: list[str], name: str) -> None:
    others = {each: entry(latent_dim=7, model="ae", beta=0.0, recipe="r") for each in taken}
    one = study({like: size}, **others)
    (found,) = suggestions(one, rows(one, Step.SMALLER, "32"), spent(one), resumable=True)
    assert found.edit == NewVariant(name, like, 32)
