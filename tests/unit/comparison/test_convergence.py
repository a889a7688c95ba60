"""What training curves promise of twice the epochs."""

import math

import pytest

from elbowroom.comparison.convergence import gain_of_doubling


@pytest.mark.parametrize("epochs", [2, 3, 10, 50, 300])
def test_a_loss_that_falls_like_one_over_the_epochs_gains_what_is_predicted(epochs: int) -> None:
    losses = [100 + 60 / epoch for epoch in range(1, 2 * epochs + 1)]
    assert gain_of_doubling(losses[:epochs]) == pytest.approx(losses[epochs - 1] - losses[-1])


def test_a_flat_curve_promises_nothing_and_one_epoch_tells_nothing() -> None:
    assert gain_of_doubling([7.0] * 9) == 0
    assert math.isnan(gain_of_doubling([7.0]))
