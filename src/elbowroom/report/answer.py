"""The answer in words: a paragraph for each series of latent sizes, and one on the width of the network.

The sentences are templates that set out the tables answer.csv and widths.csv, one idea each. A loss in nats stands
beside the share that it is of what the best size explains.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from elbowroom.comparison.published import shortfalls_of
from elbowroom.core.settings import Study
from elbowroom.report.width_answer import width_paragraph
from elbowroom.report.wording import Paragraph, dataset_name, listed, nats, several, share
from elbowroom.results.families import LossFamily
from elbowroom.results.outcomes import State, Step
from elbowroom.results.rows import SizeAnswer, WidthGain
from elbowroom.results.schema import to_rows
from elbowroom.results.tables import Comparison


@dataclass(frozen=True)
class Series:
    """The latent sizes of a series, ascending."""

    rows: Sequence[SizeAnswer]

    @property
    def subject(self) -> str:
        first = self.rows[0]
        return f"{dataset_name(first.dataset)}, {first.series}"

    def of_state(self, *states: State) -> list[SizeAnswer]:
        return [row for row in self.rows if row.state in states]

    @property
    def kept(self) -> list[SizeAnswer]:
        """The sizes that were trained well enough to be compared."""
        return [row for row in self.rows if row.state is not State.UNDERTRAINED]


def answer(study: Study, comparison: Comparison) -> list[Paragraph]:
    """Say how many latents are enough in each dataset, and whether a wider network is worth having.

    Of a dataset that has series of several sizes, those are the subject; else the first series that it has.
    """
    paragraphs = []
    rows = to_rows(SizeAnswer, comparison.answer)
    for dataset in dict.fromkeys(variant.dataset for variant in study.variants.values()):
        found = list(_all_series(row for row in rows if row.dataset == dataset))
        if not found:
            none = "Only autoencoders were trained, so how many latents a VAE needs was not tested."
            paragraphs.append(Paragraph(dataset_name(dataset), [none, *_budget(study, dataset)]))
            continue
        told = [series for series in found if len(series.rows) > 1] or found[:1]
        for series in told:
            subject = series.subject if len(told) > 1 else dataset_name(dataset)
            budget = _budget(study, dataset) if series is told[-1] else ()
            paragraphs.append(Paragraph(subject, [*_sentences(series), *budget]))
    return [*paragraphs, width_paragraph(to_rows(WidthGain, comparison.widths))]


def _all_series(rows: Iterable[SizeAnswer]) -> Iterator[Series]:
    groups: dict[tuple[LossFamily, str], list[SizeAnswer]] = {}
    for row in rows:
        groups.setdefault((LossFamily.of(row), row.series), []).append(row)
    for own in groups.values():
        yield Series(sorted(own, key=lambda row: row.latent_dim))


def _sentences(series: Series) -> Iterator[str]:
    if series.of_state(State.COLLAPSED):
        yield "The latent space collapsed: no size explains more than the mean image does."
        return
    yield from _used(series)
    yield from _undertrained(series)
    yield from _one_seed(series)
    yield from _too_few(series)
    yield from _undecided(series)
    yield from _enough(series)
    yield from _largest(series)
    yield from _unfinished(series)
    yield from _linear(series)
    yield from _next(series)


def _used(series: Series) -> Iterator[str]:
    """Say how many latents the models use whose size is at least twice that, if there are any."""
    spare = [row for row in series.rows if 2 * row.used <= row.latent_dim]
    if not spare:
        return
    counts = sorted({round(row.used) for row in spare})
    amount = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    verb = "latent is" if counts == [1] else "latents are"
    when = f"whether the model has {_sizes(spare, 'or')}" if len(spare) > 1 else f"if the model has {_sizes(spare)}"
    yield f"About {amount} {verb} used, {when}."


def _undertrained(series: Series) -> Iterator[str]:
    if rows := series.of_state(State.UNDERTRAINED):
        verb, losses, left_out = (
            several(rows, "trains", "train"),
            several(rows, "its loss", "their losses"),
            several(rows, "it is", "they are"),
        )
        yield (
            f"{_sizes(rows)} {verb} worse than {_lower(series, rows)}: on training images {losses} "
            f"{several(rows, 'is', 'are')} {_with_shares(rows, [row.rise for row in rows])} higher, at least "
            f"{_amounts((row.rise_low for row in rows), unit=False)}."
        )
        yield f"A larger space contains the smaller one, so this is training, not size: {left_out} left out."
    if rows := series.of_state(State.UNCLEAR):
        yield (
            f"{_sizes(rows)} may train worse than {_lower(series, rows)}, by "
            f"{_with_shares(rows, [row.rise for row in rows])} on training images, but "
            f"{several(rows, 'its', 'their')} seeds differ too much to tell."
        )


def _lower(series: Series, rows: Sequence[SizeAnswer]) -> str:
    """Name the smaller sizes that rows train worse than: for each row, the one with the lowest training loss."""
    smaller = [
        min((other for other in series.rows if other.latent_dim < row.latent_dim), key=lambda other: other.train_loss)
        for row in rows
    ]
    return listed(dict.fromkeys(row.latent_dim for row in smaller))


def _one_seed(series: Series) -> Iterator[str]:
    single = series.of_state(State.ONE_SEED)
    if single and len(single) == len(series.kept):
        best = min(series.rows, key=lambda row: row.test_loss)
        each = "Each size has" if len(series.rows) > 1 else f"{best.latent_dim} has"
        yield f"{each} one seed, so chance cannot be told from size: no conclusion."
        if len(series.rows) > 1:
            yield f"Of {_sizes(series.rows)}, {best.latent_dim} has the lowest test loss, which may be chance."
    elif single:
        yield f"{_sizes(single)} {several(single, 'has', 'have')} one seed, so no conclusion there."


def _too_few(series: Series) -> Iterator[str]:
    rows = series.of_state(State.TOO_FEW)
    if not rows:
        return
    larger = [row for row in series.kept if row.latent_dim > rows[-1].latent_dim]
    better = f"{larger[0].latent_dim} is" if len(larger) == 1 else "a larger size is"
    noun = "latent is" if [row.latent_dim for row in rows] == [1] else "latents are"
    yield (
        f"{_sizes(rows)} {noun} too few: {better} better by at least "
        f"{_with_shares(rows, [row.excess_low for row in rows], ' of what the model explains')}."
    )


def _undecided(series: Series) -> Iterator[str]:
    rows = series.of_state(State.UNDECIDED)
    margin = nats(series.rows[0].margin)
    if open_ended := [row for row in rows if row.excess_high > row.margin]:
        yield (
            f"{_sizes(open_ended)} {several(open_ended, 'is', 'are')} undecided: a larger size may be better by up to "
            f"{_with_shares(open_ended, [row.excess_high for row in open_ended])}, more than the margin of {margin}."
        )
    for row in rows:
        if row not in open_ended:
            unsettled = [
                other
                for other in series.of_state(State.UNCLEAR, State.ONE_SEED, State.UNDECIDED)
                if other.latent_dim > row.latent_dim
            ]
            verb = several(unsettled, "is", "are")
            yield f"{row.latent_dim} may be enough, but that cannot be said before {_sizes(unsettled)} {verb} settled."


def _enough(series: Series) -> Iterator[str]:
    for row in series.of_state(State.ENOUGH):
        larger = [other for other in series.kept if other.latent_dim > row.latent_dim]
        enough = f"{row.latent_dim} {'latent is' if row.latent_dim == 1 else 'latents are'} enough"
        if any(other.unfinished for other in series.kept):
            enough = f"At this budget, {enough}"
        most = f"at most {nats(row.excess_high)} ({share(row.excess_high, row.explained)})"
        gain = most if row.excess_high > 0 else "nothing"
        yield f"{enough}: {_sizes(larger)} {several(larger, 'gains', 'gain')} {gain}."
        if row is series.rows[0]:
            yield "Fewer were not tried."


def _largest(series: Series) -> Iterator[str]:
    for row in series.of_state(State.LARGEST):
        if len(series.kept) == 1:
            only = "was tried" if len(series.rows) == 1 else "remains"
            yield f"Only {row.latent_dim} {only}, so how many are enough was not tested."
        elif row is series.rows[-1]:
            yield f"{row.latent_dim} is the largest size tried, so whether it is enough cannot be seen."
        else:
            yield f"{row.latent_dim} is the largest size that trained well, so whether it is enough cannot be seen."


def _unfinished(series: Series) -> Iterator[str]:
    rows = [row for row in series.rows if row.unfinished]
    if not rows:
        return
    gains = sorted(row.doubling_gain for row in rows)
    amount = nats(gains[0]) if len(rows) == 1 else f"{nats(gains[0], unit=False)} to {nats(gains[-1])}"
    amount += f" ({'' if len(rows) == 1 else 'up to '}{share(gains[-1], rows[0].explained)})"
    where = f" with {_sizes(rows)} latents" if len(rows) < len(series.rows) else ""
    yield f"Training is not finished: twice the epochs would gain about {amount}{where}."


def _linear(series: Series) -> Iterator[str]:
    """Say where the exact linear VAE does better: a caveat with one seed, too."""
    rows = [row for row in series.rows if row.test_loss > row.linear_loss]
    if rows:
        most = max(row.test_loss - row.linear_loss for row in rows)
        amount = f"{nats(most)} ({share(most, rows[0].explained)})"
        yield f"With {_sizes(rows, 'or')} latents a linear VAE does better, by up to {amount}."


def _next(series: Series) -> Iterator[str]:
    first = series.rows[0]
    if first.step is Step.NOTHING:
        return
    sizes = [int(size) for size in first.step_sizes.split()]
    whom = "all of them" if sizes == [row.latent_dim for row in series.rows] and len(sizes) > 2 else listed(sizes)
    match first.step:
        case Step.MORE_SEEDS:
            yield f"Next: train {first.step_seeds:.0f} seeds of {whom}."
        case Step.LONGER:
            beside = "" if series.of_state(State.UNCLEAR) else "; more seeds cannot help"
            yield f"Next: train {whom} for twice the epochs{beside}."
        case Step.LARGER | Step.BETWEEN | Step.SMALLER:
            yield f"Next: train {whom} latents."


def _budget(study: Study, dataset: str) -> Iterator[str]:
    if parts := shortfalls_of(study, dataset):
        yield f"This is not the published budget: {', '.join(parts)}."


def _amounts(values: Iterable[float], unit: bool = True) -> str:
    return listed(nats(value, unit=False) for value in values) + (" nats" if unit else "")


def _with_shares(rows: Sequence[SizeAnswer], values: Sequence[float], of: str = "") -> str:
    """Return amounts in nats, with the share of what the best size explains that each is."""
    shares = listed(share(value, row.explained) for row, value in zip(rows, values, strict=True))
    return f"{_amounts(values)} ({shares}{of})"


def _sizes(rows: Iterable[SizeAnswer], word: str = "and") -> str:
    return listed((row.latent_dim for row in rows), word)
