"""The chart of the noise levels: the smaller the noise that a likelihood assumes, the more latents pay for their KL."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from elbowroom.figures.colours import BLUE, GREY
from elbowroom.figures.style import DPI
from elbowroom.results.outcomes import State
from elbowroom.results.yardstick_rows import NoisePoint

TRAINED = {
    "trained VAE, 95 % of the KL": BLUE,
    "trained VAE, may change": "white",
}  # the fill of a point; open ones last


def trained_points(points: Sequence[NoisePoint]) -> list[NoisePoint]:
    """Return the trained VAEs that did not collapse: what is left of a collapsed one's KL says nothing."""
    return [point for point in points if point.variant and point.active and point.verdict != State.COLLAPSED]


def noise_figure(points: Sequence[NoisePoint], title: str) -> Figure:
    """Draw a dataset's VAEs beside the exact linear VAE. Those that are open are hollow."""
    linear = [point for point in points if not point.variant and point.active]
    figure = Figure(figsize=(6.4, 4.2), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    levels = [point.sigma2 for point in linear]
    axes.plot(levels, [p.active for p in linear], color=GREY, lw=1.2, label="linear VAE, every active latent")
    axes.plot(levels, [p.used for p in linear], color=GREY, lw=1.2, ls="-.", label="linear VAE, 95 % of the KL")
    for hollow, (label, fill) in enumerate(TRAINED.items()):
        if own := [point for point in trained_points(points) if bool(point.open) == hollow]:
            places = [point.sigma2 for point in own], [point.used for point in own]
            axes.plot(*places, "o", ms=5.5, mec=BLUE, mfc=fill, label=label, zorder=3)
    axes.set(title=title, xlabel="variance of the likelihood, pixels in [0, 1]", ylabel="latents")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:g}"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.legend(fontsize=8)
    return figure
