"""The evolution of latent space has a moment for each snapshot."""

import io

import numpy as np
from PIL import Image

from elbowroom.figures.image_files import gif_bytes
from elbowroom.figures.latent_maps import evolution_figures

RANDOM = np.random.default_rng(0)


def test_evolution_has_a_frame_for_each_snapshot() -> None:
    snapshots = {
        "epochs": np.array([0, 1, 2, 5]),
        "reconstructions": RANDOM.integers(0, 256, (4, 6, 1, 8, 8), np.uint8),
    }
    maps = RANDOM.normal(size=(4, 30, 2))
    images = RANDOM.integers(0, 256, (6, 1, 8, 8), np.uint8)
    strip, frames = evolution_figures(snapshots, maps, images, np.arange(30) % 3)
    assert strip.axes[0].get_title() == "before training"
    animation = Image.open(io.BytesIO(gif_bytes(frames, 100)))
    assert animation.n_frames == 4  # type: ignore[attr-defined]
    assert animation.info["loop"] == 0
