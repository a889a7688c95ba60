"""Charts of a comparison as matplotlib Figures. Nothing is measured here."""

from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogFormatter, NullLocator

from elbowroom.comparison.latent_curves import CURVES, EVERY_LATENT, FAR
from elbowroom.core.settings import ACTIVE_THRESHOLD
from elbowroom.figures.colours import GREY, SERIES
from elbowroom.figures.curves import TERM_LABELS, label_epochs
from elbowroom.figures.labels import Box, legible, most_telling_first
from elbowroom.figures.style import DPI
from elbowroom.results.metrics import METRICS
from elbowroom.results.outcomes import Bend
from elbowroom.results.rows import Baseline

BASELINE_STYLES: dict[str, dict[str, Any]] = {  # how the line of each is drawn
    Baseline.MEAN_IMAGE: {"color": GREY, "ls": ":", "lw": 1.2},
    Baseline.PCA: {"color": GREY, "ls": "--", "lw": 1.2},
    Baseline.LINEAR_VAE: {"color": GREY, "ls": "-.", "lw": 1.2},
    Baseline.FLOOR: {"color": GREY, "ls": (0, (1, 4)), "lw": 1.2},
    EVERY_LATENT: {"color": "#dcdcdc", "ls": "-", "lw": 7},  # wide, to be seen beneath the points on it
}


@dataclass(frozen=True)
class Look:
    """How the points of a series are drawn in the plane, and how far above them (in points) their latent size is."""

    marker: str
    above: int


LOOKS = (Look("o", 4), Look("s", -10), Look("^", 4))
PLANE, LETTER, HEIGHT = (280, 260), 4.4, 8  # points: of the plane, and of a letter of its labels across and upwards


def curves_figure(history: pd.DataFrame, title: str, colours: dict[str, str]) -> Figure:
    """Draw the training curves of several variants: train loss, and test loss, distortion and rate.

    history: variant, seed, split, epoch, loss, distortion, rate. A line is the mean over seeds, its band their range.
    """
    figure = Figure(figsize=(9, 5.6), dpi=DPI, layout="constrained")
    figure.suptitle(title)
    panels = [("train", "loss"), ("test", "loss"), ("test", "distortion"), ("test", "rate")]
    for axes, (split, term) in zip(figure.subplots(2, 2).flat, panels, strict=True):
        for name, lines in history.groupby("variant", sort=False):
            if term == "rate" and not lines.rate.any():
                continue  # an autoencoder has none
            colour = colours[str(name)]
            seeds = lines[lines.split == split].groupby("epoch")[term]
            mean = seeds.mean()
            axes.plot(mean.index, mean, color=colour, lw=1.6, label=name)
            axes.fill_between(mean.index, seeds.min(), seeds.max(), color=colour, alpha=0.2, lw=0)
        label_epochs(axes, f"{split} {TERM_LABELS[term]}", history)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center")
    return figure


def latents_figure(points: pd.DataFrame, elbows: pd.DataFrame, title: str) -> Figure:
    """Draw each metric of a family against the latent size; baselines are grey, those of FAR shown if they are near.

    points: rows of LatentPoint; a band spans low to high. elbows: rows of SeriesElbow; one that was found is a vertical
    line, and its interval shaded.
    """
    metrics = [metric for metric in CURVES if metric in set(points.metric)]
    columns, rows = min(2, len(metrics)), -(-len(metrics) // 2)
    figure = Figure(figsize=(4.2 * columns, 0.6 + 2.9 * rows), dpi=DPI, layout="constrained")
    figure.suptitle(title)
    names = [name for name in points.series.unique() if name not in BASELINE_STYLES]
    colours = dict(zip(names, cycle(SERIES), strict=False))
    sizes = sorted(points.latent_dim.unique())
    for place, metric in enumerate(metrics, 1):
        axes = figure.add_subplot(rows, columns, place)
        own = points[points.metric == metric]
        near = own[~own.series.isin(FAR)]
        axes.set_ylim(_limits(near.low, near.high))
        for name, line in own.groupby("series", sort=False):
            series = str(name)
            if series in BASELINE_STYLES:
                label = f"{series} ({line.value.iloc[0]:,.0f})" if series in FAR else series
                axes.plot(line.latent_dim, line.value, label=label, **BASELINE_STYLES[series])
                continue
            axes.plot(line.latent_dim, line.value, "o-", ms=3.5, lw=1.6, color=colours[series], label=series, zorder=3)
            axes.fill_between(line.latent_dim, line.low, line.high, color=colours[series], alpha=0.2, lw=0)
        for elbow in elbows[(elbows.metric == metric) & (elbows.bend == Bend.FOUND)].to_dict("records"):
            axes.axvline(elbow["latent_dim"], color=colours[elbow["series"]], lw=1)
            shaded = max(elbow["low"], sizes[0]), min(elbow["high"], sizes[-1])
            axes.axvspan(*shaded, color=colours[elbow["series"]], alpha=0.1, lw=0)
        _label_latents(axes, sizes)
        axes.set(title=METRICS[metric].label, ylabel=METRICS[metric].unit)
    entries: dict[str, Artist] = {}
    for axes in figure.axes:
        entries |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=4)
    return figure


