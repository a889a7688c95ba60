"""Pictures hold the images they are given, pixel for pixel."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from elbowroom.figures.pictures import DRAWN, FRAME, GAP, mosaic, picture_grid

RANDOM = np.random.default_rng(0)


def test_a_mosaic_is_the_images_enlarged_with_a_line_around_each() -> None:
    images = RANDOM.integers(0, 256, (4, 3, 4, 5), np.uint8)
    zoom, gap = DRAWN // 5, GAP
    picture = mosaic([[images[:2]], [images[2:]]])
    assert picture.shape == (2 * 4 * zoom + gap + 2, 2 * 5 * zoom + gap + 2, 3)
    assert (picture[:, 5 * zoom + 2 : 5 * zoom + gap] == 255).all()
    assert (picture[4 * zoom + 2 : 4 * zoom + gap] == 255).all()
    for index, image in enumerate(images):
        y, x = (index // 2) * (4 * zoom + gap), (index % 2) * (5 * zoom + gap)
        framed = picture[y : y + 4 * zoom + 2, x : x + 5 * zoom + 2]
        np.testing.assert_array_equal(framed[1:-1:zoom, 1:-1:zoom], image.transpose(1, 2, 0))
        assert (framed[[0, -1]] == FRAME).all()
        assert (framed[:, [0, -1]] == FRAME).all()


@pytest.mark.parametrize(("side", "zoom"), [(16, 6), (28, 3), (32, 3), (33, 2), (64, 1), (128, 1)])
def test_small_images_are_enlarged_more(side: int, zoom: int) -> None:
    image = np.zeros((1, 1, side, side // 2), np.uint8)
    assert mosaic([[image]]).shape == (side * zoom + 2, side // 2 * zoom + 2, 1)


def test_groups_of_a_row_have_a_wide_gap_between_them() -> None:
    image = RANDOM.integers(0, 255, (1, 1, 8, 8), np.uint8)
    together, apart = mosaic([[np.concatenate([image] * 2)]]), mosaic([[image, image]])
    assert apart.shape[1] > together.shape[1]
    np.testing.assert_array_equal(apart[:, :DRAWN], together[:, :DRAWN])


@pytest.mark.parametrize("colours", [1, 3])
def test_a_picture_grid_is_pixel_for_pixel(colours: int) -> None:
    pictures = {name: mosaic([[RANDOM.integers(0, 256, (2, colours, 8, 8), np.uint8)]]) for name in "abc"}
    canvas = FigureCanvasAgg(picture_grid(pictures, "title", 2))
    canvas.draw()
    page = np.asarray(canvas.buffer_rgba())[..., :3]
    for picture in pictures.values():
        expected = np.broadcast_to(picture, (*picture.shape[:2], 3))
        windows = np.lib.stride_tricks.sliding_window_view(page, expected.shape)[:, :, 0]
        begins = (windows[:, :, 0] == expected[0]).all((2, 3))  # its first row of pixels, at most places another
        assert (windows[begins] == expected).all((1, 2, 3)).any()


@pytest.mark.parametrize(("number", "columns"), [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (7, 3)])
def test_a_picture_grid_has_no_column_that_fuller_rows_could_do_without(number: int, columns: int) -> None:
    picture = np.zeros((8, 8, 1), np.uint8)
    axes = picture_grid({str(place): picture for place in range(number)}, "title", 3).axes
    assert len({round(each.get_position().x0, 6) for each in axes}) == columns
