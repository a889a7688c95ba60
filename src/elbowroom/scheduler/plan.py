"""Find out which stages have to run, and say what they will train."""

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from graphlib import TopologicalSorter

from elbowroom.core import code_digest, paths
from elbowroom.core.params import load_study
from elbowroom.core.pipeline import FOLDER_STAGES
from elbowroom.core.text import counted
from elbowroom.scheduler.budget import budgets, duration

Plan = dict[str, set[str]]  # each stage to run, in the order of dvc.yaml -> the stages that it waits for


def find_plan() -> Plan:
    """Return the stages of this dvc.yaml that DVC finds changed, and all stages that follow them.

    Run the stage `code` first if it is to run, and those that list a folder: only then is it known what changed.
    """
    paths.explorer_file("").parent.mkdir(exist_ok=True)  # where the link `sheets` leads: DVC fails if it leads nowhere
    changed = _changed()
    if code_digest.STAGE in changed:
        print(_dvc("repro", "--single-item", code_digest.STAGE), end="")
        changed = _changed() - {code_digest.STAGE}  # without a clone, DVC always finds it changed
    if listings := {stage for stage in changed if stage.partition("@")[0] in FOLDER_STAGES}:
        print(_dvc("repro", "--single-item", *sorted(listings)), end="")
        changed = _changed() - listings - {code_digest.STAGE}  # DVC always finds listings changed
    waits: Plan = {}
    for line in _dvc("dag", "--dot").splitlines() if changed else []:
        names = re.findall(r'"([^"]+)"', line)  # "stage"; or "stage" -> "next";
        if names and not any(":" in name or name.endswith(".dvc") for name in names):  # not of another file
            waits.setdefault(names[-1], set()).update(names[:-1])
    for stage in TopologicalSorter(waits).static_order():
        if waits[stage] & changed:
            changed.add(stage)
    return {stage: waits[stage] & changed for stage in waits if stage in changed}


def _changed() -> set[str]:
    return set(json.loads(_dvc("status", "--json")))


def _dvc(*command: str) -> str:
    done = subprocess.run(["dvc", "--wait-for-lock", *command], stdout=subprocess.PIPE, text=True)  # noqa: S603, S607
    if done.returncode:
        sys.exit(done.returncode)  # DVC has printed why
    return done.stdout


def trained(plan: Plan) -> list[str]:
    """Return the variants that a plan trains."""
    return [stage.removeprefix("train@") for stage in plan if stage.startswith("train@")]


def describe_plan(plan: Plan, jobs: int, threads: str, seconds: Mapping[str, float]) -> str:
    """Say what may run, and how much training that is. seconds: of each variant to train; empty if not known."""
    limits = f"{jobs} at a time with OMP_NUM_THREADS={threads}"
    lines = [f"Up to {counted(len(plan), 'stage')} to run, {limits}; DVC restores what its cache has"]
    names = trained(plan)
    lines += budgets(load_study(), names) if names else []
    if seconds:
        longest = max(sum(seconds.values()) / jobs, *seconds.values())
        lines.append(
            f"The training takes about {duration(longest)} if nothing else runs; measuring and pictures add to it"
        )
    return "\n".join(map(wrapped, lines))


def wrapped(line: str) -> str:
    """Break a line at 100 characters."""
    return textwrap.fill(line, 100, subsequent_indent="  ", break_on_hyphens=False)
