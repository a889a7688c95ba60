"""Pictures decoded beforehand, for a page that explores latent space without a decoder: a sheet of tiles a variant.

A decoder in the browser would take 67 million multiplications a picture of the notebook's network; a tile is drawn in
well under a millisecond, and a sheet is smaller than the decoder's weights.
"""

import io
from typing import NamedTuple

import numpy as np
from PIL import Image

from elbowroom.core import paths
from elbowroom.core.errors import StudyError
from elbowroom.core.files import Arrays, load_arrays, save_arrays
from elbowroom.core.settings import Variant

COLUMNS = 32  # tiles in a row of a sheet
BLOCK = 16  # WebP's blocks: a tile's sides are made a multiple, so that none bleeds into its neighbour
QUALITY = 88
SPAN = 3.0  # a latent is walked from minus to plus as many standard deviations


class Layout(NamedTuple):
    """How many pictures of each kind a sheet has. They follow each other in this order.

    grid: points on a side of the map, row by row from its upper left corner. images: test images with a path between
    each two of them, first with the second, the third, ...; straight, then along the great circle. steps: on a path,
    the ends included. latents: walked along, from low to high, in `stops`. epochs: snapshots. followed: images that
    each reconstructs.
    """

    grid: int
    images: int
    steps: int
    latents: int
    epochs: int
    followed: int

    @property
    def stops(self) -> int:
        """Pictures on a walk: odd, so that one is in the middle."""
        return self.steps | 1

    @property
    def starts(self) -> dict[str, int]:
        """The number of the first tile of each kind, and under `end` how many there are."""
        counts = {
            "grid": self.grid**2,
            "paths": self.images * (self.images - 1) // 2 * 2 * self.steps,
            "walks": self.latents * self.stops,
            "evolution": self.epochs * self.followed,
        }
        ends = np.cumsum([0, *counts.values()]).tolist()
        return dict(zip([*counts, "end"], ends, strict=True))


def frame(points: np.ndarray) -> np.ndarray:
    """What of the plane is shown: [[xmin, xmax], [ymin, ymax]], which holds nearly all points (N, 2), with a margin."""
    limits = np.quantile(points, [0.002, 0.998], axis=0).T
    return limits + np.array([-0.06, 0.06]) * np.maximum(np.ptp(limits, axis=1, keepdims=True), 1e-6)


def lattice(limits: np.ndarray, side: int) -> np.ndarray:
    """The points of the grid in the plane (side**2, 2): the centres of its cells, from the upper left, row by row."""
    x, y = (low + (np.arange(side) + 0.5) / side * (high - low) for low, high in limits)
    return np.stack(np.meshgrid(x, y[::-1]), axis=-1).reshape(-1, 2)


def sheet(tiles: np.ndarray) -> np.ndarray:
    """Pictures (N, C, H, W) uint8 on one WebP, COLUMNS in a row: its bytes (B,) uint8."""
    count, channels, height, width = tiles.shape
    empty = -count % COLUMNS if count > COLUMNS else 0
    margins = ((0, empty), (0, 0), (0, -height % BLOCK), (0, -width % BLOCK))
    padded = np.pad(tiles, margins, mode="edge")
    rows = padded.reshape(-1, min(count, COLUMNS), *padded.shape[1:]).transpose(0, 3, 1, 4, 2)
    pixels = rows.reshape(rows.shape[0] * rows.shape[1], -1, channels)
    buffer = io.BytesIO()
    Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3))).save(buffer, "webp", quality=QUALITY, method=6)
    return np.frombuffer(buffer.getvalue(), np.uint8)


class Explored(NamedTuple):
    """What the page shows of a variant.

    classes: names by number. arrays: tiles and images, each a `sheet` (the images are of the points, in their order);
    points (S, N, 2), mu of test images in one plane at each of S epochs; labels (N,); epochs (S,); limits (2, 2), the
    frame; share (), of the variance of mu that the plane holds; latents and amounts (L,): those walked along, and the
    KL of each in nats (of an autoencoder the variance of mu).
    """

    layout: Layout
    classes: list[str]
    arrays: Arrays


def save(name: str, variant: Variant, seed: int, made: Explored) -> None:
    """Write it, with the variant's settings in the header."""
    header = {"variant": variant.model_dump(), "seed": seed, "layout": made.layout._asdict(), "classes": made.classes}
    save_arrays(paths.explorer_file(name), made.arrays, header)


def load(name: str, variant: Variant, seed: int) -> Explored:
    """Read it. Raises StudyError where it is another variant's or seed's."""
    path = paths.explorer_file(name)
    arrays, header = load_arrays(path)
    if (header.get("variant"), header.get("seed")) != (variant.model_dump(), seed):
        raise StudyError(f"{path}: found results of another variant or seed, run `dvc repro`")
    if "layout" not in header:
        raise StudyError(f"{path}: found no sheet of pictures, expected what the explore stage wrote there")
    return Explored(Layout(**header["layout"]), header["classes"], arrays)
