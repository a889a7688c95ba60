"""Results -> pictures: functions from arrays and tables to a matplotlib Figure, or to a mosaic of pixels.

Nothing is measured here.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from elbowroom.core.errors import StudyError
from elbowroom.figures.colours import CLASSES

LINE_COLOUR = "#333333"  # of no variant: its own depends on which others there are
TERMS = {"loss": "loss", "distortion": "distortion (reconstruction)", "rate": "rate (KL)"}
DPI = 110
ZOOM, GAP = 3, 6  # pixels on the page for a pixel of an image, and between images

matplotlib.rcParams.update(
    {
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#e6e6e6",
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
        "legend.frameon": False,
    }
)


# --- pictures of images --------------------------------------------------------------------------------------------


def mosaic(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Lay out images, rows of groups of (N, C, H, W) uint8, on white: (height, width, C) uint8.

    Groups of a row have a wide gap between them. Images are enlarged ZOOM times and not smoothed.
    """
    return np.concatenate([_row(groups) for groups in rows])[:-GAP]


def _row(groups: Sequence[np.ndarray]) -> np.ndarray:
    height = groups[0].shape[2] * ZOOM
    colours = groups[0].shape[1]
    parts = []
    for group in groups:
        for image in group:
            parts.append(image.repeat(ZOOM, axis=1).repeat(ZOOM, axis=2).transpose(1, 2, 0))
            parts.append(np.full((height, GAP, colours), 255, np.uint8))
        parts.append(np.full((height, 3 * GAP, colours), 255, np.uint8))
    row = np.concatenate(parts[:-2], axis=1)
    return np.concatenate([row, np.full((GAP, row.shape[1], colours), 255, np.uint8)])


def labelled_images(images: np.ndarray, labels: Sequence[str]) -> Figure:
    """Test images (N, C, H, W) uint8 in a row, with the name of each one's class above it."""
    figure = Figure(figsize=(len(images) * 0.9, 1.2), dpi=DPI, layout="constrained")
    for axes, image, label in zip(np.ravel(figure.subplots(1, len(images))), images, labels, strict=True):
        _show(axes, image.transpose(1, 2, 0))
        axes.set_title(_text(label))
    return figure


