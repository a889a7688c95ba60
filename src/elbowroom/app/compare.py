"""`elbowroom compare`: print two variants of a study side by side."""

import math
from argparse import Namespace

from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.results import tables
from elbowroom.results.environments import mixture
from elbowroom.results.families import incomparable
from elbowroom.scheduler.dvc_lock import is_edited


def run(options: Namespace) -> int:
    """Print what `lines` returns for options.first and options.second, of the study in this folder."""
    print("\n".join(lines(load_study(), options.first, options.second)))
    return 0


def lines(study: Study, first: str, second: str) -> list[str]:
    """List the settings that differ, then how each metric that either has, a mean over seeds, changes to the second.

    Reads metrics/<variant>.csv. Raises StudyError if the study has no such variant or it was not evaluated.
    """
    one, other = (study.variant(name).model_dump(exclude={"layers"}) for name in (first, second))
    differing = [key for key in one if one[key] != other[key]]
    rows = [["", first, second, "change", ""]]
    rows += [[key, str(one[key]), str(other[key]), "", ""] for key in differing]
    seeds = [tables.seed_metrics(study, name, edited=True).drop(columns="variant") for name in (first, second)]
    rows += [["seeds", *(" ".join(map(str, table.seed)) for table in seeds), "", ""]]
    for name in [name for name in seeds[0].columns.drop("seed") if name in seeds[1]]:
        before, after = (table[name].mean() for table in seeds)
        if math.isnan(before) and math.isnan(after):
            continue  # neither has it, as where there are no labels
        rows.append([name, _digits(name, before), _digits(name, after), *_change(name, before, after)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    text = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
    if reasons := incomparable(study.variant(first), study.variant(second)):
        text.append(f"The losses are not comparable: they depend on {', '.join(reasons)}.")
    edited = [name for name in (first, second) if is_edited(study, name)]
    if not edited and (said := mixture({name: tables.costs(study, name) for name in (first, second)})):
        text.append(f"Trained on different machines or versions, which may be a cause of differences: {said}.")
    text += [
        f"The settings of {name} in params.yaml changed since it was evaluated: run `dvc repro`" for name in edited
    ]
    return text


def _change(name: str, before: float, after: float) -> tuple[str, str]:
    """Say how much more the second has, and how much that is of what the first has: nothing if only one has it."""
    more = after - before
    if math.isnan(more):
        return "", ""
    percent = f"{100 * more / abs(before):+.2f} %" if before else ""
    return f"{more:+,.0f}" if name == "parameters" else f"{more:+,.4g}", percent


def _digits(name: str, value: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:,.0f}" if name == "parameters" else f"{value:,.6g}"
