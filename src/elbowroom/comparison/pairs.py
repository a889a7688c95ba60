"""Which variants are compared with which, and what their seeds say of the difference."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations, product

import pandas as pd

from elbowroom.comparison.intervals import paired_interval, wording
from elbowroom.core.settings import Study, Variant

FAMILY = ("dataset", "model", "likelihood", "pixel_range")  # within one, a loss means the same
SETTINGS = [name for name in Variant.model_fields if name not in FAMILY]
OF_BETA = ("test_loss", "train_loss")  # another quantity where beta differs
COLUMNS = ["dataset", "variant", "against", "metric", "difference", "low", "high", "seeds", "result"]


def comparisons(study: Study, seeds: pd.DataFrame, metrics: Mapping[str, bool]) -> pd.DataFrame:
    """Variants that differ in one setting, each against the other over seeds: COLUMNS, a row for each pair and metric.

    seeds: a row for each variant and seed, columns variant, seed and the metrics. metrics: column -> whether lower is
    better. `difference` is variant - against, in the metric's unit; `result` is its wording.

    Only variants of a family are paired (the same dataset, model, likelihood and pixel range), and those that differ in
    exactly one of the other settings, the recipe being one. Of a setting that is a number, only neighbours are, the
    larger against the smaller; of latent sizes every two are in the test loss, because two steps that no interval tells
    from 0 can be one that it does. Of other settings each pair is, the later against the earlier in the study. Where
    beta differs the loss is another quantity: there is no row for it. Nor for a metric that one of the two has no
    number for.
    """
    values = {name: table.set_index("seed") for name, table in seeds.groupby("variant")}
    rows, order = [], list(study.variants)
    pairs = sorted(_pairs(study), key=lambda pair: [order.index(name) for name in pair[:2]])
    for name, against, setting, apart in pairs:
        if name not in values or against not in values:
            continue
        for metric, lower_is_better in metrics.items():
            ours, other = values[name][metric], values[against][metric]
            if (setting == "beta" and metric in OF_BETA) or ours.isna().all() or other.isna().all():
                continue
            if apart and (setting != "latent_dim" or metric != "test_loss"):
                continue
            interval = paired_interval(ours, other)
            result = wording(interval, lower_is_better)
            rows.append((study.variants[name].dataset, name, against, metric, *interval, result))
    return pd.DataFrame(rows, columns=COLUMNS)


def _pairs(study: Study) -> Iterator[tuple[str, str, str, bool]]:
    """variant, the one it is compared against, the setting in which they differ, whether other numbers are between."""
    for setting in SETTINGS:
        groups: dict[str, dict] = defaultdict(lambda: defaultdict(list))  # what they share -> value -> variants
        for name, variant in study.variants.items():
            settings = variant.model_dump()
            value = settings.pop(setting)
            groups[repr(settings)][value].append(name)
        for by_value in groups.values():
            numbers = not any(isinstance(value, str) for value in by_value)
            order = sorted(by_value) if numbers else list(by_value)
            for smaller, larger in combinations(order, 2):
                apart = numbers and order.index(larger) - order.index(smaller) > 1
                for name, against in product(by_value[larger], by_value[smaller]):
                    yield name, against, setting, apart
