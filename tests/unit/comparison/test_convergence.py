"""What training curves promise of twice the epochs."""

import math

import pandas as pd
import pytest

from elbowroom.comparison.convergence import gain_of_doubling
from tests.support import ROOT


@pytest.mark.parametrize("epochs", [2, 3, 10, 50, 300])
def test_a_loss_that_falls_like_one_over_the_epochs_gains_what_is_predicted(epochs: int) -> None:
    losses = [100 + 60 / epoch for epoch in range(1, 2 * epochs + 1)]
    assert gain_of_doubling(losses[:epochs]) == pytest.approx(losses[epochs - 1] - losses[-1])


def test_a_flat_curve_promises_nothing_and_one_epoch_tells_nothing() -> None:
    assert gain_of_doubling([7.0] * 9) == 0
    assert math.isnan(gain_of_doubling([7.0]))


def test_what_the_report_says_of_how_good_a_guess_it_is() -> None:
    """Half of each committed training predicts the other half (report/captions.py, "sizes")."""
    early, late = [], []  # how many times what was predicted came
    for file in [*ROOT.glob("plots/*/history.csv"), *ROOT.glob("studies/*/plots/*/history.csv")]:
        history = pd.read_csv(file)
        losses = history[history.split == "train"].groupby("epoch").loss.mean().tolist()
        if (half := len(losses) // 2) > 1:
            ratio = (losses[half - 1] - losses[2 * half - 1]) / gain_of_doubling(losses[:half])
            (late if half >= 10 else early).append(ratio)
    assert min(early) < 0.2
    assert len(late) > 10
    assert 0.5 < min(late) < max(late) < 2
