"""Which variants are compared with which, and what their seeds say about the difference.

"Better" and "worse" are adjusted for all rows of a study together, whatever the metric. So if all variants are equal,
the table says either anywhere with a chance of at most 1 - level (docs/null-comparisons.md).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import pandas as pd

from elbowroom.comparison.intervals import Interval, holm, outcome, paired_interval, welch_interval
from elbowroom.core.settings import Study, VariantSettings
from elbowroom.results.families import OBJECTIVE
from elbowroom.results.metrics import METRICS, Direction
from elbowroom.results.outcomes import Pairing
from elbowroom.results.rows import Difference

COMPARED_METRICS = ("test_loss", "iwae_nll", "fcd")
PAIRED_SETTINGS = [
    name for name in VariantSettings.model_fields if name == "beta" or name not in OBJECTIVE
]  # a pair may differ in one
# The network does not depend on these, so a seed gives two variants that differ in one of them the same initial weights
# and the same order of images: what the seed adds to the loss is in both. Other networks start from other weights.
SAME_START = ("recipe", "beta")


@dataclass(frozen=True)
class VariantPair:
    """Two variants that differ in one setting. neighbours: the study has no value between theirs."""

    variant: str
    against: str
    setting: str
    neighbours: bool


@dataclass(frozen=True)
class _Compared:
    """A pair in one metric: the difference variant - against."""

    pair: VariantPair
    metric: str
    interval: Interval
    pairing: Pairing


def comparisons(study: Study, seeds: pd.DataFrame, metrics: Sequence[str] = COMPARED_METRICS) -> list[Difference]:
    """Compare variants that differ in one setting, over seeds: a row for each pair and metric.

    seeds: a row for each variant and seed, with columns variant, seed and the metrics.

    A pair shares dataset, model, likelihood and pixel range, and differs in exactly one other setting, which may be the
    recipe. If the setting is a number, only neighbouring values are paired, the larger against the smaller. Latent
    sizes are an exception: in the test loss every two are paired, because two steps that no interval tells from 0 can
    add up to one that differs. If the setting is a name, each two are paired, the later in the study against the
    earlier. There is no row for a loss that includes beta if beta differs, nor for a metric that one of the two lacks.
    """
    level = study.answer.level
    found = list(_compared(study, seeds, metrics))
    adjusted = holm([each.interval.p for each in found])
    return [
        Difference(
            dataset=study.variants[each.pair.variant].dataset,
            variant=each.pair.variant,
            against=each.pair.against,
            metric=each.metric,
            difference=each.interval.difference,
            low=each.interval.low,
            high=each.interval.high,
            seeds=each.interval.seeds,
            pairing=each.pairing,
            p=each.interval.p,
            p_adjusted=p,
            result=outcome(each.interval, p, level, METRICS[each.metric].better or Direction.LOWER),
        )
        for each, p in zip(found, adjusted, strict=True)
    ]


def _compared(study: Study, seeds: pd.DataFrame, metrics: Sequence[str]) -> Iterator[_Compared]:
    values = {name: table.set_index("seed") for name, table in seeds.groupby("variant")}
    order = {name: place for place, name in enumerate(study.variants)}
    for pair in sorted(pairs_of(study), key=lambda pair: (order[pair.variant], order[pair.against])):
        if pair.variant not in values or pair.against not in values:
            continue
        for name in metrics:
            ours, other = values[pair.variant][name], values[pair.against][name]
            if (pair.setting == "beta" and METRICS[name].includes_beta) or ours.isna().all() or other.isna().all():
                continue
            if not pair.neighbours and (pair.setting != "latent_dim" or name != "test_loss"):
                continue
            pairing = _pairing(pair, study)
            interval = paired_interval if pairing is Pairing.BY_SEED else welch_interval
            yield _Compared(pair, name, interval(ours, other, study.answer.level), pairing)


def _pairing(pair: VariantPair, study: Study) -> Pairing:
    """Pair seeds only if both variants have the same ones and each seed gives both the same start.

    Settings decide this, never the losses: a rule that looks at them first would say "better" too often.
    """
    ours, other = (study.recipes[study.variants[name].recipe] for name in (pair.variant, pair.against))
    same = pair.setting in SAME_START and set(ours.seeds) == set(other.seeds)
    return Pairing.BY_SEED if same else Pairing.NONE


def pairs_of(study: Study) -> Iterator[VariantPair]:
    """Yield each two variants that differ in one setting alone, the larger value or the later name first."""
    for setting in PAIRED_SETTINGS:
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
                    yield VariantPair(name, against, setting, neighbours)
