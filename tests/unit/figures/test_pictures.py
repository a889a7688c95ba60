"""Pictures hold what they are given."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from elbowroom.comparison import charts
from elbowroom.figures.colours import PALETTE, of_names
from elbowroom.figures.pictures import (
    GAP,
    ZOOM,
    animation_bytes,
    compared_maps,
    evolution_figures,
    labelled_images,
    latent_map,
    mosaic,
    picture_bytes,
    read_picture,
    side_by_side,
    training_curves,
)

CLASSES = ["zero", "one", "two"]
RANDOM = np.random.default_rng(0)


def history(variants: list[str], seeds: int = 2, epochs: int = 3) -> pd.DataFrame:
    rows = [
        {
            "variant": v,
            "seed": s,
            "split": split,
            "epoch": e,
            "loss": 9.0 / e + s,
            "distortion": 8.0 / e,
            "rate": 1.0 / e,
        }
        for v in variants
        for s in range(seeds)
        for split in ("train", "test")
        for e in range(1, epochs + 1)
    ]
    return pd.DataFrame(rows)


def test_a_mosaic_is_the_images_enlarged() -> None:
    images = RANDOM.integers(0, 256, (4, 3, 4, 5), np.uint8)
    zoom, gap = ZOOM, GAP
    picture = mosaic([[images[:2]], [images[2:]]])
    assert picture.shape == (2 * 4 * zoom + gap, 2 * 5 * zoom + gap, 3)
    assert (picture[:, 5 * zoom : 5 * zoom + gap] == 255).all()
    assert (picture[4 * zoom : 4 * zoom + gap] == 255).all()
    for index, image in enumerate(images):
        y, x = (index // 2) * (4 * zoom + gap), (index % 2) * (5 * zoom + gap)
        np.testing.assert_array_equal(
            picture[y : y + 4 * zoom : zoom, x : x + 5 * zoom : zoom], image.transpose(1, 2, 0)
        )


def test_groups_of_a_row_stand_apart() -> None:
    image = RANDOM.integers(0, 255, (1, 1, 8, 8), np.uint8)
    together, apart = mosaic([[np.concatenate([image] * 2)]]), mosaic([[image, image]])
    assert apart.shape[1] > together.shape[1]
    np.testing.assert_array_equal(apart[:, : 8 * ZOOM], together[:, : 8 * ZOOM])


@pytest.mark.parametrize("colours", [1, 3])
def test_a_mosaic_comes_back_from_its_file(tmp_path: Path, colours: int) -> None:
    picture = mosaic([[RANDOM.integers(0, 256, (3, colours, 8, 8), np.uint8)]])
    (tmp_path / "x.png").write_bytes(picture_bytes(picture))
    np.testing.assert_array_equal(read_picture(tmp_path / "x.png"), picture)


IMAGES = RANDOM.integers(0, 256, (4, 1, 8, 8), np.uint8)
LABELS = np.arange(30) % 3
POINTS = RANDOM.normal(size=(30, 2))
GRID = mosaic([[IMAGES]])
MANY = [str(number) for number in range(20)]
colours = of_names
EVERY_FIGURE: dict[str, Callable[[], Figure]] = {
    "labelled_images": lambda: labelled_images(IMAGES, ["a"] * 4),
    "training_curves": lambda: training_curves(history(["a"])),
    "training_curves of one epoch": lambda: training_curves(history(["a"], epochs=1)),
    "compared_curves": lambda: charts.compared_curves(history(["a", "b"]), "title", colours("ab")),
    "compared_curves of many": lambda: charts.compared_curves(history(MANY, seeds=1), "title", colours(MANY)),
    "latent_map": lambda: latent_map(POINTS, LABELS, CLASSES),
    "compared_maps": lambda: compared_maps(dict.fromkeys("abcd", (POINTS, LABELS, 0.5)), CLASSES, "title"),
    "side_by_side": lambda: side_by_side({"a": GRID, "b": GRID, "c": GRID}, "title", 2),
}


@pytest.mark.parametrize("name", EVERY_FIGURE)
def test_a_figure_has_ink_and_the_same_bytes_each_time(name: str) -> None:
    first, second = (picture_bytes(drawn()) for drawn in (EVERY_FIGURE[name],) * 2)
    assert first == second
    pixels = np.asarray(Image.open(io.BytesIO(first)).convert("L"))
    assert (pixels < 128).mean() > 0.001
    assert (pixels > 250).mean() > 0.1
    assert min(pixels.shape) > 80


@pytest.mark.parametrize("colours", [1, 3])
def test_side_by_side_is_pixel_for_pixel(colours: int) -> None:
    pictures = {name: mosaic([[RANDOM.integers(0, 256, (2, colours, 8, 8), np.uint8)]]) for name in "abc"}
    canvas = FigureCanvasAgg(side_by_side(pictures, "title", 2))
    canvas.draw()
    page = np.asarray(canvas.buffer_rgba())[..., :3]
    for picture in pictures.values():
        expected = np.broadcast_to(picture, (*picture.shape[:2], 3))
        windows = np.lib.stride_tricks.sliding_window_view(page, expected.shape)[:, :, 0]
        assert (windows == expected).all((2, 3, 4)).any()


def test_curves_draw_the_numbers_of_the_table() -> None:
    table = history(["a", "b"])
    figure = charts.compared_curves(table, "title", colours("xab"))
    panels = figure.axes
    assert [axes.get_title() for axes in panels] == [
        "train loss",
        "test loss",
        "test distortion (reconstruction)",
        "test rate (KL)",
    ]
    line = panels[1].lines[0]
    assert line.get_color() == PALETTE[1]  # that of its place in the study
    np.testing.assert_allclose(line.get_xdata(), [1, 2, 3])
    np.testing.assert_allclose(line.get_ydata(), [9.5, 5.0, 3.5])  # the mean over both seeds
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
    assert all(axes.get_ylabel() == "nats per image" for axes in panels)


def test_evolution_has_a_frame_for_each_snapshot() -> None:
    snapshots = {
        "epochs": np.array([0, 1, 2, 5]),
        "reconstructions": RANDOM.integers(0, 256, (4, 6, 1, 8, 8), np.uint8),
    }
    maps = RANDOM.normal(size=(4, 30, 2))
    images = RANDOM.integers(0, 256, (6, 1, 8, 8), np.uint8)
    strip, frames = evolution_figures(snapshots, maps, images, np.arange(30) % 3)
    assert strip.axes[0].get_title() == "before training"
    animation = Image.open(io.BytesIO(animation_bytes(frames, 100)))
    assert animation.n_frames == 4  # type: ignore[attr-defined]
    assert animation.info["loop"] == 0
