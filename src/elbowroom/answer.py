"""The answer, in a sentence for each dataset and one on width, made from tables: what intervals say, and no more."""

from collections.abc import Iterable, Mapping
from typing import Any

from elbowroom.comparison import LOSS_FAMILY
from elbowroom.config import Study

Row = Mapping[Any, Any]
METRIC = "test_loss"
WIDER = {  # results of a wider network against a narrower one
    "better": "the wider is better",
    "worse": "the wider is worse",
    "no difference measured": "no difference is measured",
    "one seed, no interval": "with one seed nothing is measured",
}


def answer(
    study: Study, variants: Iterable[Row], sizes: Iterable[Row], differences: Iterable[Row], elbows: Iterable[Row]
) -> list[str]:
    """On how many latents are enough in each dataset, and on the width of the network.

    The arguments are rows of the tables of report/comparison. Enough is the smallest size than which no larger one is
    measured better (test loss, paired over seeds). Said of the series with the most sizes, the first of those; of the
    others of the dataset only the number.
    """
    rows = {row["variant"]: row for row in variants}
    bends = {_series(row): row["result"] for row in elbows if row["metric"] == METRIC}
    series: dict[tuple, dict[tuple[str, str], Row]] = {}  # -> larger, smaller -> the pair
    for row in sizes:
        series.setdefault(_series(row), {})[row["variant"], row["against"]] = row
    said = []
    for dataset in dict.fromkeys(variant.dataset for variant in study.variants.values()):
        own = {key: pairs for key, pairs in series.items() if key[0] == dataset}
        if not own:
            said.append(f"{dataset}: no two VAEs differ in their latent size alone, so nothing is said of how many.")
            continue
        key = max(own, key=lambda key: len(own[key]))
        text = _latents(study, own[key], rows, bends.get(key, ""))
        others = [f"; of {_label(other)} it is {_number(study, pairs)}" for other, pairs in own.items() if other != key]
        said.append(f"{dataset} ({_label(key)}): {text}{''.join(others)}.")
    return [*said, _width(study, [row for row in differences if row["metric"] == METRIC])]


def _series(row: Row) -> tuple:
    return tuple(row[key] for key in (*LOSS_FAMILY, "series"))


def _label(key: tuple) -> str:
    return f"{key[1].replace('_', ' ')}, {key[3]}"


def _names(study: Study, pairs: Mapping[tuple[str, str], Row]) -> list[str]:
    """The variants of a series, smallest first."""
    names = dict.fromkeys(name for pair in pairs for name in pair)
    return sorted(names, key=lambda name: study.variants[name].latent_dim)


def _enough(names: list[str], pairs: Mapping[tuple[str, str], Row]) -> int | None:
    """The place of the smallest size than which no larger one is measured better; None where a pair has no interval."""
    if any(row["seeds"] < 2 for row in pairs.values()):
        return None
    better = [
        [pairs[larger, name]["result"] == "better" for larger in names[place + 1 :]] for place, name in enumerate(names)
    ]
    return next(place for place, found in enumerate(better) if not any(found))


def _number(study: Study, pairs: Mapping[tuple[str, str], Row]) -> str:
    """How many latents are enough in a series, in short."""
    names = _names(study, pairs)
    place = _enough(names, pairs)
    if place is None:
        return "not measured"
    size = study.variants[names[place]].latent_dim
    return f"more than the {size} tried" if place == len(names) - 1 else str(size)


def _latents(study: Study, pairs: Mapping[tuple[str, str], Row], rows: Mapping[str, Row], bend: str) -> str:
    names = _names(study, pairs)
    size = {name: study.variants[name].latent_dim for name in names}
    place = _enough(names, pairs)
    if place is None:
        best = min(names, key=lambda name: rows[name][METRIC])
        return (
            "without two seeds of every size there is no interval, so how many latents are enough is not measured; of "
            f"{_listed(size.values())} the test loss is lowest with {size[best]}"
        )
    enough, larger = names[place], names[place + 1 :]
    before = ""
    if place:
        row = pairs[enough, names[place - 1]]
        verb = "are worse by" if row["result"] == "better" else "are not measured to be worse:"
        before = f"; {size[names[place - 1]]} {verb} {_amount(row)}"
    if not larger:
        return f"more latents than the {size[enough]} tried may pay still{before}"
    possible = max(larger, key=lambda name: -pairs[name, enough]["low"])
    gain = -pairs[possible, enough]["low"]
    worse = [size[name] for name in larger if pairs[name, enough]["result"] == "worse"]
    count = pairs[larger[0], enough]["seeds"]
    text = f"{size[enough]} latents are enough as far as {count} seeds show: no larger size is measured better"
    if gain > 0:
        text += f" (with {size[possible]} a gain of up to {gain:,.2f} nats an image is not excluded)"
    if worse:
        text += f", {_listed(worse)} {'are' if len(worse) > 1 else 'is'} measured worse"
    text += before or f"; fewer than {size[enough]} were not tried"
    text += f"; {rows[enough]['active_units']:.3g} of the {size[enough]} are active"
    return f"{text}; the loss has its {bend}" if bend.startswith("elbow") else text


def _width(study: Study, differences: Iterable[Row]) -> str:
    """On variants that differ in their width alone."""
    groups: dict[str, dict[str, list[int]]] = {}
    last: dict[str, Row] = {}
    for row in differences:
        after, before = study.variants[row["variant"]], study.variants[row["against"]]
        if before.channels < after.channels:
            group = (
                f"{after.dataset}, {after.likelihood.replace('_', ' ')}, {before.channels} to {after.channels} channels"
            )
            groups.setdefault(group, {}).setdefault(row["result"], []).append(after.latent_dim)
            last[group] = row
    if not groups:
        return "Of the network's width nothing is said: no two variants differ in their width alone."
    said = []
    for group, results in groups.items():
        parts = []
        for result, sizes in results.items():
            amount = ""
            if sum(map(len, results.values())) == 1 and last[group]["seeds"] > 1:
                amount = f", {_amount(last[group])}"
            parts.append(f"{WIDER.get(result, result)} at {_listed(sorted(sizes))} latents{amount}")
        said.append(f"{group}: {', '.join(parts)}")
    return f"Of the network's width, {'; '.join(said)}."


def _amount(row: Row) -> str:
    """The size of a measured difference; of one that is not, its bounds as they are."""
    low, high = row["low"], row["high"]
    if low <= 0 <= high:
        return f"95 % interval {low:,.2f} to {high:,.2f} nats an image"
    low, high = sorted((abs(low), abs(high)))
    return f"{abs(row['difference']):,.2f} nats an image (95 % interval {low:,.2f} to {high:,.2f})"


def _listed(values: Iterable[int]) -> str:
    *first, last = map(str, values)
    return f"{', '.join(first)} and {last}" if first else last