def side_by_side(pictures: dict[str, np.ndarray], title: str, columns: int) -> Figure:
    """One picture of each variant (height, width, C), its name above it, pixel for pixel."""
    rows = -(-len(pictures) // columns)
    tallest, widest = np.max([picture.shape[:2] for picture in pictures.values()], axis=0)
    cell = np.array([widest + 4 * GAP, tallest + 32])  # a line for the name
    width, height = cell * (columns, rows) + (0, 40)  # and one for the title
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    figure.suptitle(title, y=1 - 8 / height, va="top")
    for place, (name, picture) in enumerate(pictures.items()):
        left, top = cell * (place % columns, place // columns) + (2 * GAP, 64)
        tall, wide = picture.shape[:2]
        axes = figure.add_axes((left / width, 1 - (top + tall) / height, wide / width, tall / height))
        _show(axes, picture)
        axes.set_title(name, loc="left")
    return figure


def _show(axes: Axes, picture: np.ndarray) -> None:
    axes.imshow(np.broadcast_to(picture, (*picture.shape[:2], 3)), interpolation="antialiased")
    axes.set_axis_off()


# --- curves --------------------------------------------------------------------------------------------------------


def training_curves(history: pd.DataFrame) -> Figure:
    """Loss, distortion and rate of one variant by epoch, a line a seed. history: seed, split, epoch, loss, ..."""
    figure = Figure(figsize=(9, 2.8), dpi=DPI, layout="constrained")
    for axes, (term, label) in zip(figure.subplots(1, 3), TERMS.items(), strict=True):
        for split, style, colour in (("train", "--", "#777777"), ("test", "-", LINE_COLOUR)):
            for number, (_, line) in enumerate(history[history.split == split].groupby("seed")):
                shown = {"train": "train, mean during the epoch", "test": "test, after the epoch"}[split]
                axes.plot(line.epoch, line[term], style, color=colour, lw=1.4, label=None if number else shown)
        label_epochs(axes, label, history)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return figure


def label_epochs(axes: Axes, title: str, history: pd.DataFrame) -> None:
    axes.set_title(title)
    axes.set_xlabel("epoch")
    axes.set_ylabel("nats per image")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if history.epoch.max() == 1:  # a line needs two points
        for line in axes.lines:
            line.set_marker("o")


# --- latent space --------------------------------------------------------------------------------------------------


def latent_map(points: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> Figure:
    """mu of test images on two principal components (N, 2), coloured by class number (N,)."""
    figure = Figure(figsize=(5.6, 4.4), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    _scatter(axes, points, labels, classes, size=9)
    axes.set_xlabel("first principal component of mu")
    axes.set_ylabel("second")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=1.6)
    return figure


def compared_maps(maps: dict[str, tuple[np.ndarray, np.ndarray, float]], classes: Sequence[str], title: str) -> Figure:
    """The latent map of each variant: points (N, 2), class numbers (N,) and the share of variance that it shows."""
    columns = min(3, len(maps))
    rows = -(-len(maps) // columns)
    figure = Figure(figsize=(9, rows * 9 / columns + 0.4), dpi=DPI, layout="constrained")
    figure.suptitle(title)
    grid = np.ravel(figure.subplots(rows, columns, squeeze=False))
    for axes, (name, (points, labels, share)) in zip(grid, maps.items(), strict=False):
        _scatter(axes, points, labels, classes, size=5)
        axes.set_title(f"{name} ({share:.1%})", loc="left")
    for axes in grid[len(maps) :]:
        axes.set_axis_off()
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=10, markerscale=2, columnspacing=1, handletextpad=0)
    return figure


def _scatter(axes: Axes, points: np.ndarray, labels: np.ndarray, classes: Sequence[str], size: float) -> None:
    for number, name in enumerate(classes):
        x, y = points[labels == number].T
        axes.scatter(x, y, s=size, color=CLASSES[number % len(CLASSES)], label=_text(name), linewidths=0)


def _text(name: str) -> str:
    """A name as matplotlib shows it: $ begins a formula there."""
    return name.replace("$", r"\$")


def evolution_figures(
    snapshots: dict[str, np.ndarray], maps: np.ndarray, images: np.ndarray, labels: np.ndarray
) -> tuple[Figure, list[Figure]]:
    """Latent space through training: a strip of at most five moments, and every moment as a frame of an animation.

    snapshots: epochs (S,) and reconstructions (S, M, C, H, W) uint8 of images (M, C, H, W); maps: points (S, N, 2), in
    one plane, of test images with class numbers labels (N,).
    """
    half = len(images) // 2
    limits = np.quantile(maps.reshape(-1, 2), [0.002, 0.998], axis=0).T  # [[xmin, xmax], [ymin, ymax]]
    limits += np.array([-0.1, 0.1]) * np.ptp(limits, axis=1, keepdims=True)

    def moment(index: int) -> tuple[str, np.ndarray, np.ndarray]:
        made = snapshots["reconstructions"][index]
        pairs = [[np.stack([images[k], made[k]]) for k in (row, row + half)] for row in range(half)]
        epoch = snapshots["epochs"][index]
        return (f"epoch {epoch}" if epoch else "before training"), maps[index], mosaic(pairs)

    count = len(snapshots["epochs"])
    chosen = sorted({round(index) for index in np.linspace(0, count - 1, 5)})
    strip = _evolution_figure([moment(index) for index in chosen], labels, limits, width=10)
    frames = [_evolution_figure([moment(index)], labels, limits, width=3.2) for index in range(count)]
    return strip, frames


def _evolution_figure(
    moments: Sequence[tuple[str, np.ndarray, np.ndarray]],
    labels: np.ndarray,
    limits: np.ndarray,
    width: float,
) -> Figure:
    """Moments (title, points, mosaic) from left to right: the latent map above, images with reconstructions below."""
    tall = moments[0][2].shape[0] / moments[0][2].shape[1]
    figure = Figure(figsize=(width, width / len(moments) * (1 + tall) + 0.3), dpi=DPI, layout="constrained")
    grid = figure.subplots(2, len(moments), height_ratios=[1, tall], squeeze=False)
    for column, (title, points, pictures) in enumerate(moments):
        axes = grid[0, column]
        colours = [CLASSES[number % len(CLASSES)] for number in labels]
        axes.scatter(*points.T, s=3, c=colours, linewidths=0)  # all at once, which is faster than class by class
        axes.set(xlim=limits[0], ylim=limits[1], xticks=[], yticks=[], title=title)
        _show(grid[1, column], pictures)
    return figure


# --- files ---------------------------------------------------------------------------------------------------------


def picture_bytes(picture: Figure | np.ndarray) -> bytes:
    """As PNG."""
    image = _drawn(picture) if isinstance(picture, Figure) else Image.fromarray(picture.squeeze())
    chart = isinstance(picture, Figure) and image.getcolors(maxcolors=5000) is not None
    if chart:  # not photographs: a third of the size, and git keeps every version
        image = image.quantize(256)
    buffer = io.BytesIO()
    image.save(buffer, format="png", optimize=chart or isinstance(picture, np.ndarray))  # photographs gain 1 %
    return buffer.getvalue()


def _drawn(figure: Figure) -> Image.Image:
    """Drawn once, which savefig does twice where it lays out."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def animation_bytes(frames: Sequence[Figure], milliseconds: int) -> bytes:
    """As an endless GIF that rests on its last frame, all of it in the colours of its first, middle and last."""
    drawn = [_drawn(figure) for figure in frames]
    some = np.concatenate([np.asarray(drawn[index])[::2, ::2] for index in (0, len(drawn) // 2, -1)])
    palette = Image.fromarray(some).quantize(128, method=Image.Quantize.MAXCOVERAGE)  # small dots have colours, too
    images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in drawn]
    buffer = io.BytesIO()
    durations = [milliseconds] * (len(images) - 1) + [4 * milliseconds]
    images[0].save(buffer, format="gif", save_all=True, append_images=images[1:], duration=durations, loop=0)
    return buffer.getvalue()


def read_picture(path: Path) -> np.ndarray:
    """A PNG as (height, width, C) uint8, C 1 or 3. Raises StudyError where it is none."""
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image if image.mode == "L" else image.convert("RGB"))
        return pixels[..., None] if pixels.ndim == 2 else pixels
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise StudyError(f"{path}: not a picture ({error}), expected what the figures stage wrote there") from None
