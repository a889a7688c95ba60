"""A sheet of decoded pictures per variant, so that the page can explore latent space if it lacks the decoder."""

import io
from typing import NamedTuple

import numpy as np
from PIL import Image

from elbowroom.core import paths
from elbowroom.core.errors import StudyError
from elbowroom.core.files import Arrays, load_arrays, save_arrays
from elbowroom.core.settings import Variant

COLUMNS = 32  # tiles per row, if the sheet is then not too tall
TALLEST = 16383  # pixels of a WebP
BLOCK = 16  # WebP compresses blocks of 16 x 16: a tile is padded to whole blocks, so that none bleeds into the next
QUALITY = 80
SPAN = 3.0  # a walk along a latent goes this many standard deviations to either side


class SheetLayout(NamedTuple):
    """How many pictures of each kind the sheets have. On the sheet of tiles the kinds follow each other in this order.

    grid: points on each side of the map; its pictures come row by row, from the upper left corner. images: test images;
    each pair of them has a straight path and one along the great circle (pairs: first and second, first and third,
    ...). steps: pictures on a path, both ends included. latents: those walked along, from low to high, in `stops`
    pictures each. Another sheet has reconstructions through training. epochs: snapshots. followed: images reconstructed
    at each.
    """

    grid: int
    images: int
    steps: int
    latents: int
    epochs: int
    followed: int

    @property
    def stops(self) -> int:
        """The number of pictures on a walk: odd, so that one is in the middle."""
        return self.steps | 1

    @property
    def starts(self) -> dict[str, int]:
        """The number of each kind's first tile; under `end`, how many tiles there are."""
        counts = {
            "grid": self.grid**2,
            "paths": self.images * (self.images - 1) // 2 * 2 * self.steps,
            "walks": self.latents * self.stops,
        }
        ends = np.cumsum([0, *counts.values()]).tolist()
        return dict(zip([*counts, "end"], ends, strict=True))


def frame(points: np.ndarray) -> np.ndarray:
    """The part of the plane that holds nearly all points (N, 2), with a margin: [[xmin, xmax], [ymin, ymax]]."""
    limits = np.quantile(points, [0.002, 0.998], axis=0).T
    return limits + np.array([-0.06, 0.06]) * np.maximum(np.ptp(limits, axis=1, keepdims=True), 1e-6)


def lattice(limits: np.ndarray, side: int) -> np.ndarray:
    """The centres of the cells of a grid in the plane (side**2, 2), row by row from the upper left."""
    x, y = (low + (np.arange(side) + 0.5) / side * (high - low) for low, high in limits)
    return np.stack(np.meshgrid(x, y[::-1]), axis=-1).reshape(-1, 2)


def columns(count: int, height: int, width: int) -> int:
    """Return how many tiles of this size a row of the sheet has: COLUMNS, or more if the sheet would be too tall."""
    found = COLUMNS
    while -(-count // found) * -(-height // BLOCK) * BLOCK > TALLEST:
        found *= 2
    return min(count, found)


def sheet(tiles: np.ndarray) -> np.ndarray:
    """Encode pictures (N, C, H, W) uint8 as one WebP with `columns` tiles per row: its bytes (B,) uint8."""
    count, channels, height, width = tiles.shape
    per_row = columns(count, height, width)
    empty = -count % per_row
    margins = ((0, empty), (0, 0), (0, -height % BLOCK), (0, -width % BLOCK))
    padded = np.pad(tiles, margins, mode="edge")
    rows = padded.reshape(-1, per_row, *padded.shape[1:]).transpose(0, 3, 1, 4, 2)
    pixels = rows.reshape(rows.shape[0] * rows.shape[1], -1, channels)
    buffer = io.BytesIO()
    Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3))).save(buffer, "webp", quality=QUALITY, method=6)
    return np.frombuffer(buffer.getvalue(), np.uint8)


class Explored(NamedTuple):
    """What the page shows of a variant.

    classes: names by number. size: height and width of a picture. arrays:
    - tiles, film, images: sheets of the decoded pictures, of reconstructions through training, of the test images
    - points (S, N, 2): mu of these test images in one plane at each of S epochs
    - labels (N,): their class numbers, if they have any
    - epochs (S,)
    - limits (2, 2): the frame of the map
    - share (): the share of the variance of mu that the plane holds
    - latents, amounts (L,): the latents walked along, and the KL of each in nats (an autoencoder: the variance of mu)
    """

    layout: SheetLayout
    classes: list[str]
    size: tuple[int, int]
    arrays: Arrays


def save(name: str, variant: Variant, seed: int, made: Explored) -> None:
    """Write what was decoded for a variant, with the variant's settings in the header."""
    header = {"variant": variant.model_dump(), "seed": seed, "layout": made.layout._asdict(), "classes": made.classes}
    header["size"] = made.size
    save_arrays(paths.explorer_file(name), made.arrays, header)


def load(name: str, variant: Variant, seed: int) -> Explored:
    """Read what was decoded for a variant. Raises StudyError if it is another variant's or seed's."""
    path = paths.explorer_file(name)
    arrays, header = load_arrays(path)
    if (header.get("variant"), header.get("seed")) != (variant.model_dump(), seed):
        raise StudyError(f"{path}: found results of another variant or seed, run `dvc repro`")
    if not {"layout", "size"} <= header.keys():
        raise StudyError(f"{path}: found no sheet of pictures, expected one as the explore stage writes it")
    height, width = header["size"]
    return Explored(SheetLayout(**header["layout"]), header["classes"], (height, width), arrays)
