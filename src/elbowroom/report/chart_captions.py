"""What the charts of a loss family show, in words: each caption names what its own chart has, and nothing else."""

from collections.abc import Iterator, Sequence

import pandas as pd

from elbowroom.comparison.noise_chart import trained_points
from elbowroom.comparison.truncated_curves import POINT, AnswerView, answer_view
from elbowroom.core.settings import ACTIVE_THRESHOLD
from elbowroom.results.outcomes import Bend, State
from elbowroom.results.rows import Baseline, SizeAnswer, TruncatedPoint
from elbowroom.results.yardstick_rows import NoisePoint

BAND = " A band spans the seeds."


def answer_caption(all_series: Sequence[Sequence[SizeAnswer]], truncated: Sequence[TruncatedPoint]) -> str:
    """Caption the chart of the answer. all_series: those that it shows. truncated: the points of any variants."""
    return " ".join(_answer([(rows, answer_view(rows, truncated)) for rows in all_series]))


def _answer(panels: Sequence[tuple[Sequence[SizeAnswer], AnswerView]]) -> Iterator[str]:
    rows = [row for own, _ in panels for row in own]
    states = {row.state for row in rows}
    yield "Each blue point is a VAE with that many latents; lower is better."
    if rows[0].margin > 0:
        yield "The green band is the margin: losses in it count as good as the lowest blue point's."
    yield from _bars([row for _, view in panels for row in view.bars])
    without = [own for own, view in panels if not view.bars and State.TOO_FEW in {row.state for row in own}]
    if without:
        is_clear = all(map(_too_few_above, without))
        size = "Without a bar, a size" if any(view.bars for _, view in panels) else "A size"
        yield f"{size} {'' if is_clear else 'well '}above the band is too few."
    if State.ENOUGH in states:
        yield "The green ring marks the answer."
    doubtful = bool(states & {State.UNCLEAR, State.BARELY_TRAINED})
    if State.UNDERTRAINED in states:
        was = "was, or may have been," if doubtful else "was"
        yield f"A hollow point {was} trained too little: a smaller size has a lower training loss."
    elif doubtful:
        yield "A hollow point may have been trained too little."
    if any(len(view.cut) > 1 for _, view in panels):
        several = len(panels) > 1
        yield f"{'An' if several else 'The'} orange line is the best of these models, cut down after training:"
        yield "that many of its latents are kept, those with the most KL, and the others are set to 0."
        if any(view.does for _, view in panels):
            ring = "A ring" if several else "The ring"
            yield f"{ring} on it marks how few do the work: the fewest whose loss is surely within a margin of the"
            yield "line's lowest point."
    if any(view.linear for _, view in panels):
        yield "The dashed grey line is the exact linear VAE: the best that a network without nonlinearity can do."


def _bars(rows: Sequence[SizeAnswer]) -> Iterator[str]:
    """Say what the bars of these sizes mean, as far as there are such."""
    if rows:
        yield "A bar shows how much worse a size may be than the best larger one."
    if above := {row.state is State.TOO_FEW for row in rows if row.excess_low > row.margin}:
        unless = "" if above == {True} else ", unless it or a smaller size is still open"
        yield f"A bar that begins above the band means too few{unless}."
    if any(row.excess_low <= row.margin < row.excess_high for row in rows):
        yield "A bar that begins no higher than the band and ends above it means that the size is open."
    if any(row.excess_high <= row.margin for row in rows):
        yield "A bar that ends in the band means that the size may be enough."


def _too_few_above(rows: Sequence[SizeAnswer]) -> bool:
    """Whether each size that lies above the band is known to be too few."""
    top = min(row.test_loss for row in rows) + rows[0].margin
    return all(row.state in (State.TOO_FEW, State.UNDERTRAINED) for row in rows if row.test_loss > top)


def latents_caption(points: pd.DataFrame, elbows: pd.DataFrame, ours: set[str]) -> str:
    """Caption the charts of what more latents buy. points: rows of LatentPoint. ours: the series of variants."""
    own = points[points.series.isin(ours)].groupby("metric")
    visible = (own.high.max() - own.low.min()) * POINT < own.apply(lambda rows: (rows.high - rows.low).max())
    said = BAND if visible.any() else ""
    if not points.series.isin(ours).all():
        said += " Grey lines are baselines."
    if (elbows.bend == Bend.FOUND).any():
        said += " A vertical line is where the line bends; its 95 % interval is shaded."
    return said.lstrip()


def plane_caption(vaes: pd.DataFrame, baselines: pd.DataFrame) -> str:
    """Caption the rate-distortion plane. vaes: its variants. baselines: those of its family."""
    said = "Rate and distortion on test."
    if vaes.series.duplicated().any():
        said += " Variants that differ in their latent size alone are joined."
    linear = baselines[baselines.baseline == Baseline.LINEAR_VAE]
    if linear.test_rate.nunique() > 1:
        said += " The dashed grey line is the exact linear VAE of the same sizes."
    elif len(linear):
        said += " The grey dot is the exact linear VAE, the same at every size."
    return said


def spectrum_caption(lowest: float) -> str:
    """Caption the KL spectrum. lowest: the smallest KL that it shows, nats."""
    said = "The KL of each latent on test, largest first, mean over seeds."
    return said + (f" The dotted line is at {ACTIVE_THRESHOLD} nats." if lowest < 10 * ACTIVE_THRESHOLD else "")


def curves_caption(seeds: int) -> str:
    """Caption training curves. seeds: the most that a variant has."""
    said = "Train is the mean during the epoch, while the weights moved; test is measured after it on the whole split, "
    return said + "with z sampled." + (BAND if seeds > 1 else "")


def noise_caption(points: Sequence[NoisePoint]) -> str:
    """Caption the chart of the noise levels."""
    trained = trained_points(points)
    said = (
        "The smaller the noise that the likelihood assumes, the more latents are worth their KL. Grey is the exact "
        "linear VAE: all of its active latents, and the fewest that carry 95 % of its KL."
    )
    if trained:
        said += (
            " Points are trained VAEs with a Gaussian likelihood: the latents that carry 95 % of the KL on test. "
            "The noise is its variance for pixels in [0, 1], half the effective beta."
        )
    if any(point.open for point in trained):
        said += (
            " Hollow points may change: they use nearly all the latents that they have, were trained too little or "
            "with one seed, or do worse than the linear VAE."
        )
    return said
