"""Every figure is drawn and encoded to the same bytes each time; pixels come back from their file."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from elbowroom.comparison import charts
from elbowroom.figures.colours import distinct_colours
from elbowroom.figures.curves import training_curves
from elbowroom.figures.image_files import png_bytes, read_png
from elbowroom.figures.latent_maps import LatentMap, compared_maps, latent_map
from elbowroom.figures.pictures import labelled_images, mosaic, picture_grid
from tests.support.tables import history

CLASSES = ["zero", "one", "two"]
RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("colours", [1, 3])
def test_a_mosaic_comes_back_from_its_file(tmp_path: Path, colours: int) -> None:
    picture = mosaic([[RANDOM.integers(0, 256, (3, colours, 8, 8), np.uint8)]])
    (tmp_path / "x.png").write_bytes(png_bytes(picture))
    np.testing.assert_array_equal(read_png(tmp_path / "x.png"), picture)


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("P", 3), ("RGBA", 3), ("1", 3), ("I;16", 3)])
def test_a_png_of_any_mode_is_read_as_grey_or_rgb(tmp_path: Path, mode: str, channels: int) -> None:
    Image.new(mode, (5, 4)).save(tmp_path / "x.png")
    assert read_png(tmp_path / "x.png").shape == (4, 5, channels)


IMAGES = RANDOM.integers(0, 256, (4, 1, 8, 8), np.uint8)
LABELS = np.arange(30) % 3
POINTS = RANDOM.normal(size=(30, 2))
GRID = mosaic([[IMAGES]])
MANY = [str(number) for number in range(20)]
EVERY_FIGURE: dict[str, Callable[[], Figure]] = {
    "labelled_images": lambda: labelled_images(IMAGES, ["a"] * 4),
    "training_curves": lambda: training_curves(history(["a"])),
    "training_curves of one epoch": lambda: training_curves(history(["a"], epochs=1)),
    "curves_figure": lambda: charts.curves_figure(history(["a", "b"]), "title", distinct_colours("ab")),
    "curves_figure of many": lambda: charts.curves_figure(history(MANY, seeds=1), "title", distinct_colours(MANY)),
    "latent_map": lambda: latent_map(POINTS, LABELS, CLASSES),
    "compared_maps": lambda: compared_maps(dict.fromkeys("abcd", LatentMap(POINTS, LABELS, 0.5)), CLASSES, "title"),
    "picture_grid": lambda: picture_grid({"a": GRID, "b": GRID, "c": GRID}, "title", 2),
}


@pytest.mark.parametrize("name", EVERY_FIGURE)
def test_a_figure_has_ink_and_the_same_bytes_each_time(name: str) -> None:
    first, second = (png_bytes(drawn()) for drawn in (EVERY_FIGURE[name],) * 2)
    assert first == second
    pixels = np.asarray(Image.open(io.BytesIO(first)).convert("L"))
    assert (pixels < 128).mean() > 0.001
    assert (pixels > 250).mean() > 0.1
    assert min(pixels.shape) > 80
