"""Snapshots are taken at the same epochs however long training is, and the last is of the final model."""

import numpy as np
import torch
from tqdm import tqdm

from elbowroom.datasets.images import Images
from elbowroom.training.loop import train
from elbowroom.training.snapshots import is_snapshot_epoch
from tests.support.settings import recipe, variant


def test_snapshots_are_ten_to_a_decade() -> None:
    assert [epoch for epoch in range(101) if is_snapshot_epoch(epoch)] == [
        *(0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 63, 79, 100)
    ]


def test_evolution_ends_with_the_final_model(small: dict[str, Images]) -> None:
    (result,) = train(variant(), recipe(epochs=3), small["mnist"], [0], tqdm(disable=True))
    assert result.evolution["epochs"].tolist() == [0, 1, 2, 3]
    assert result.evolution["mu"].shape == (4, 130, 6)
    assert result.evolution["reconstructions"].shape == (4, 10, 1, 28, 28)
    x = small["mnist"].test.images.float() / 127.5 - 1
    with torch.no_grad():
        mu = result.model.encode(x)[0].numpy()
    np.testing.assert_allclose(result.evolution["mu"][-1], mu, atol=2e-3, rtol=2e-3)
    assert not np.array_equal(result.evolution["reconstructions"][0], result.evolution["reconstructions"][-1])
