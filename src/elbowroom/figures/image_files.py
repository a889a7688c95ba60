"""Encode figures and pixels as PNG and GIF, with the same bytes each time, and decode PNG."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from elbowroom.core.errors import StudyError

CHART_COLOURS = 5000  # a figure with more colours shows photographs


def png_bytes(picture: Figure | np.ndarray) -> bytes:
    """Encode a figure, or pixels (height, width, C) uint8, as PNG.

    A chart is reduced to 256 colours: that takes a third of the space, and git keeps every version.
    """
    image = _draw(picture) if isinstance(picture, Figure) else Image.fromarray(picture.squeeze())
    is_chart = isinstance(picture, Figure) and image.getcolors(CHART_COLOURS) is not None
    if is_chart:
        image = image.quantize(256)
    buffer = io.BytesIO()
    image.save(buffer, format="png", optimize=is_chart or isinstance(picture, np.ndarray))  # photographs gain 1 %
    return buffer.getvalue()


def _draw(figure: Figure) -> Image.Image:
    """Draw a figure once; `savefig` draws a figure with a layout twice."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def gif_bytes(frames: Sequence[Figure], milliseconds: int) -> bytes:
    """Encode figures as a GIF that repeats forever. Each frame lasts `milliseconds`, the last one four times as long.

    All frames share one palette, made from the first, the middle and the last.
    """
    drawn = [_draw(figure) for figure in frames]
    sample = np.concatenate([np.asarray(drawn[index])[::2, ::2] for index in (0, len(drawn) // 2, -1)])
    palette = Image.fromarray(sample).quantize(128, method=Image.Quantize.MAXCOVERAGE)  # keeps the colours of dots
    images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in drawn]
    buffer = io.BytesIO()
    durations = [milliseconds] * (len(images) - 1) + [4 * milliseconds]
    images[0].save(buffer, format="gif", save_all=True, append_images=images[1:], duration=durations, loop=0)
    return buffer.getvalue()


def read_png(path: Path) -> np.ndarray:
    """Read a PNG as pixels (height, width, C) uint8, C 1 or 3. Raises StudyError if the file is not one."""
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image if image.mode == "L" else image.convert("RGB"))
        return pixels[..., None] if pixels.ndim == 2 else pixels
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise StudyError(f"{path}: not a picture ({error}), expected what the figures stage wrote there") from None
