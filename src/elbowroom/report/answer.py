"""The answer in words: a sentence for each dataset on its latents, and one on the width of the network.

The sentences say what the tables of report/comparison measured, and no more.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from elbowroom.core.settings import Study
from elbowroom.report.cells import Row
from elbowroom.results.families import LossFamily, SizeSeries, all_series
from elbowroom.results.outcomes import Bend, Outcome
from elbowroom.results.rows import Baseline, BaselineRow, Difference, SeriesElbow
from elbowroom.results.schema import to_rows
from elbowroom.results.tables import Comparison

METRIC = "test_loss"
WIDER = {  # what a wider network is, against a narrower one
    Outcome.BETTER: "the wider is better",
    Outcome.WORSE: "the wider is worse",
    Outcome.NO_DIFFERENCE: "no difference is measured",
    Outcome.ONE_SEED: "with one seed nothing is measured",
    Outcome.NO_COMMON_SEED: "no seed in common",
}


@dataclass(frozen=True)
class Sizes:
    """The VAEs of a series, a name for each latent size, and what their test losses say of each two of them.

    names: smallest size first. pairs: by the larger one's name, then the smaller one's.
    """

    series: SizeSeries
    names: list[str]
    pairs: dict[str, dict[str, Difference]]

    @property
    def enough(self) -> int | None:
        """The place of the smallest size that no larger one is measured better than; None if a pair has no interval."""
        if any(pair.seeds < 2 for smaller in self.pairs.values() for pair in smaller.values()):
            return None
        return next(
            place
            for place, name in enumerate(self.names)
            if all(self.pairs[larger][name].result is not Outcome.BETTER for larger in self.names[place + 1 :])
        )

    @property
    def label(self) -> str:
        return f"{self.series.family.likelihood.replace('_', ' ')}, {self.series.label}"


def answer(study: Study, comparison: Comparison) -> list[str]:
    """Say how many latents are enough in each dataset, and what the width of the network does.

    Enough is the smallest size that no larger one is measured better than (test loss, paired over seeds). The sentence
    is on the series with the most sizes, the first of those; for the others of the dataset it gives only the number.
    """
    losses = [row for row in to_rows(Difference, comparison.differences) if row.metric == METRIC]
    compared = [sizes for series in all_series(study) if (sizes := _sizes(study, series, losses)).pairs]
    said = []
    for dataset in dict.fromkeys(variant.dataset for variant in study.variants.values()):
        own = [sizes for sizes in compared if sizes.series.family.dataset == dataset]
        if not own:
            said.append(f"{dataset}: no two VAEs differ in their latent size alone, so nothing is said of how many.")
            continue
        longest = max(own, key=lambda sizes: len(sizes.names))
        others = [f"; of {sizes.label} it is {_number(study, sizes)}" for sizes in own if sizes is not longest]
        said.append(f"{dataset} ({longest.label}): {_latents(study, longest, comparison)}{''.join(others)}.")
    return [*said, _width(study, losses)]


def _sizes(study: Study, series: SizeSeries, losses: Iterable[Difference]) -> Sizes:
    """Return the sizes of a series of VAEs, the first variant of each; none if nothing of it was compared."""
    first: dict[int, str] = {}
    for name in study.variants:  # the order of params.yaml
        if name in series.members and study.variants[name].model == "vae":
            first.setdefault(study.variants[name].latent_dim, name)
    pairs: dict[str, dict[str, Difference]] = {}
    for pair in losses:
        if {pair.variant, pair.against} <= set(first.values()):
            pairs.setdefault(pair.variant, {})[pair.against] = pair
    compared = {name for larger, smaller in pairs.items() for name in (larger, *smaller)}
    return Sizes(series, [first[size] for size in sorted(first) if first[size] in compared], pairs)


def _number(study: Study, sizes: Sizes) -> str:
    """Say how many latents are enough in a series, in short."""
    place = sizes.enough
    if place is None:
        return "not measured"
    size = study.variants[sizes.names[place]].latent_dim
    if place == len(sizes.names) - 1:
        return f"more than the {size} tried"
    return f"{size}{'' if place else ', the smallest tried'}{_not_excluded(study, sizes, place)}"


def _not_excluded(study: Study, sizes: Sizes, place: int) -> str:
    """Say the most that a larger size may still gain by its interval: no measured gain is not no gain."""
    name, larger = sizes.names[place], sizes.names[place + 1 :]
    possible = min(larger, key=lambda other: sizes.pairs[other][name].low)
    gain = -sizes.pairs[possible][name].low
    if gain <= 0:
        return ""
    size = study.variants[possible].latent_dim
    return f" (with {size} a gain of up to {gain:,.2f} nats an image is not excluded)"


def _latents(study: Study, sizes: Sizes, comparison: Comparison) -> str:
    size = {name: study.variants[name].latent_dim for name in sizes.names}
    rows: dict[str, Row] = {row["variant"]: row for row in comparison.variants.to_dict("records")}
    place = sizes.enough
    if place is None:
        best = min(sizes.names, key=lambda name: rows[name][METRIC])
        return (
            "without two seeds of every size there is no interval, so how many latents are enough is not measured; of "
            f"{_listed(size.values())} the test loss is lowest with {size[best]}"
        )
    enough, larger = sizes.names[place], sizes.names[place + 1 :]
    parts = []
    if larger:
        against = [sizes.pairs[name][enough] for name in larger]
        seeds = against[0].seeds
        text = (
            f"{size[enough]} latents are enough as far as {seeds} seeds show: no larger size is measured better"
            if place
            else f"of the sizes tried none is measured better than the smallest, {size[enough]}, by {seeds} seeds"
        )
        worse = [size[pair.variant] for pair in against if pair.result is Outcome.WORSE]
        verb = "are" if len(worse) > 1 else "is"
        parts.append(text + _not_excluded(study, sizes, place))
        parts[0] += f", {_listed(worse)} {verb} measured worse" if worse else ""
    else:
        parts.append(f"more latents than the {size[enough]} tried may pay still")
    parts.append(_smaller(sizes, size, place) if place else "fewer were not tried")
    parts.append(f"{rows[enough]['active_units']:.3g} of the {size[enough]} are active")
    for elbow in to_rows(SeriesElbow, sizes.series.family.rows(comparison.elbows)):
        if elbow.series == sizes.series.label and elbow.metric == METRIC and elbow.bend is Bend.FOUND:
            parts.append(f"the loss has its {elbow.result}{', and rises after it' if elbow.slope_after > 0 else ''}")
    linear = _linear_losses(sizes.series.family, comparison)
    beaten = [
        size[name]
        for name in sizes.names
        if study.variants[name].beta == 1 and rows[name][METRIC] > linear.get(size[name], float("inf"))
    ]
    if beaten:
        parts.append(f"with {_listed(beaten)} the exact linear VAE of that size has the lower loss")
    return "; ".join(parts)


def _smaller(sizes: Sizes, size: dict[str, int], place: int) -> str:
    """Say what the next smaller size is, against the one that is enough."""
    enough, smaller = sizes.names[place], sizes.names[place - 1]
    pair = sizes.pairs[enough][smaller]
    if pair.result is Outcome.BETTER:
        return f"{size[smaller]} are worse by {_amount(pair.difference, pair.low, pair.high)}"
    turned = _amount(-pair.difference, -pair.high, -pair.low)
    return f"{size[smaller]} are not measured to be worse than {size[enough]}: {turned}"


def _linear_losses(family: LossFamily, comparison: Comparison) -> dict[int, float]:
    """Return the loss of the exact linear VAE by latent size."""
    rows = to_rows(BaselineRow, family.rows(comparison.baselines))
    return {int(row.latent_dim): row.test_loss for row in rows if row.baseline is Baseline.LINEAR_VAE}


def _width(study: Study, losses: Iterable[Difference]) -> str:
    """Say what variants that differ in their width alone show."""
    groups: dict[str, dict[Outcome, list[Difference]]] = {}
    for row in losses:
        after, before = study.variants[row.variant], study.variants[row.against]
        if before.channels < after.channels:
            likelihood = after.likelihood.replace("_", " ")
            group = f"{after.dataset}, {likelihood}, {before.channels} to {after.channels} channels"
            groups.setdefault(group, {}).setdefault(row.result, []).append(row)
    if not groups:
        return "Of the network's width nothing is said: no two variants differ in their width alone."
    said = []
    for group, by_result in groups.items():
        count, parts = sum(map(len, by_result.values())), []
        for result, rows in by_result.items():
            own = sorted(
                (study.variants[row.variant].latent_dim, _amount(row.difference, row.low, row.high)) for row in rows
            )
            text = f"{WIDER[result]} at "
            if result in (Outcome.BETTER, Outcome.WORSE):
                parts.append(text + _listed(f"{size} latents by {amount}" for size, amount in own))
            else:
                shown = f", {own[0][1]}, wider less narrower" if count == 1 and rows[0].seeds > 1 else ""
                parts.append(f"{text}{_listed(size for size, _ in own)} latents{shown}")
        intervals = f" ({count} intervals, not adjusted for their number)" if count > 1 else ""
        said.append(f"{group}: {', '.join(parts)}{intervals}")
    return f"Of the network's width, {'; '.join(said)}."


def _amount(difference: float, low: float, high: float) -> str:
    """Say the size of a measured difference; if none is measured, the bounds as they are."""
    if low <= 0 <= high:
        return f"95 % interval {low:,.2f} to {high:,.2f} nats an image"
    low, high = sorted((abs(low), abs(high)))
    return f"{abs(difference):,.2f} nats an image (95 % interval {low:,.2f} to {high:,.2f})"


def _listed(values: Iterable[int | str]) -> str:
    *first, last = map(str, values)
    return f"{', '.join(first)} and {last}" if first else last
