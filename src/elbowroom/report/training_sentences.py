"""How well the latent sizes of a series were trained, in sentences made from the rows of answer.csv."""

import math
from collections.abc import Callable, Iterator, Sequence

from elbowroom.report.series import Series, latents_of, named, sizes_of
from elbowroom.report.wording import listed, nats, nats_and_share, several
from elbowroom.results.outcomes import State
from elbowroom.results.rows import SizeAnswer


def unfinished(series: Series) -> Iterator[str]:
    rows = [row for row in series.rows if row.unfinished]
    finished = [row for row in series.rows if not row.unfinished]
    if not rows:
        return
    if not finished:
        yield "Training is not finished."
    elif len(finished) < len(rows):
        yield f"Training is not finished, except with {latents_of(finished)}."
    else:
        yield f"Training is not finished with {latents_of(rows)}."
    if known := [row for row in rows if not math.isnan(row.doubling_gain)]:
        yield doubling(known, _rough)


def overfitting(series: Series) -> Iterator[str]:
    if rows := [row for row in series.kept if row.overfits and row.state is not State.OVERFITTED]:
        yield (
            f"Twice the epochs may lower the training loss with {latents_of(rows)} by more than the margin, but the "
            "test loss by less, so training counts as finished there."
        )


def _rough(row: SizeAnswer) -> str:
    """Say what twice the epochs may gain. A share of what little is explained yet would say nothing."""
    small = row.doubling_gain < row.explained / 2
    return nats_and_share(row.doubling_gain, row.explained) if small else nats(row.doubling_gain)


def doubling(rows: Sequence[SizeAnswer], gain: Callable[[SizeAnswer], str]) -> str:
    by_gain = sorted(rows, key=lambda row: row.doubling_gain)
    least, most = by_gain[0], by_gain[-1]
    low, high = gain(least), gain(most)
    amount = low if low == high else f"{low} with {latents_of([least])} to {high} with {most.latent_dim}"
    return f"By a rough guess, twice the epochs would lower the training loss by {amount}."


def undertrained(series: Series) -> Iterator[str]:
    if rows := series.of_state(State.UNDERTRAINED):
        losses = several(rows, "the training loss is", "the training losses are")
        yield (
            f"{latents_of(rows)} surely trained worse than {_lower(series, rows)}: {losses} higher by "
            f"{named((row, row.rise) for row in rows)} on average, more than the margin."
        )
        yield (
            "A model with more latents can do all that one with fewer can, so the cause is training, not size. "
            f"So {sizes_of(rows)} cannot show that fewer are enough, only that fewer are too few."
        )
    if rows := series.of_state(State.UNCLEAR):
        losses = several(rows, "the training loss is", "the training losses are")
        yield (
            f"{latents_of(rows)} may have trained worse than {_lower(series, rows)}: {losses} higher by "
            f"{named((row, row.rise) for row in rows)} on average, but seeds differ too much to be sure."
        )


def _lower(series: Series, rows: Sequence[SizeAnswer]) -> str:
    """Name the smaller sizes that rows train worse than: for each row, the one that its rise is above."""
    smaller = [
        min(
            (other for other in series.rows if other.latent_dim < row.latent_dim),
            key=lambda other: abs(row.train_loss - row.rise - other.train_loss),
        )
        for row in rows
    ]
    return listed(dict.fromkeys(row.latent_dim for row in smaller))
