"""Turn what would decide an answer into edits of params.yaml, each with the training time that it costs.

answer.csv has the next step of every series (next_step.py). All variants of a series share a recipe, so more seeds and
more epochs are edits of that recipe: they concern each variant that uses it. A variant is trained only for what it
lacks, so an edit costs what the edited study lacks, less what the study lacked before.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from elbowroom.comparison.answer import subjects
from elbowroom.comparison.next_step import trains_longer
from elbowroom.core.settings import Study
from elbowroom.results.families import all_series
from elbowroom.results.outcomes import Step
from elbowroom.results.rows import SizeAnswer

LONGEST_NAME = 64


@dataclass(frozen=True)
class NewVariant:
    """Add a variant with the settings of `like`, except for its latent size."""

    name: str
    like: str
    latent_dim: int

    def applied(self, study: Study) -> Study:
        settings = study.variants[self.like].model_copy(update={"latent_dim": self.latent_dim})
        return study.model_copy(update={"variants": study.variants | {self.name: settings}})


@dataclass(frozen=True)
class MoreSeeds:
    """Train the variants of a recipe with these seeds."""

    recipe: str
    seeds: tuple[int, ...]

    def applied(self, study: Study) -> Study:
        return _with_recipe(study, self.recipe, {"seeds": [*self.seeds]})


@dataclass(frozen=True)
class MoreEpochs:
    """Train the variants of a recipe for this many epochs."""

    recipe: str
    epochs: int

    def applied(self, study: Study) -> Study:
        return _with_recipe(study, self.recipe, {"epochs": self.epochs})


Edit = NewVariant | MoreSeeds | MoreEpochs


def _with_recipe(study: Study, name: str, update: Mapping[str, object]) -> Study:
    recipe = study.recipes[name].model_copy(update=update)
    return study.model_copy(update={"recipes": study.recipes | {name: recipe}})


@dataclass(frozen=True)
class Spent:
    """What training a variant took so far: seconds in all, and how many epochs of one seed those were."""

    seconds: float
    epochs: int

    @property
    def rate(self) -> float:
        """Seconds for an epoch of one seed."""
        return self.seconds / self.epochs


@dataclass(frozen=True)
class Suggestion:
    """An edit, what it is for, and what it costs after the edits before it.

    series: those whose answers it helps to decide. trains: the variants that it trains. seconds: of their training.
    fits: whether the budget allows it.
    """

    edit: Edit
    series: tuple[str, ...]
    trains: tuple[str, ...]
    seconds: float
    fits: bool


def suggestions(
    study: Study, rows: Iterable[SizeAnswer], spent: Mapping[str, Spent], resumable: bool, budget: float = math.inf
) -> list[Suggestion]:
    """Return the edits that would decide the answers, cheapest first.

    rows: of answer.csv, made from this study's settings. spent: by variant, of all that were trained. resumable:
    whether a variant's training goes on from where it ended; else it begins anew. budget: the most seconds that all
    training may take, past training included.
    """
    waiting = edits(study, rows)
    total = sum(each.seconds for each in spent.values())
    found = []
    while waiting:
        costs = {edit: _added(study, edit.applied(study), spent, resumable) for edit in waiting}
        edit = min(costs, key=lambda edit: sum(costs[edit].values()))
        seconds = sum(costs[edit].values())
        fits = total + seconds <= budget
        found.append(Suggestion(edit, tuple(waiting.pop(edit)), tuple(costs[edit]), seconds, fits))
        if fits:
            study, total = edit.applied(study), total + seconds
    return found


def edits(study: Study, rows: Iterable[SizeAnswer]) -> dict[Edit, list[str]]:
    """Return all edits, and the series that each is for. Of two edits of a recipe, the larger does for both."""
    found: dict[Edit, list[str]] = {}
    seeds: dict[str, tuple[int, list[str]]] = {}
    longer: dict[str, list[str]] = {}
    for own in subjects(rows):
        first, name = own[0], series_name(own[0])
        recipe = study.variants[first.variant].recipe
        if first.step is Step.MORE_SEEDS:
            most, names = seeds.get(recipe, (0, []))
            most = max(most, round(first.step_seeds), len(study.recipes[recipe].seeds) + 1)
            seeds[recipe] = most, [*names, name]
        elif first.step in (Step.LARGER, Step.BETWEEN, Step.SMALLER):
            for size in map(int, first.step_sizes.split()):
                if not was_left_out(study, own, size):
                    found[new_variant(study, nearest(own, size).variant, size, found)] = [name]
        if trains_longer(own):
            longer.setdefault(recipe, []).append(name)
    for recipe, (most, names) in seeds.items():
        found[MoreSeeds(recipe, _extended(study.recipes[recipe].seeds, most))] = names
    for recipe, names in longer.items():
        found[MoreEpochs(recipe, 2 * study.recipes[recipe].epochs)] = names
    return found


def was_left_out(study: Study, rows: Sequence[SizeAnswer], size: int) -> bool:
    """Whether the study tried this size in a series and left it out, by its name. rows: the series."""
    left_out = study.answer.left_out
    return bool(left_out) and _named_like(study, nearest(rows, size).variant, size) in left_out


def new_variant(study: Study, like: str, size: int, new: Iterable[Edit] = ()) -> NewVariant:
    """Name a variant of another size like this one. If the study or a new variant has the name, a number follows."""
    name = _named_like(study, like, size)
    taken = {*study.variants, *(edit.name for edit in new if isinstance(edit, NewVariant))}
    candidates = (name, *(f"{name[: LONGEST_NAME - 4]}-{number}" for number in range(2, 1000)))
    return NewVariant(next(candidate for candidate in candidates if candidate not in taken), like, size)


def series_name(row: SizeAnswer) -> str:
    """Name the series of a row, as tables do."""
    return f"{row.dataset}, {row.likelihood.replace('_', ' ')}, {row.series}"


def nearest(rows: Sequence[SizeAnswer], size: int) -> SizeAnswer:
    """Return the row whose latent size has the ratio to `size` that is nearest to 1."""
    return min(rows, key=lambda row: abs(math.log(row.latent_dim / size)))


def _extended(seeds: Sequence[int], count: int) -> tuple[int, ...]:
    """Append the smallest unused seeds until there are `count`."""
    unused = (seed for seed in range(len(seeds) + count) if seed not in seeds)
    return (*seeds, *(next(unused) for _ in range(count - len(seeds))))


def _named_like(study: Study, like: str, size: int) -> str:
    """Name a variant of another size: mnist-z128 -> mnist-z32."""
    old, tail = study.variants[like].latent_dim, f"-z{size}"
    name, replaced = re.subn(rf"(?<![a-z0-9])z{old}(?![0-9])", f"z{size}", like, count=1)
    return name if replaced else like[: LONGEST_NAME - len(tail)] + tail


# --- costs -----------------------------------------------------------------------------------------------------------


def _added(before: Study, after: Study, spent: Mapping[str, Spent], resumable: bool) -> dict[str, float]:
    """Return the seconds of training that an edit adds, for each variant that it trains."""
    old, new = _lacking(before, spent, resumable), _lacking(after, spent, resumable)
    return {name: seconds - old.get(name, 0.0) for name, seconds in new.items() if seconds > old.get(name, 0.0)}


def _lacking(study: Study, spent: Mapping[str, Spent], resumable: bool) -> dict[str, float]:
    """Return the seconds that it takes to train what each variant lacks."""
    found = {}
    for name, variant in study.variants.items():
        recipe = study.recipes[variant.recipe]
        wanted = len(recipe.seeds) * recipe.epochs
        done = spent[name].epochs if name in spent else 0
        if wanted > done:
            found[name] = (wanted - done if resumable else wanted) * _rate(study, name, spent)
    return found


def _rate(study: Study, name: str, spent: Mapping[str, Spent]) -> float:
    """Seconds for an epoch of one seed. An untrained variant takes those of the nearest size in its series."""
    if name in spent:
        return spent[name].rate
    (members,) = [series.members for series in all_series(study) if name in series.members]
    size = study.variants[name].latent_dim
    trained = [member for member in members if member in spent]
    return spent[min(trained, key=lambda each: abs(math.log(study.variants[each].latent_dim / size)))].rate
