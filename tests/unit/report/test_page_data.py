"""page.js gets points and latents as it reads them."""

import base64

import numpy as np

from elbowroom.figures.explorer_sheet import Explored, SheetLayout, sheet
from elbowroom.report.page_data import for_page, images_for_page


def test_points_become_places_in_the_frame() -> None:
    layout = SheetLayout(grid=3, images=4, steps=5, latents=2, epochs=2, followed=3)
    tiles = sheet(np.zeros((2, 1, 28, 28), np.uint8))
    arrays = {
        "tiles": tiles,
        "film": tiles,
        "images": tiles,
        "points": np.array([[[0.0, 0.0], [9.0, 5.0]]], np.float32),
        "labels": np.array([1, 0]),
        "epochs": np.array([3]),
        "limits": np.array([[-1.0, 1.0], [0.0, 10.0]]),
        "share": np.array(0.25),
        "latents": np.array([4, 2]),
        "amounts": np.array([1.23456, 0.5]),
    }
    explored = Explored(layout, ["a", "b"], (28, 28), arrays)
    page = for_page(explored)
    places = np.frombuffer(base64.b64decode(page["points"]), "<u2").reshape(1, 2, 2)
    assert places.tolist() == [[[32768, 0], [65535, 32768]]]  # the second is beyond the right side
    assert page["walked"] == [{"latent": 4, "amount": 1.235}, {"latent": 2, "amount": 0.5}]
    assert page["at"] == [3]
    assert page["starts"]["end"] == layout.starts["end"]
    assert page["sheet"].startswith("data:image/webp;base64,")
    assert images_for_page(explored)["labels"] == [1, 0]
