"""Draw latent space in a plane: one map, the maps of several variants, and how a map evolves through training."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elbowroom.figures.colours import CLASSES
from elbowroom.figures.pictures import mosaic, show_pixels
from elbowroom.figures.style import DPI, plain_text


class LatentMap(NamedTuple):
    """mu of test images in one plane.

    points: (N, 2). labels: (N,), class numbers; None without classes. share: the share of the variance of mu that the
    plane holds.
    """

    points: np.ndarray
    labels: np.ndarray | None
    share: float


def latent_map(points: np.ndarray, labels: np.ndarray | None, classes: Sequence[str]) -> Figure:
    """Draw mu of test images on two principal components (N, 2), coloured by class number (N,) if they have any."""
    figure = Figure(figsize=(5.6, 4.4), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    _scatter(axes, points, labels, classes, size=9)
    axes.set_xlabel("first principal component of mu")
    axes.set_ylabel("second")
    if _in_legend(classes):
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=1.6)
    return figure


def compared_maps(maps: Mapping[str, LatentMap], classes: Sequence[str], title: str) -> Figure:
    """Draw the latent map of each variant, by its name, up to three in a row."""
    columns = min(3, len(maps))
    rows = -(-len(maps) // columns)
    figure = Figure(figsize=(9, rows * 9 / columns + 0.4), dpi=DPI, layout="constrained")
    figure.suptitle(title)
    grid = np.ravel(figure.subplots(rows, columns, squeeze=False))
    for axes, (name, drawn) in zip(grid, maps.items(), strict=False):
        _scatter(axes, drawn.points, drawn.labels, classes, size=5)
        axes.set_title(f"{name} ({drawn.share:.1%})", loc="left")
    for axes in grid[len(maps) :]:
        axes.set_axis_off()
    handles, names = grid[0].get_legend_handles_labels()
    if _in_legend(classes):
        figure.legend(
            handles, names, loc="outside lower center", ncols=10, markerscale=2, columnspacing=1, handletextpad=0
        )
    return figure


def _in_legend(classes: Sequence[str]) -> bool:
    """Whether classes have a legend: not if more share the colours than a reader could tell apart."""
    return 0 < len(classes) <= 2 * len(CLASSES)


def _scatter(axes: Axes, points: np.ndarray, labels: np.ndarray | None, classes: Sequence[str], size: float) -> None:
    if labels is None:
        axes.scatter(points[:, 0], points[:, 1], s=size, color=CLASSES[0], linewidths=0)
        return
    for number, name in enumerate(classes):
        x, y = points[labels == number].T
        axes.scatter(x, y, s=size, color=CLASSES[number % len(CLASSES)], label=plain_text(name), linewidths=0)


class Moment(NamedTuple):
    """Latent space at one epoch: points (N, 2), and a mosaic of images beside their reconstructions."""

    title: str
    points: np.ndarray
    pictures: np.ndarray


def evolution_figures(
    snapshots: dict[str, np.ndarray], maps: np.ndarray, images: np.ndarray, labels: np.ndarray | None
) -> tuple[Figure, list[Figure]]:
    """Draw latent space through training: a strip of at most five moments, and a frame of an animation for each.

    snapshots: epochs (S,) and reconstructions (S, M, C, H, W) uint8 of images (M, C, H, W). maps: mu of test images at
    each epoch, in one plane (S, N, 2). labels: their class numbers (N,), if they have
    any.
    """
    limits = np.quantile(maps.reshape(-1, 2), [0.002, 0.998], axis=0).T  # [[xmin, xmax], [ymin, ymax]]
    limits += np.array([-0.1, 0.1]) * np.ptp(limits, axis=1, keepdims=True)
    moments = [
        Moment(f"epoch {epoch}" if epoch else "before training", points, _pairs(images, reconstructions))
        for epoch, points, reconstructions in zip(snapshots["epochs"], maps, snapshots["reconstructions"], strict=True)
    ]
    chosen = sorted({round(index) for index in np.linspace(0, len(moments) - 1, 5)})
    strip = _evolution_figure([moments[index] for index in chosen], labels, limits, width=10)
    frames = [_evolution_figure([moment], labels, limits, width=3.2) for moment in moments]
    return strip, frames


def _pairs(images: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Set each image beside its reconstruction, in two columns of pairs."""
    half = len(images) // 2
    pairs = np.stack([images, reconstructions], axis=1)
    return mosaic([[pairs[row], pairs[row + half]] for row in range(half)])


def _evolution_figure(moments: Sequence[Moment], labels: np.ndarray | None, limits: np.ndarray, width: float) -> Figure:
    """Draw moments from left to right: the latent map above, images with reconstructions below."""
    tall = moments[0].pictures.shape[0] / moments[0].pictures.shape[1]
    figure = Figure(figsize=(width, width / len(moments) * (1 + tall) + 0.3), dpi=DPI, layout="constrained")
    grid = figure.subplots(2, len(moments), height_ratios=[1, tall], squeeze=False)
    colours = CLASSES[0] if labels is None else [CLASSES[number % len(CLASSES)] for number in labels]
    for column, moment in enumerate(moments):
        axes = grid[0, column]
        axes.scatter(*moment.points.T, s=3, c=colours, linewidths=0)  # one call is faster than one for each class
        axes.set(xlim=limits[0], ylim=limits[1], xticks=[], yticks=[], title=moment.title)
        show_pixels(grid[1, column], moment.pictures)
    return figure
