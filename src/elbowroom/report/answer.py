"""The answer, in a sentence for each dataset and one on width, made from tables: what intervals say, and no more."""

from collections.abc import Iterable, Mapping
from typing import Any

from elbowroom.comparison.summary import LOSS_FAMILY
from elbowroom.core.settings import Study

Row = Mapping[Any, Any]
METRIC = "test_loss"
WIDER = {  # results of a wider network against a narrower one
    "better": "the wider is better",
    "worse": "the wider is worse",
    "no difference measured": "no difference is measured",
    "one seed, no interval": "with one seed nothing is measured",
}


def answer(
    study: Study, variants: Iterable[Row], baselines: Iterable[Row], differences: Iterable[Row], elbows: Iterable[Row]
) -> list[str]:
    """On how many latents are enough in each dataset, and on the width of the network.

    The arguments are rows of the tables of report/comparison. Enough is the smallest size than which no larger one is
    measured better (test loss, paired over seeds). Said of the series with the most sizes, the first of those; of the
    others of the dataset only the number.
    """
    rows = {row["variant"]: row for row in variants}
    bends = {_series(row): row for row in elbows if row["metric"] == METRIC and row["result"].startswith("elbow")}
    linear = {(*_family(row), row["latent_dim"]): row[METRIC] for row in baselines if row["baseline"] == "linear VAE"}
    losses = [row for row in differences if row["metric"] == METRIC]
    first = {(*_series(row), row["latent_dim"]): name for name, row in reversed(rows.items())}  # of the same settings
    series: dict[tuple, dict[tuple[str, str], Row]] = {}  # -> larger, smaller -> the pair
    for pair in losses:
        name, against = pair["variant"], pair["against"]
        sizes = rows[name]["latent_dim"], rows[against]["latent_dim"]
        if study.variants[name].model == "vae" and sizes[0] != sizes[1] and {name, against} <= set(first.values()):
            series.setdefault(_series(rows[name]), {})[name, against] = pair
    said = []
    for dataset in dict.fromkeys(variant.dataset for variant in study.variants.values()):
        own = {key: pairs for key, pairs in series.items() if key[0] == dataset}
        if not own:
            said.append(f"{dataset}: no two VAEs differ in their latent size alone, so nothing is said of how many.")
            continue
        key = max(own, key=lambda key: len(own[key]))
        text = _latents(study, own[key], rows, linear, bends.get(key))
        others = [f"; of {_label(other)} it is {_number(study, pairs)}" for other, pairs in own.items() if other != key]
        said.append(f"{dataset} ({_label(key)}): {text}{''.join(others)}.")
    return [*said, _width(study, losses)]


def _family(row: Row) -> tuple:
    return tuple(row[key] for key in LOSS_FAMILY)


def _series(row: Row) -> tuple:
    return *_family(row), row["series"]


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
    if place == len(names) - 1:
        return f"more than the {size} tried"
    return f"{size}{'' if place else ', the smallest tried'}{_not_excluded(study, pairs, names[place:])}"


def _not_excluded(study: Study, pairs: Mapping[tuple[str, str], Row], names: list[str]) -> str:
    """The most that a larger size than the first may gain still, by its interval: no measured gain is not none."""
    first, *larger = names
    possible = max(larger, key=lambda name: -pairs[name, first]["low"])
    gain = -pairs[possible, first]["low"]
    if gain <= 0:
        return ""
    size = study.variants[possible].latent_dim
    return f" (with {size} a gain of up to {gain:,.2f} nats an image is not excluded)"


def _latents(
    study: Study,
    pairs: Mapping[tuple[str, str], Row],
    rows: Mapping[str, Row],
    linear: Mapping[tuple, float],
    bend: Row | None,
) -> str:
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
    parts = []
    if larger:
        seeds = pairs[larger[0], enough]["seeds"]
        text = (
            f"{size[enough]} latents are enough as far as {seeds} seeds show: no larger size is measured better"
            if place
            else f"of the sizes tried none is measured better than the smallest, {size[enough]}, by {seeds} seeds"
        )
        worse = [size[name] for name in larger if pairs[name, enough]["result"] == "worse"]
        verb = "are" if len(worse) > 1 else "is"
        parts.append(text + _not_excluded(study, pairs, names[place:]))
        parts[0] += f", {_listed(worse)} {verb} measured worse" if worse else ""
    else:
        parts.append(f"more latents than the {size[enough]} tried may pay still")
    if place:
        before = pairs[enough, names[place - 1]]
        if before["result"] == "better":
            parts.append(f"{size[names[place - 1]]} are worse by {_amount(before)}")
        else:
            turned = {"difference": -before["difference"], "low": -before["high"], "high": -before["low"]}
            parts.append(
                f"{size[names[place - 1]]} are not measured to be worse than {size[enough]}: {_amount(turned)}"
            )
    else:
        parts.append("fewer were not tried")
    parts.append(f"{rows[enough]['active_units']:.3g} of the {size[enough]} are active")
    if bend:
        parts.append(f"the loss has its {bend['result']}{', and rises after it' if bend['slope_after'] > 0 else ''}")
    beaten = [
        size[name]
        for name in names
        if study.variants[name].beta == 1
        and rows[name][METRIC] > linear.get((*_family(rows[name]), size[name]), float("inf"))
    ]
    if beaten:
        parts.append(f"with {_listed(beaten)} the exact linear VAE of that size has the lower loss")
    return "; ".join(parts)


def _width(study: Study, differences: Iterable[Row]) -> str:
    """On variants that differ in their width alone."""
    groups: dict[str, dict[str, list[Row]]] = {}
    for row in differences:
        after, before = study.variants[row["variant"]], study.variants[row["against"]]
        if before.channels < after.channels:
            group = (
                f"{after.dataset}, {after.likelihood.replace('_', ' ')}, {before.channels} to {after.channels} channels"
            )
            groups.setdefault(group, {}).setdefault(row["result"], []).append(row)
    if not groups:
        return "Of the network's width nothing is said: no two variants differ in their width alone."
    said = []
    for group, results in groups.items():
        count, parts = sum(map(len, results.values())), []
        for result, rows in results.items():
            own = sorted((study.variants[row["variant"]].latent_dim, _amount(row)) for row in rows)
            text = f"{WIDER.get(result, result)} at "
            if result in ("better", "worse"):
                parts.append(text + _listed(f"{size} latents by {amount}" for size, amount in own))
            else:
                amount = f", {own[0][1]}, wider less narrower" if count == 1 and rows[0]["seeds"] > 1 else ""
                parts.append(f"{text}{_listed(size for size, _ in own)} latents{amount}")
        intervals = f" ({count} intervals, not adjusted for their number)" if count > 1 else ""
        said.append(f"{group}: {', '.join(parts)}{intervals}")
    return f"Of the network's width, {'; '.join(said)}."


def _amount(row: Row) -> str:
    """The size of a measured difference; of one that is not, its bounds as they are."""
    low, high = row["low"], row["high"]
    if low <= 0 <= high:
        return f"95 % interval {low:,.2f} to {high:,.2f} nats an image"
    low, high = sorted((abs(low), abs(high)))
    return f"{abs(row['difference']):,.2f} nats an image (95 % interval {low:,.2f} to {high:,.2f})"


def _listed(values: Iterable[int | str]) -> str:
    *first, last = map(str, values)
    return f"{', '.join(first)} and {last}" if first else last
