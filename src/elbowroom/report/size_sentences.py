"""What is known of the latent sizes of a series, in sentences: one idea each, made from the rows of answer.csv.

An amount in nats stands beside the share that it is of what the best size explains. "At least", "at most" and "up to"
are bounds at the level of the answer.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from elbowroom.comparison.next_step import trains_longer
from elbowroom.report.wording import UNEXPLAINED, latents, listed, nats, nats_and_share, several, unexplained_state
from elbowroom.results.outcomes import State, Step
from elbowroom.results.rows import SizeAnswer


@dataclass(frozen=True)
class Series:
    """The latent sizes of a series, ascending."""

    rows: Sequence[SizeAnswer]

    def of_state(self, *states: State) -> list[SizeAnswer]:
        """The sizes in any of these states."""
        return [row for row in self.rows if row.state in states]

    @property
    def kept(self) -> list[SizeAnswer]:
        """The sizes that were trained well enough to be compared."""
        return [row for row in self.rows if row.state is not State.UNDERTRAINED]


def sentences(series: Series) -> Iterator[str]:
    """Say what is known of each size, how well it was trained, and what would decide how many are enough."""
    if state := unexplained_state(series.rows):
        yield UNEXPLAINED[state]
        if state is State.BARELY_TRAINED and (rows := [row for row in series.rows if row.doubling_gain > 0]):
            yield _doubling(rows, lambda row: nats(row.doubling_gain))
        yield from next_steps(series)
        return
    yield from _one_seed(series)
    yield from _too_few(series)
    yield from _undecided(series)
    yield from _enough(series)
    yield from _largest(series)
    yield from _undertrained(series)
    yield from _unfinished(series)
    yield from _linear(series)
    yield from _used(series)
    yield from next_steps(series)


def _unfinished(series: Series) -> Iterator[str]:
    rows = [row for row in series.rows if row.unfinished]
    finished = [row for row in series.rows if not row.unfinished]
    if not rows:
        return
    if not finished:
        yield "Training is not finished."
    elif len(finished) < len(rows):
        yield f"Training is not finished, except with {_latents(finished)}."
    else:
        yield f"Training is not finished with {_latents(rows)}."
    yield _doubling(rows, _rough)


def _rough(row: SizeAnswer) -> str:
    """Say what twice the epochs may gain. A share of what little is explained yet would say nothing."""
    small = row.doubling_gain < row.explained / 2
    return nats_and_share(row.doubling_gain, row.explained) if small else nats(row.doubling_gain)


def _doubling(rows: Sequence[SizeAnswer], gain: Callable[[SizeAnswer], str]) -> str:
    by_gain = sorted(rows, key=lambda row: row.doubling_gain)
    least, most = by_gain[0], by_gain[-1]
    low, high = gain(least), gain(most)
    amount = low if low == high else f"{low} with {_latents([least])} to {high} with {most.latent_dim}"
    return f"By a rough guess, twice the epochs would lower the training loss by {amount}."


def _undertrained(series: Series) -> Iterator[str]:
    if rows := series.of_state(State.UNDERTRAINED):
        losses = several(rows, "the training loss is", "the training losses are")
        yield (
            f"{_latents(rows)} trained worse than {_lower(series, rows)}: {losses} higher by at least "
            f"{_named((row, row.rise_low) for row in rows)}."
        )
        yield (
            "A model with more latents can do all that one with fewer can, so the cause is training, not size. "
            f"{_sizes(rows)} {several(rows, 'is', 'are')} not compared further."
        )
    if rows := series.of_state(State.UNCLEAR):
        losses = several(rows, "the training loss is", "the training losses are")
        yield (
            f"{_latents(rows)} may have trained worse than {_lower(series, rows)}: {losses} higher by "
            f"{_named((row, row.rise) for row in rows)} on average, but seeds differ too much to be sure."
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
        if len(series.rows) == 1:
            yield f"No conclusion: {_latents(single)} {_verb(single, 'was', 'were')} trained with one seed only."
            return
        best = min(series.rows, key=lambda row: row.test_loss)
        yield "No conclusion: each size has only one seed."
        yield f"The test loss is lowest with {_latents([best])}, but that may be chance."
    elif single:
        yield f"{_latents(single)} {_verb(single, 'was', 'were')} trained with one seed only and cannot be judged."


def _too_few(series: Series) -> Iterator[str]:
    rows = series.of_state(State.TOO_FEW)
    if not rows:
        return
    larger = [row for row in series.kept if row.latent_dim > rows[-1].latent_dim]
    better = f"{larger[0].latent_dim} is" if len(larger) == 1 else "a larger size is"
    yield f"{_latents(rows)} {_verb(rows)} too few: {better} better {_than((row, row.excess_low) for row in rows)}."


def _than(bounds: Iterable[tuple[SizeAnswer, float]], by: str = "by at least") -> str:
    """Say by how much something is better than each row; name the row if there are several."""
    pairs = [(row, nats_and_share(value, row.explained)) for row, value in bounds]
    if len(pairs) == 1:
        return f"{by} {pairs[0][1]}"
    return listed(f"than {row.latent_dim} {by} {amount}" for row, amount in pairs)


def _undecided(series: Series) -> Iterator[str]:
    rows = series.of_state(State.UNDECIDED)
    if open_ended := [row for row in rows if row.excess_high > row.margin]:
        than = _than([(row, row.excess_high) for row in open_ended], "by up to")
        whether = f"Whether {_latents(open_ended, 'or')} {_verb(open_ended)} enough is undecided"
        yield f"{whether}: a larger size may be better {than}."
        yield f"The margin is {nats(rows[0].margin)}."
    for row in rows:
        if row not in open_ended:
            unsettled = [
                other
                for other in series.of_state(State.UNCLEAR, State.ONE_SEED, State.UNDECIDED)
                if other.latent_dim > row.latent_dim
            ]
            still_open = f"{_sizes(unsettled)}, which {several(unsettled, 'is', 'are')} still open"
            yield f"Whether {_latents([row])} {_verb([row])} enough depends on {still_open}."


def _enough(series: Series) -> Iterator[str]:
    for row in series.of_state(State.ENOUGH):
        larger = [other for other in series.kept if other.latent_dim > row.latent_dim]
        enough = f"{_latents([row])} {_verb([row])} enough"
        if any(other.unfinished for other in series.kept):
            enough = f"At this budget, {enough}"
        if row.excess_high <= 0:
            yield f"{enough}: no larger size compared is better."
        else:
            most = f"at most {nats_and_share(row.excess_high, row.explained)}"
            yield f"{enough}: {_sizes(larger)} {several(larger, 'gains', 'gain')} {most}."
        if row is series.rows[0]:
            yield "No smaller size was tried."


def _largest(series: Series) -> Iterator[str]:
    for row in series.of_state(State.LARGEST):
        size, verb = _latents([row]), _verb([row])
        if len(series.rows) == 1:
            yield f"Only {size} {_verb([row], 'was', 'were')} tried, so how many are enough cannot be told."
        elif len(series.kept) == 1:
            yield f"Only {size} {verb} left to compare, so how many are enough cannot be told."
        elif row is series.rows[-1]:
            yield f"No size above {row.latent_dim} was tried, so whether {size} {verb} enough is open."
        else:
            yield f"No larger size is left to compare, so whether {size} {verb} enough is open."


def _linear(series: Series) -> Iterator[str]:
    """Say where the exact linear VAE does better: a caveat with one seed, too."""
    rows = [row for row in series.rows if row.test_loss > row.linear_loss]
    if rows:
        most = max(rows, key=lambda row: row.test_loss - row.linear_loss)
        by = "by" if len(rows) == 1 else "by as much as"
        amount = nats(most.test_loss - most.linear_loss)
        yield f"With {_latents(rows, 'or')}, a linear VAE of the same size has a lower test loss, {by} {amount}."


def _used(series: Series) -> Iterator[str]:
    """Say how many latents the models use whose size is at least twice that, if there are any."""
    if spare := [row for row in series.rows if 2 * row.used <= row.latent_dim]:
        first, *others = (f"{row.used:.0f} of {row.latent_dim}" for row in spare)
        amounts = listed([f"{first} latents", *others])
        verb = "carries" if len(spare) == 1 and round(spare[0].used) == 1 else "carry"
        yield f"About {amounts} {verb} 95 % of the KL."


def next_steps(series: Series) -> Iterator[str]:
    """Say what would decide how many latents are enough."""
    first = series.rows[0]
    if first.step is Step.NOTHING:
        return
    sizes = [int(size) for size in first.step_sizes.split()]
    others = [row.latent_dim for row in series.rows if row.latent_dim not in sizes]
    whom = latents(sizes)
    if set(sizes) <= {row.latent_dim for row in series.rows} and len(others) < len(sizes) > 2:
        whom = f"every size but {listed(others)}" if others else "every size"
    match first.step:
        case Step.MORE_SEEDS:
            yield f"Next: train {whom} until each size has {first.step_seeds:.0f} seeds."
        case Step.LONGER:
            yield f"Next: train {whom} for twice the epochs."
            if not series.of_state(State.UNCLEAR):
                yield "More seeds alone would not decide it."
        case Step.LARGER | Step.BETWEEN | Step.SMALLER:
            longer = ", and every size for twice the epochs" if trains_longer(series.rows) else ""
            yield f"Next: train {whom}{longer}."


def _named(values: Iterable[tuple[SizeAnswer, float]]) -> str:
    """Return the amount of each row; name the row if there are several."""
    pairs = [(row, nats_and_share(value, row.explained)) for row, value in values]
    if len(pairs) == 1:
        return pairs[0][1]
    return listed(f"{amount} with {row.latent_dim}" for row, amount in pairs)


def _sizes(rows: Iterable[SizeAnswer], word: str = "and") -> str:
    return listed((row.latent_dim for row in rows), word)


def _latents(rows: Iterable[SizeAnswer], word: str = "and") -> str:
    return latents([row.latent_dim for row in rows], word)


def _verb(rows: Sequence[SizeAnswer], one: str = "is", more: str = "are") -> str:
    """Return the form of a verb whose subject is `_latents(rows)`."""
    return one if [row.latent_dim for row in rows] == [1] else more
