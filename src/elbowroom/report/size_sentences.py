"""What is known of the latent sizes of a series, in sentences: one idea each, made from the rows of answer.csv.

An amount in nats stands beside the share that it is of what the best size explains. "At least", "at most" and "up to"
are bounds at the level of the answer.
"""

import math
from collections.abc import Iterable, Iterator

from elbowroom.comparison.next_step import trains_longer
from elbowroom.report.series import Series, cut_size, latents_of, sizes_of, verb_of
from elbowroom.report.training_sentences import doubling, overfitting, undertrained, unfinished
from elbowroom.report.wording import (
    UNEXPLAINED,
    Rounding,
    latents,
    listed,
    nats,
    nats_and_share,
    several,
    unexplained_state,
)
from elbowroom.results.outcomes import NOTHING_LARGER, State, Step
from elbowroom.results.rows import SizeAnswer


def sentences(series: Series) -> Iterator[str]:
    """Say what is known of each size, and how well it was trained."""
    if state := unexplained_state(series.rows):
        yield UNEXPLAINED[state]
        if state is State.BARELY_TRAINED and (rows := [row for row in series.rows if row.doubling_gain > 0]):
            yield doubling(rows, lambda row: nats(row.doubling_gain))
        return
    yield from _one_seed(series)
    yield from _too_few(series)
    yield from _undecided(series)
    yield from _enough(series)
    yield from _largest(series)
    yield from _cut(series)
    yield from undertrained(series)
    yield from unfinished(series)
    yield from overfitting(series)
    yield from _linear(series)
    yield from _used(series)


def _one_seed(series: Series) -> Iterator[str]:
    single = series.of_state(State.ONE_SEED)
    if single and len(single) == len(series.kept):
        if len(series.rows) == 1:
            yield f"No conclusion: {latents_of(single)} {verb_of(single, 'was', 'were')} trained with one seed only."
            return
        best = min(series.rows, key=lambda row: row.test_loss)
        yield "No conclusion: each size has only one seed."
        yield f"The test loss is lowest with {latents_of([best])}, but that may be chance."
    elif single:
        yield f"{latents_of(single)} {verb_of(single, 'was', 'were')} trained with one seed only and cannot be judged."


def _too_few(series: Series) -> Iterator[str]:
    rows = series.of_state(State.TOO_FEW)
    if not rows:
        return
    larger = [row for row in series.rows if row.latent_dim > rows[-1].latent_dim]
    better = f"{larger[0].latent_dim} is" if len(larger) == 1 else "a larger size is"
    yield f"{latents_of(rows)} {verb_of(rows)} too few: {better} better {_than((row, row.excess_low) for row in rows)}."


def _than(bounds: Iterable[tuple[SizeAnswer, float]], by: str = "by at least", towards: Rounding = math.floor) -> str:
    """Say by how much something is better than each row; name the row if there are several."""
    pairs = [(row, nats_and_share(value, row.explained, towards)) for row, value in bounds]
    if len(pairs) == 1:
        return f"{by} {pairs[0][1]}"
    return listed(f"than {row.latent_dim} {by} {amount}" for row, amount in pairs)


def _undecided(series: Series) -> Iterator[str]:
    rows = series.of_state(State.UNDECIDED)
    if open_ended := [row for row in rows if row.excess_high > row.margin]:
        than = _than([(row, row.excess_high) for row in open_ended], "by up to", math.ceil)
        whether = f"Whether {latents_of(open_ended, 'or')} {verb_of(open_ended)} enough is undecided"
        yield f"{whether}: a larger size may be better {than}."
        yield f"Less than the margin, {nats(rows[0].margin)}, does not matter."
    for row in rows:
        if row not in open_ended:
            unsettled = [
                other
                for other in series.of_state(State.UNCLEAR, State.ONE_SEED, State.UNDECIDED)
                if other.latent_dim > row.latent_dim
            ]
            still_open = f"{sizes_of(unsettled)}, which {several(unsettled, 'is', 'are')} still open"
            yield f"Whether {latents_of([row])} {verb_of([row])} enough depends on {still_open}."


