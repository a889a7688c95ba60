"""The answer to a question in one short sentence, and one on how sure it is; size_sentences.py says all of it."""

from collections.abc import Sequence

from elbowroom.report.series import Series, cut_size, latents_of
from elbowroom.report.size_sentences import next_steps
from elbowroom.report.wording import latents, listed, unexplained_state
from elbowroom.results.outcomes import State, Worth
from elbowroom.results.rows import WidthGain


def headline(series: Series) -> str:
    """Say how many latents are enough, or what is known of that."""
    if unexplained_state(series.rows):
        return "Not known yet: no size beats always showing the mean image."
    if enough := series.of_state(State.ENOUGH):
        unfinished = any(row.unfinished for row in series.kept)
        size = enough[0].latent_dim
        fewest = f", the fewest {series.tried}," if enough[0] is series.rows[0] and size > 1 else ""
        fewer = ""
        if cut := cut_size(series):
            do = "does" if cut.cut == 1 else "do"
            fewer = f", and {cut.cut:.0f} of them {do} the work"
            if cut is not enough[0]:
                fewer = f", and a model of {cut.latent_dim} can do with {cut.cut:.0f}"
        budget = " at this budget" if unfinished else ""
        return f"{latents([size])}{fewest} {'is' if size == 1 else 'are'} enough{budget}{fewer}."
    if too_few := series.of_state(State.TOO_FEW):
        return f"More than {latents([too_few[-1].latent_dim])}. How many are enough is open."
    if series.of_state(State.ONE_SEED):
        return "Not known yet: one seed of each size shows nothing."
    if len(series.kept) == 1:
        tried = f"was {series.tried}" if len(series.rows) == 1 else "trained well"
        return f"Not known yet: only one size, {series.kept[0].latent_dim}, {tried}."
    return "Not known yet: no size is surely enough, and none is surely too few."


def advice(series: Series) -> str:
    """Say which size to take until the answer is known, and what would decide it."""
    until, lowest = [], min(series.rows, key=lambda row: row.test_loss)
    best = [row for row in series.of_state(State.LARGEST, State.LARGEST_KEPT) if not row.excess_low > row.margin]
    if best and not series.of_state(State.ENOUGH):
        which = "that trained well"
        if best[0].unfinished:
            which = "tried" if best[0].state is State.LARGEST else "that can be judged"
        until = [f"Until it is known, take {best[0].latent_dim}, the largest {which}."]
    elif lowest.state is State.UNDERTRAINED and not series.of_state(State.ENOUGH):
        until = [f"Until it is known, take {lowest.latent_dim}, which has the lowest test loss."]
    return " ".join([*until, *next_steps(series)])


def confidence(series: Series, level: float) -> str:
    """Say on what the answer rests. level: of its confidence, such as 0.95."""
    seeds = sorted({row.seeds for row in series.rows})
    epochs = sorted({row.epochs for row in series.rows})
    times = f"{listed(epochs, 'or')} {'epoch' if epochs == [1] else 'epochs'}"
    trained = f"{listed(seeds, 'or')} {'seed' if seeds == [1] else 'seeds'} of each size, {times}"
    if seeds[-1] == 1:
        sure = f"Nothing is sure: {trained}."
    elif series.of_state(State.ENOUGH):
        sure = f"Said with {100 * level:g} % confidence: {trained}."
    elif too_few := series.of_state(State.TOO_FEW):
        sure = f"More than {too_few[-1].latent_dim} is said with {100 * level:g} % confidence: {trained}."
    else:
        sure = f"Trained so far: {trained}."
    if any(row.unfinished for row in series.kept):
        return f"{sure} Training is not finished: more may change the answer."
    if out := series.of_state(State.UNDERTRAINED):
        return f"{sure} {latents_of(out)} trained too little: longer training may change the answer."
    # A rough guess: twice as much may come.
    if any(0 < row.margin / 2 < row.doubling_gain and not row.overfits for row in series.kept):
        return f"{sure} Longer training may change it."
    return sure


def width_headline(rows: Sequence[WidthGain]) -> str:
    """Say whether a wider network is worth having."""
    worths = {row.worth for row in rows}
    sizes = latents(sorted({row.latent_dim for row in rows}))
    if worths == {Worth.NO_GAIN}:
        return f"Not with {sizes}: it gains too little to matter."
    if worths == {Worth.WORTH_HAVING}:
        return f"Yes, with {sizes}."
    if worths >= {Worth.NO_GAIN, Worth.WORTH_HAVING}:
        return "Partly: the comparisons differ."
    if decided := worths & {Worth.NO_GAIN, Worth.WORTH_HAVING}:
        still_open = sorted({row.latent_dim for row in rows if row.worth not in decided})
        if settled := sorted({row.latent_dim for row in rows}.difference(still_open)):
            so = "Yes" if Worth.WORTH_HAVING in decided else "Not"
            return f"{so} with {latents(settled)}. With {listed(still_open)} not all is known."
        so = "Yes" if Worth.WORTH_HAVING in worths else "Not"
        return f"{so} in some comparisons. In others it is not known."
    return "Not known yet."
