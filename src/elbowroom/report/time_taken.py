"""How long a study took, in sentences: what is kept with its results, and what stages took in this checkout."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from elbowroom.core.pipeline import DATASET_STAGES, VARIANT_STAGES
from elbowroom.core.settings import Study
from elbowroom.core.text import counted
from elbowroom.report.markdown import one_line
from elbowroom.report.provenance import StageTime
from elbowroom.report.wording import listed
from elbowroom.scheduler.budget import duration

OTHER_STAGES = {  # but training, whose time is kept, and what only sets results out
    stage: name
    for stages, name in ((DATASET_STAGES, "dataset"), (VARIANT_STAGES, "variant"))
    for stage in stages
    if stage != "train"
}


def spent_training(costs: pd.DataFrame) -> float:
    """Add up what training a variant took. Seeds that were trained together share their seconds."""
    return float((costs.seconds / costs.seeds_together).sum())


def time_taken(study: Study, costs: Mapping[str, pd.DataFrame], times: Sequence[StageTime]) -> Iterator[str]:
    """Say how long training took, how long the other stages, and which of them nobody knows the time of.

    costs: of each variant, a row for each seed. times: of the stages that ran in this checkout.
    """
    training = sum(map(spent_training, costs.values()))
    devices = set().union(*(table.device for table in costs.values()))
    on = f" on {one_line(devices.pop())}" if len(devices) == 1 else ""
    variants = counted(len(costs), "variant")
    yield f"Training took {duration(training)}{on}, all {variants} added up: side by side they take less."
    runs = {"dataset": len({variant.dataset for variant in study.variants.values()}), "variant": len(study.variants)}
    seconds = {row.stage: row.total for row in times if row.runs >= runs.get(OTHER_STAGES.get(row.stage, ""), 0)}
    known = [stage for stage in OTHER_STAGES if stage in seconds]
    unknown = [stage for stage in OTHER_STAGES if stage not in seconds]
    if known:
        parts = listed(f"{stage} {duration(seconds[stage])}" for stage in known)
        total = f" All of it: {duration(training + sum(seconds[stage] for stage in known))}."
        yield (
            f"Of the other stages, these ran in this checkout: {parts}."
            if unknown
            else f"The other stages: {parts}.{total}"
        )
    if unknown:
        yield f"What {listed(unknown) if known else 'the other stages'} took is not known here."
    yield "Before it begins, elbowroom repro says how long training will take on your machine."