def _enough(series: Series) -> Iterator[str]:
    for row in series.of_state(State.ENOUGH):
        larger = [other for other in series.kept if other.latent_dim > row.latent_dim]
        enough = f"{latents_of([row])} {verb_of([row])} enough"
        if any(other.unfinished for other in series.kept):
            enough = f"At this budget, {enough}"
        if row.excess_high <= 0:
            yield f"{enough}: no larger size compared is better."
        else:
            most = f"at most {nats_and_share(row.excess_high, row.explained, math.ceil)}"
            yield f"{enough}: {sizes_of(larger)} {several(larger, 'gains', 'gain')} {most}."
        if row is series.rows[0] and not cut_size(series):
            yield f"No smaller size was {series.tried}."


def _largest(series: Series) -> Iterator[str]:
    for row in series.of_state(*NOTHING_LARGER):
        size, verb = latents_of([row]), verb_of([row])
        if len(series.rows) == 1:
            yield f"Only {size} {verb_of([row], 'was', 'were')} {series.tried}, so how many are enough cannot be told."
        elif len(series.kept) == 1:
            yield f"Only {size} trained well, so how many are enough cannot be told."
        elif row is series.rows[-1]:
            yield f"No size above {row.latent_dim} was {series.tried}, so whether {size} {verb} enough is open."
        else:
            yield f"No larger size trained well, so whether {size} {verb} enough is open."


def _cut(series: Series) -> Iterator[str]:
    """Say how few of its latents a trained model needs, and whether that was tried from the start."""
    if row := cut_size(series):
        size = f"{row.cut:.0f}"
        most = f"at most {nats_and_share(row.cut_high, row.explained, math.ceil)}" if row.cut_high > 0 else "nothing"
        yield f"Of {latents_of([row])}, a trained model can do with {size}: to set the others to 0 costs {most}."
        if row.cut < series.rows[0].latent_dim:
            yield f"Whether a model trained with {size} alone is as good was not tried here."


def _linear(series: Series) -> Iterator[str]:
    """Say where the exact linear VAE does better: a caveat with one seed, too."""
    rows = [row for row in series.rows if row.test_loss > row.linear_loss]
    if rows:
        most = max(rows, key=lambda row: row.test_loss - row.linear_loss)
        by = "by" if len(rows) == 1 else "by as much as"
        amount = nats(most.test_loss - most.linear_loss)
        yield f"With {latents_of(rows, 'or')}, a linear VAE of the same size has a lower test loss, {by} {amount}."


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
        if series.of_state(State.ENOUGH):
            yield "Next: train longer, or more seeds. No new size would tell much at this budget."
        return
    sizes = [int(size) for size in first.step_sizes.split()]
    others = [row.latent_dim for row in series.rows if row.latent_dim not in sizes]
    well = [row.latent_dim for row in series.kept if row.latent_dim in sizes and not _trained_too_little(row)]
    whom = latents(sizes)
    if set(sizes) <= {row.latent_dim for row in series.rows} and len(others) < len(sizes) > 2:
        whom = f"every size but {listed(others)}" if others else "every size"
    elif first.step is Step.LONGER and 0 < len(well) < len(sizes):
        others_too = f"and {listed(well)}, the largest that trained well, to compare with"
        whom = f"{latents([size for size in sizes if size not in well])}, {others_too},"
    match first.step:
        case Step.MORE_SEEDS:
            yield f"Next: train {whom} until each size has {first.step_seeds:.0f} seeds."
        case Step.LONGER:
            yield f"Next: train {whom} for twice the epochs."
            if not series.of_state(State.UNCLEAR, State.UNDECIDED, State.ENOUGH):
                yield "More seeds alone would not decide it."
        case Step.LARGER | Step.BETWEEN | Step.SMALLER:
            parts = [latents(new)] if (new := [size for size in sizes if size not in series.failed]) else []
            parts += ["every size for twice the epochs"] if trains_longer(series.rows) else []
            if parts:
                yield f"Next: train {', and '.join(parts)}."
            if series.failed:
                failed = latents(sorted(series.failed))
                yield f"A model with {failed} would be next, but was left out."


def _trained_too_little(row: SizeAnswer) -> bool:
    return row.unfinished or row.state in (State.UNDERTRAINED, State.UNCLEAR)
