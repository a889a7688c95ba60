"""Which variants are compared with which, and what their seeds say about the difference."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import pandas as pd

from elbowroom.comparison.intervals import outcome, paired_interval
from elbowroom.core.settings import Study, Variant
from elbowroom.results.families import OBJECTIVE
from elbowroom.results.metrics import METRICS, Direction
from elbowroom.results.rows import Difference

COMPARED = ("test_loss", "iwae_nll", "fcd")
SETTINGS = [
    name for name in Variant.model_fields if name == "beta" or name not in OBJECTIVE
]  # a pair may differ in one


@dataclass(frozen=True)
class Pair:
    """Two variants that differ in one setting. neighbours: the study has no value between theirs."""

    variant: str
    against: str
    setting: str
    neighbours: bool


def comparisons(study: Study, seeds: pd.DataFrame, metrics: Sequence[str] = COMPARED) -> list[Difference]:
    """Compare variants that differ in one setting, over seeds: a row for each pair and metric.

    seeds: a row for each variant and seed, with columns variant, seed and the metrics.

    A pair shares dataset, model, likelihood and pixel range, and differs in exactly one other setting, which may be the
    recipe. If the setting is a number, only neighbouring values are paired, the larger against the smaller. Latent
    sizes are an exception: in the test loss every two are paired, because two steps that no interval tells from 0 can
    add up to one that differs. If the setting is a name, each two are paired, the later in the study against the
    earlier. There is no row for a loss that includes beta if beta differs, nor for a metric that one of the two lacks.
    """
    values = {name: table.set_index("seed") for name, table in seeds.groupby("variant")}
    order = {name: place for place, name in enumerate(study.variants)}
    rows = []
    for pair in sorted(pairs_of(study), key=lambda pair: (order[pair.variant], order[pair.against])):
        if pair.variant not in values or pair.against not in values:
            continue
        for name in metrics:
            metric = METRICS[name]
            ours, other = values[pair.variant][name], values[pair.against][name]
            if (pair.setting == "beta" and metric.includes_beta) or ours.isna().all() or other.isna().all():
                continue
            if not pair.neighbours and (pair.setting != "latent_dim" or name != "test_loss"):
                continue
            found = paired_interval(ours, other)
            rows.append(
                Difference(
                    dataset=study.variants[pair.variant].dataset,
                    variant=pair.variant,
                    against=pair.against,
                    metric=name,
                    difference=found.difference,
                    low=found.low,
                    high=found.high,
                    seeds=found.seeds,
                    result=outcome(found, metric.better or Direction.LOWER),
                )
            )
    return rows


def pairs_of(study: Study) -> Iterator[Pair]:
    """Yield each two variants that differ in one setting alone, the larger value or the later name first."""
    for setting in SETTINGS:
        groups: dict[str, dict] = defaultdict(lambda: defaultdict(list))  # what they share -> value -> variants
        for name, variant in study.variants.items():
            settings = variant.model_dump()
            value = settings.pop(setting)
            groups[repr(settings)][value].append(name)
        for by_value in groups.values():
            are_numbers = not any(isinstance(value, str) for value in by_value)
            order = sorted(by_value) if are_numbers else list(by_value)
            for smaller, larger in combinations(order, 2):
                neighbours = not are_numbers or order.index(larger) - order.index(smaller) == 1
                for name, against in product(by_value[larger], by_value[smaller]):
                    yield Pair(name, against, setting, neighbours)
