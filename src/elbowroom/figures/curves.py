"""Draw the training curves of one variant."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from elbowroom.figures.style import DPI

LINE_COLOUR = "#333333"  # not the variant's own colour, which depends on the study's other variants
TERM_LABELS = {"loss": "loss", "distortion": "distortion (reconstruction)", "rate": "rate (KL)"}
SPLITS = {"train": "train, mean during the epoch", "test": "test, after the epoch"}


def training_curves(history: pd.DataFrame) -> Figure:
    """Draw loss, distortion and rate by epoch, one line per seed and split.

    history: columns seed, split, epoch, loss, distortion and rate, in nats per image.
    """
    figure = Figure(figsize=(9, 2.8), dpi=DPI, layout="constrained")
    for axes, (term, label) in zip(figure.subplots(1, 3), TERM_LABELS.items(), strict=True):
        for split, style, colour in (("train", "--", "#777777"), ("test", "-", LINE_COLOUR)):
            for number, (_, line) in enumerate(history[history.split == split].groupby("seed")):
                named = None if number else SPLITS[split]
                axes.plot(line.epoch, line[term], style, color=colour, lw=1.4, label=named)
        label_epochs(axes, label, history)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return figure


def label_epochs(axes: Axes, title: str, history: pd.DataFrame) -> None:
    """Label axes that show nats per image by epoch; mark points if there is a single epoch, which makes no line."""
    axes.set_title(title)
    axes.set_xlabel("epoch")
    axes.set_ylabel("nats per image")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if history.epoch.max() == 1:
        for line in axes.lines:
            line.set_marker("o")
