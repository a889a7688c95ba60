"""The chart of the answer: loss against latent size, with what the rule of comparison.enough compares."""

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from elbowroom.comparison.truncated_curves import AnswerView, answer_view
from elbowroom.figures.colours import BLUE, GREEN, GREY, ORANGE
from elbowroom.figures.style import DPI
from elbowroom.results.outcomes import State
from elbowroom.results.rows import SizeAnswer, TruncatedPoint


def answer_figure(
    all_series: Sequence[Sequence[SizeAnswer]], truncated: Sequence[TruncatedPoint], title: str
) -> Figure:
    """Draw the series of a loss family, a panel for each.

    all_series: the sizes of each series, ascending. truncated: the points of any variants.

    The ribbon spans the margin above the best loss. A bar spans the bounds on a size's excess over the best larger
    size, and starts to count at the ribbon's lower edge: if it ends within the ribbon or below, the excess is less than
    the margin; if it begins above the ribbon, more. Sizes that were trained too little are hollow. A ring marks the
    answer. A thin line is the best of these models, cut down to fewer latents; its ring marks the fewest that do.
    """
    count = len(all_series)
    figure = Figure(figsize=(4.6 * count + 0.6, 3.8), dpi=DPI, layout="constrained")
    figure.suptitle(title)
    for axes, rows in zip(figure.subplots(1, count, squeeze=False)[0], all_series, strict=True):
        _draw(axes, rows, answer_view(rows, truncated))
    entries: dict[str, Artist] = {}
    for axes in figure.axes:
        entries |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=min(3, 1 + count))
    return figure


def _draw(axes: Axes, rows: Sequence[SizeAnswer], view: AnswerView) -> None:
    sizes = [row.latent_dim for row in rows]
    poor = [row for row in rows if row.state in (State.UNDERTRAINED, State.UNCLEAR, State.BARELY_TRAINED)]
    best, margin = view.best, rows[0].margin
    if margin > 0:
        axes.axhspan(best, best + margin, color=GREEN, alpha=0.2, lw=0, label="margin above the best")
    if view.linear:
        places = [row.latent_dim for row in view.linear], [row.linear_loss for row in view.linear]
        axes.plot(*places, color=GREY, ls="-.", lw=1.2, label="exact linear VAE")
    if len(view.cut) > 1:
        places = [point.kept for point in view.cut], [point.loss for point in view.cut]
        axes.plot(*places, ".-", color=ORANGE, lw=0.8, ms=3, label="best model, cut down")
    for point in view.does:
        label = "so many do the work"  # its ring is within that of the answer
        axes.plot(point.kept, point.loss, "o", ms=8, mec=ORANGE, mfc="none", mew=1.5, label=label, zorder=5)
    axes.plot(sizes, [row.test_loss for row in rows], color=BLUE, lw=1, alpha=0.5)
    if view.bars:
        axes.vlines(
            [row.latent_dim for row in view.bars],
            [best + row.excess_low for row in view.bars],
            [best + row.excess_high for row in view.bars],
            color=BLUE,
            lw=2,
            label="bounds against larger sizes",
        )
    for own, filled, label in ((rows, BLUE, "mean over seeds"), (poor, "white", "trained too little, or unclear")):
        if own:
            places = [row.latent_dim for row in own], [row.test_loss for row in own]
            axes.plot(*places, "o", ms=5, mec=BLUE, mfc=filled, label=label, zorder=3)
    for row in rows:
        if row.state is State.ENOUGH:
            axes.plot(row.latent_dim, row.test_loss, "o", ms=13, mec=GREEN, mfc="none", mew=2, label="enough", zorder=4)
    axes.set(title=rows[0].series, xlabel="latent size", ylabel="test loss (nats per image)")
    axes.set_xscale("log", base=2)
    axes.set_ylim(view.low, view.high)
    cuts = [*(point for point in view.cut if point.kept.bit_count() == 1), *view.does]
    axes.set_xticks(sorted({*sizes, *(point.kept for point in cuts)}))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