def _label_sizes(axes: Axes, variants: pd.DataFrame, above: dict[str, int]) -> None:
    """Write the latent size at each point of the plane that has room for it. above: of each series, in points."""
    points = variants[["test_rate", "test_distortion"]].to_numpy()
    texts = [f"{size:g}" for size in variants.latent_dim]
    shifts = [(5, above[series]) for series in variants.series]
    places = axes.transLimits.transform(points) * PLANE
    marks = [Box(x - 2, x + 2, y - 2, y + 2) for x, y in places]
    boxes = [Box(x, x + LETTER * len(text), y, y + HEIGHT) for (x, y), text in zip(places + shifts, texts, strict=True)]
    for point, text, shift, has_room in zip(points, texts, shifts, legible(boxes, marks), strict=True):
        if has_room:
            axes.annotate(text, (point[0], point[1]), xytext=shift, textcoords="offset points", fontsize=7)


def _bars(variants: pd.DataFrame, metric: str) -> "tuple[pd.Series[float], pd.Series[float]]":
    """Return the ends of the bars that show a metric's deviation over seeds."""
    deviation = variants[f"{metric}_sd"].fillna(0)
    return variants[metric] - deviation, variants[metric] + deviation


def _limits(*values: "pd.Series[float]") -> tuple[float, float]:
    """Return the limits of an axis that shows these values."""
    all_values = np.concatenate(values)
    low, high = float(all_values.min()), float(all_values.max())
    margin = 0.08 * (high - low) or 1.0
    return low - margin, high + margin


def _label_latents(axes: Axes, sizes: list[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xlabel("latent size")
    axes.set_xticks(sizes)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def spectra_figure(table: pd.DataFrame, title: str, colours: dict[str, str]) -> Figure:
    """Draw the KL of each latent, largest first, mean over seeds. table: variant, seed, rank, kl (nats)."""
    figure = Figure(figsize=(6.4, 4.2), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    lowest = float("inf")
    for name, rows in table.groupby("variant", sort=False):
        means = rows.groupby("rank").kl.mean()
        lowest = min(lowest, means.min())
        axes.plot(means.index, means, lw=1.4, color=colours[str(name)], label=name, marker="o", ms=2)
    if lowest < 10 * ACTIVE_THRESHOLD:
        axes.axhline(ACTIVE_THRESHOLD, color=GREY, lw=0.8, ls=":")
    axes.set(title=title, xscale="log", yscale="log", xlabel="latent, ordered by its KL", ylabel="KL on test (nats)")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(LogFormatter())
        axis.set_minor_formatter(LogFormatter())
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
    return figure


def plane_figure(variants: pd.DataFrame, baselines: pd.DataFrame, title: str, colours: dict[str, str]) -> Figure:
    """Draw the rate-distortion plane of a family.

    Each VAE is a point with its deviation over seeds; those of a series are joined and have one shape. The linear VAE
    is a line. Along a thin line the sum of rate and distortion, the loss at beta 1, is the same.

    variants, baselines: variant or baseline, latent_dim, test_rate, test_distortion, in nats per image.
    """
    figure = Figure(figsize=(6.4, 4.2), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    looks = dict(zip(variants.series.unique(), cycle(LOOKS), strict=False))
    for point in variants.to_dict("records"):
        error = {f"{way}err": point[f"test_{term}_sd"] for way, term in (("x", "rate"), ("y", "distortion"))}
        name, error = point["variant"], error if point["seeds"] > 1 else {}
        where, marker = (point["test_rate"], point["test_distortion"]), looks[point["series"]].marker
        axes.errorbar(*where, fmt=marker, ms=5, lw=1, color=colours[name], label=name, zorder=3, **error)
    for _, members in variants.sort_values("latent_dim").groupby("series"):
        axes.plot(members.test_rate, members.test_distortion, color="#b5b5b5", lw=1)
    linear = baselines[baselines.baseline == Baseline.LINEAR_VAE].sort_values("test_rate")
    if len(linear):
        dot = "." if linear.test_rate.nunique() == 1 else None  # one point is no line
        rate, distortion = linear.test_rate, linear.test_distortion
        axes.plot(rate, distortion, marker=dot, label=Baseline.LINEAR_VAE, **BASELINE_STYLES[Baseline.LINEAR_VAE])
    mean = baselines[baselines.baseline == Baseline.MEAN_IMAGE].test_distortion.iloc[0]
    axes.plot(0, mean, "x", color="#555555", label=f"mean image (0, {mean:,.0f})")  # in the legend; drawn if near
    axes.set_xlim(_limits(*_bars(variants, "test_rate"), linear.test_rate))
    axes.set_ylim(_limits(*_bars(variants, "test_distortion"), linear.test_distortion))
    _label_sizes(axes, most_telling_first(variants), {series: look.above for series, look in looks.items()})
    for loss in np.linspace(*axes.get_ylim(), 7):
        axes.axline((0, loss), slope=-1, color="#e6e6e6", lw=0.6, zorder=0)
    axes.set(title=title, xlabel="rate: KL on test (nats per image)", ylabel="distortion on test (nats per image)")
    axes.grid(visible=False)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
    return figure
