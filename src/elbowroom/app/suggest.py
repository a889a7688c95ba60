"""`elbowroom suggest`: name the training that would decide the answers, and write it into params.yaml if asked to."""

import math
import textwrap
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from elbowroom.app.edit_params import edit_params
from elbowroom.comparison.answer import subjects
from elbowroom.comparison.suggestions import (
    Edit,
    MoreEpochs,
    MoreSeeds,
    NewVariant,
    Spent,
    Suggestion,
    series_name,
    suggestions,
)
from elbowroom.core import paths
from elbowroom.core.errors import StudyError, short
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.report.wording import UNEXPLAINED, unexplained_state
from elbowroom.results import tables
from elbowroom.results.outcomes import State, Step
from elbowroom.results.rows import SizeAnswer
from elbowroom.results.schema import load_table, to_rows
from elbowroom.scheduler.budget import duration
from elbowroom.scheduler.dvc_lock import edited_since_answer


def run(options: Namespace) -> int:
    """Print suggestions, and apply them if options.apply. Return 1 if nothing is to be trained, or nothing fits."""
    study = load_study()
    rows = current_answer(study)
    spent = {name: _spent(study, name) for name in study.variants}
    resumable = any(paths.CHECKPOINTS.glob("*/epoch-*"))
    budget = math.inf if options.hours is None else 3600 * options.hours
    found = suggestions(study, rows, spent, resumable, budget)
    total = sum(each.seconds for each in spent.values())
    for line in lines(study, rows, found, total, resumable, options.hours):
        print(textwrap.fill(line, 100, subsequent_indent="     ", break_on_hyphens=False))
    fitting = [each.edit for each in found if each.fits]
    if not fitting:
        return 1
    if options.apply:
        edit_params(fitting)
        print(f"Written into {paths.PARAMS}. Next: `elbowroom repro`")
    else:
        print(f"`elbowroom suggest --apply` writes this into {paths.PARAMS}; then `elbowroom repro` trains it")
    return 0


def answer_file() -> Path:
    return paths.comparison_file("answer.csv")


def current_answer(study: Study) -> list[SizeAnswer]:
    """Read answer.csv. Raises StudyError if it is the answer of other settings than params.yaml has now."""
    rows = to_rows(SizeAnswer, load_table(answer_file(), tables.COMPARISON["answer"], {}))
    vaes = [name for name, variant in study.variants.items() if variant.model == "vae"]
    if sorted(row.variant for row in rows) != sorted(vaes):
        raise _stale("variants")
    if edited := edited_since_answer(study):
        raise _stale(f"settings ({short(', '.join(edited))})")
    for row in rows:  # without a dvc.lock, they tell
        variant = study.variants[row.variant]
        recipe = study.recipes[variant.recipe]
        known = (row.latent_dim, row.seeds, row.epochs)
        if known != (variant.latent_dim, len(recipe.seeds), recipe.epochs):
            raise _stale(f"settings of {row.variant}")
    return rows


def _stale(what: str) -> StudyError:
    return StudyError(
        f"{answer_file()}: found an answer for other {what} than {paths.PARAMS} has, run `dvc repro` first"
    )


def _spent(study: Study, name: str) -> Spent:
    """Read what training a variant took. Seeds that were trained together share their seconds."""
    table, recipe = tables.costs(study, name), study.recipes[study.variants[name].recipe]
    seconds = float((table.seconds / table.seeds_together).sum())
    return Spent(seconds, len(recipe.seeds) * recipe.epochs)


def lines(
    study: Study,
    rows: Sequence[SizeAnswer],
    found: Sequence[Suggestion],
    spent: float,
    resumable: bool,
    hours: float | None,
) -> Iterator[str]:
    """Say what is decided, what would decide the rest, and what it costs."""
    limit = "" if hours is None else f" of {duration(3600 * hours)}"
    yield f"Training took {duration(spent)}{limit} so far, all variants added up: side by side they take less"
    for own in subjects(rows):
        if own[0].step is Step.NOTHING:
            yield f"{series_name(own[0])}: {_outcome(own)}"
    if not rows:
        yield "No VAE was trained, so there is no answer to decide"
    for number, each in enumerate(found, 1):
        cost = f"about {duration(each.seconds)}" + ("" if each.fits else ", more than is left")
        yield f"{number}. {described(study, each.edit)}: {cost}"
        yield f"   for {'; '.join(each.series)}"
        if not isinstance(each.edit, NewVariant):
            yield f"   trains {', '.join(each.trains)}"
    fitting = [each.seconds for each in found if each.fits]
    if fitting and len(found) > 1:
        yield f"In all: about {duration(sum(fitting))}" + (", for what fits" if len(fitting) < len(found) else "")
    if not resumable and any(not isinstance(each.edit, NewVariant) for each in found):
        yield f"There are no checkpoints in {paths.CHECKPOINTS}: more seeds or epochs mean training from the start"


def _outcome(own: Sequence[SizeAnswer]) -> str:
    """Say how a series ended that nothing more would decide."""
    if enough := [row.latent_dim for row in own if row.state is State.ENOUGH]:
        return f"decided, {enough[0]} {'latent is' if enough[0] == 1 else 'latents are'} enough"
    if state := unexplained_state(own):
        return UNEXPLAINED[state]
    return "not decided, and no training is known that would decide it"


def described(study: Study, edit: Edit) -> str:
    """Say what an edit does."""
    match edit:
        case NewVariant():
            recipe = study.recipes[study.variants[edit.like].recipe]
            return f"add {edit.name}, like {edit.like} ({len(recipe.seeds)} seeds)"
        case MoreSeeds():
            seeds = study.recipes[edit.recipe].seeds
            return f"recipe {edit.recipe}: {len(edit.seeds)} seeds instead of {len(seeds)}"
        case MoreEpochs():
            return f"recipe {edit.recipe}: {edit.epochs} epochs instead of {study.recipes[edit.recipe].epochs}"
