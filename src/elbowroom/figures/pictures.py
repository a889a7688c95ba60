"""Lay out images: in a mosaic, in a row with labels, and the pictures of several variants side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elbowroom.figures.style import DPI, plain_text

DRAWN = 96  # pixels: an image is enlarged as often as its longer side fits into this, and at least once
GAP = 6  # pixels between images
FRAME = 205  # the grey of a line around each image, without which a white one has no edges


def mosaic(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Lay out images, rows of groups of (N, C, H, W) uint8, on white: (height, width, C) uint8.

    Groups in a row have a wide gap between them. Images are enlarged and not smoothed, and
    each has a grey line around it. A row with fewer images than the longest ends in white.
    """
    drawn = [_row(groups) for groups in rows]
    widest = max(row.shape[1] for row in drawn)
    filled = [np.pad(row, ((0, 0), (0, widest - row.shape[1]), (0, 0)), constant_values=255) for row in drawn]
    return np.concatenate(filled)[: 2 - GAP]


def _row(groups: Sequence[np.ndarray]) -> np.ndarray:
    """Lay out one row, with a gap below it."""
    channels, *sides = groups[0].shape[1:]
    zoom = max(1, DRAWN // max(sides))
    height = sides[0] * zoom + 2
    parts = []
    for group in groups:
        for image in group:
            tile = image.repeat(zoom, axis=1).repeat(zoom, axis=2).transpose(1, 2, 0)
            parts.append(np.pad(tile, ((1, 1), (1, 1), (0, 0)), constant_values=FRAME))
            parts.append(_white(height, GAP - 2, channels))
        parts.append(_white(height, 3 * GAP, channels))
    row = np.concatenate(parts[:-2], axis=1)
    return np.concatenate([row, _white(GAP - 2, row.shape[1], channels)])


def _white(height: int, width: int, channels: int) -> np.ndarray:
    return np.full((height, width, channels), 255, np.uint8)


def labelled_images(images: np.ndarray, labels: Sequence[str]) -> Figure:
    """Draw images (N, C, H, W) uint8 in a row, with the name of its class above each."""
    figure = Figure(figsize=(len(images) * 0.9, 1.2), dpi=DPI, layout="constrained")
    for axes, image, label in zip(np.ravel(figure.subplots(1, len(images))), images, labels, strict=True):
        show_pixels(axes, np.pad(image, ((0, 0), (1, 1), (1, 1)), constant_values=FRAME).transpose(1, 2, 0))
        axes.set_title(plain_text(label))
    return figure


def picture_grid(pictures: Mapping[str, np.ndarray], title: str, columns: int) -> Figure:
    """Draw one picture (height, width, C) for each variant, pixel for pixel, with the variant's name above it.

    columns: at most; fewer, if as many rows are then fuller.
    """
    rows = -(-len(pictures) // columns)
    columns = -(-len(pictures) // rows)
    tallest, widest = np.max([picture.shape[:2] for picture in pictures.values()], axis=0)
    cell = np.array([widest + 4 * GAP, tallest + 32])  # 32 for the line with the name
    width, height = cell * (columns, rows) + (0, 40)  # 40 for the line with the title
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    figure.suptitle(title, y=1 - 8 / height, va="top")
    for place, (name, picture) in enumerate(pictures.items()):
        left, top = cell * (place % columns, place // columns) + (2 * GAP, 64)
        tall, wide = picture.shape[:2]
        axes = figure.add_axes((left / width, 1 - (top + tall) / height, wide / width, tall / height))
        show_pixels(axes, picture)
        axes.set_title(name, loc="left")
    return figure


def show_pixels(axes: Axes, picture: np.ndarray) -> None:
    """Draw pixels (height, width, C) uint8, C 1 or 3, without axes around them."""
    axes.imshow(np.broadcast_to(picture, (*picture.shape[:2], 3)), interpolation="antialiased")
    axes.set_axis_off()
