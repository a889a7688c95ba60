"""Tables of a comparison -> charts: matplotlib Figures. Nothing is measured here."""

from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogFormatter, NullLocator

from elbowroom.comparison.summary import FAR
from elbowroom.core.settings import ACTIVE_THRESHOLD
from elbowroom.figures.colours import SERIES
from elbowroom.figures.curves import TERMS, label_epochs
from elbowroom.figures.style import DPI

BASELINES: dict[str, dict[str, Any]] = {  # baseline -> how its line is drawn
    "mean image": {"color": "#8a8a8a", "ls": ":", "lw": 1.2},
    "PCA": {"color": "#8a8a8a", "ls": "--", "lw": 1.2},
    "linear VAE": {"color": "#8a8a8a", "ls": "-.", "lw": 1.2},
    "floor": {"color": "#8a8a8a", "ls": (0, (1, 4)), "lw": 1.2},
    "every latent": {"color": "#dcdcdc", "ls": "-", "lw": 7},  # seen where data lie on it
}
METRICS = {
    "test_loss": "test loss (nats)",
    "test_distortion": "test distortion (nats)",
    "iwae_nll": "IWAE bound (nats)",
    "active_units": "active latents",
}


def compared_curves(history: pd.DataFrame, title: str, colours: dict[str, str]) -> Figure:
    """Four panels of all variants of a dataset: train loss, and test loss, distortion and rate.

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
        label_epochs(axes, f"{split} {TERMS[term]}", history)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center")
    return figure


def by_latents(curves: pd.DataFrame, elbows: pd.DataFrame, title: str) -> Figure:
    """A panel for each metric of a family against the latent size, baselines as grey lines, those of FAR where near.

    curves: metric, series, latent_dim, value, low, high; a band spans low to high. elbows: metric, series, latent_dim,
    low, high; where one was found it is a vertical line, and its interval shaded.
    """
    metrics = [metric for metric in METRICS if metric in set(curves.metric)]
    figure = Figure(figsize=(8.4, 6.4), dpi=DPI, layout="constrained")
    figure.suptitle(title)
    names = [name for name in curves.series.unique() if name not in BASELINES]
    colours = dict(zip(names, cycle(SERIES), strict=False))
    sizes = sorted(curves.latent_dim.unique())
    for axes, metric in zip(np.ravel(figure.subplots(2, 2)), metrics, strict=True):
        own = curves[curves.metric == metric]
        near = own[~own.series.isin(FAR)]
        axes.set_ylim(_limits(near.low, near.high))
        for name, line in own.groupby("series", sort=False):
            series = str(name)
            if series in BASELINES:
                label = f"{series} ({line.value.iloc[0]:,.0f})" if series in FAR else series
                axes.plot(line.latent_dim, line.value, label=label, **BASELINES[series])
                continue
            axes.plot(line.latent_dim, line.value, "o-", ms=3.5, lw=1.6, color=colours[series], label=series, zorder=3)
            axes.fill_between(line.latent_dim, line.low, line.high, color=colours[series], alpha=0.2, lw=0)
        for elbow in elbows[(elbows.metric == metric) & elbows.latent_dim.notna()].to_dict("records"):
            axes.axvline(elbow["latent_dim"], color=colours[elbow["series"]], lw=1)
            shaded = max(elbow["low"], sizes[0]), min(elbow["high"], sizes[-1])
            axes.axvspan(*shaded, color=colours[elbow["series"]], alpha=0.1, lw=0)
        _label_latents(axes, sizes)
        axes.set_title(METRICS[metric])
    entries: dict[str, Artist] = {}
    for axes in figure.axes:
        entries |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=4)
    return figure


def _limits(*values: "pd.Series[float]") -> tuple[float, float]:
    """Of an axis that shows these."""
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


def spectra(table: pd.DataFrame, title: str, colours: dict[str, str]) -> Figure:
    """The KL of each latent, largest first, mean over seeds. table: variant, seed, rank, kl (nats)."""
    figure = Figure(figsize=(6.4, 4.2), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    for name, rows in table.groupby("variant", sort=False):
        means = rows.groupby("rank").kl.mean()
        axes.plot(means.index, means, lw=1.4, color=colours[str(name)], label=name, marker="o", ms=2)
    if table.kl.min() < 0.1:
        axes.axhline(ACTIVE_THRESHOLD, color="#8a8a8a", lw=0.8, ls=":")
    axes.set(title=title, xscale="log", yscale="log", xlabel="latent, ordered by its KL", ylabel="KL on test (nats)")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(LogFormatter())
        axis.set_minor_formatter(LogFormatter())
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
    return figure


def plane(variants: pd.DataFrame, baselines: pd.DataFrame, title: str, colours: dict[str, str]) -> Figure:
    """The rate-distortion plane of a family: each VAE a point with its deviation over seeds, joined and of one shape
    where they are of a series (the same but for the latent size); the linear VAE a line.

    variants, baselines: variant or baseline, latent_dim, test_rate, test_distortion, in nats per image. Along a thin
    line the sum of both, the loss at beta 1, is the same.
    """
    figure = Figure(figsize=(6.4, 4.2), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    looks = dict(zip(variants.series.unique(), cycle(zip("os^", (4, -10, 4), strict=True)), strict=False))
    for point in variants.to_dict("records"):
        error = {f"{way}err": point[f"test_{term}_sd"] for way, term in (("x", "rate"), ("y", "distortion"))}
        name, error = point["variant"], error if point["seeds"] > 1 else {}
        where, (marker, above) = (point["test_rate"], point["test_distortion"]), looks[point["series"]]
        axes.errorbar(*where, fmt=marker, ms=5, lw=1, color=colours[name], label=name, zorder=3, **error)
        axes.annotate(f"{point['latent_dim']:g}", where, xytext=(5, above), textcoords="offset points", fontsize=7)
    for _, members in variants.sort_values("latent_dim").groupby("series"):
        axes.plot(members.test_rate, members.test_distortion, color="#b5b5b5", lw=1)
    linear = baselines[baselines.baseline == "linear VAE"].sort_values("test_rate")
    if len(linear):
        dot = "." if linear.test_rate.nunique() == 1 else None  # one point is no line
        rate, distortion = linear.test_rate, linear.test_distortion
        axes.plot(rate, distortion, marker=dot, label="linear VAE", **BASELINES["linear VAE"])
    mean = baselines[baselines.baseline == "mean image"].test_distortion.iloc[0]
    axes.plot(0, mean, "x", color="#555555", label=f"mean image (0, {mean:,.0f})")  # named, and drawn where near
    axes.set_xlim(_limits(variants.test_rate, linear.test_rate))
    axes.set_ylim(_limits(variants.test_distortion, linear.test_distortion))
    for loss in np.linspace(*axes.get_ylim(), 7):
        axes.axline((0, loss), slope=-1, color="#e6e6e6", lw=0.6, zorder=0)
    axes.set(title=title, xlabel="rate: KL on test (nats per image)", ylabel="distortion on test (nats per image)")
    axes.grid(visible=False)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
    return figure
