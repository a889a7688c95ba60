"""The tables of the answer: which variants are judged against which."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from elbowroom.comparison.answer import by_series, size_answers, width_gains
from elbowroom.comparison.unexplained import Unexplained
from elbowroom.core.settings import Study
from elbowroom.results.outcomes import State, Step, Worth
from elbowroom.results.rows import SizeAnswer
from elbowroom.results.tables import Measurements
from tests.support.tables import history


def answers(study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame) -> dict[str, SizeAnswer]:
    measured = Measurements(
        seeds, history(list(study.variants)), pd.DataFrame(), pd.DataFrame(), baselines, pd.DataFrame()
    )
    rows = size_answers(study, measured)
    return {row.variant: row for row in rows}


def test_every_vae_is_judged_and_no_autoencoder(study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame) -> None:
    found = answers(study, seeds, baselines)
    assert set(found) == set(study.variants) - {"mnist-ae128"}
    assert found["mnist-z2"].state is State.TOO_FEW
    assert found["collapsed"].state is State.COLLAPSED
    assert len(by_series(list(found.values()))) == 1  # another beta is another series, here of a single size


@pytest.mark.parametrize(
    ("rate", "test_loss", "train_loss", "expected"),
    [
        (0.0, 215.0, 216.0, State.COLLAPSED),
        (2.0, 215.0, 216.0, State.BARELY_TRAINED),  # its latents carry KL
        (2.0, 3000.0, 3000.0, State.STUCK),  # and 1.5 predicted of 2,788 nats to go
        (0.0, 212.0, 213.0, State.BARELY_TRAINED),  # 0.4 nats to go, 1.5 predicted
        (0.0, 230.0, 231.0, State.BARELY_TRAINED),  # 18 nats to go after 6, and 1.5 predicted
        (0.0, 212.0, 209.5, State.BARELY_TRAINED),  # training images are only just better than their mean
        (9.0, 250.0, 100.0, State.OVERFITTED),
    ],
)
def test_why_no_size_beats_the_mean_image(
    study: Study,
    seeds: pd.DataFrame,
    baselines: pd.DataFrame,
    rate: float,
    test_loss: float,
    train_loss: float,
    expected: State,
) -> None:
    baselines.loc[baselines.baseline == "mean image", "train_loss"] = 210.0
    seeds.loc[seeds.variant == "collapsed", ["test_rate", "test_loss", "train_loss"]] = rate, test_loss, train_loss
    row = answers(study, seeds, baselines)["collapsed"]
    assert row.state is expected
    assert row.step is (Step.LONGER if expected is State.BARELY_TRAINED else Step.NOTHING)


def test_a_size_after_one_epoch_is_not_finished(study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame) -> None:
    first = history(list(study.variants)).query("epoch == 1")
    none = pd.DataFrame()
    rows = size_answers(study, Measurements(seeds, first, none, none, baselines, none))
    found = {row.variant: row for row in rows}["mnist-z4"]
    assert np.isnan(found.doubling_gain)
    assert found.unfinished
    assert found.step is Step.LONGER


def test_after_one_epoch_no_series_is_called_collapsed() -> None:
    """The user's case, and the same where nothing can be predicted yet."""
    behind, ahead = np.array([3.0, 4.1]), np.array([-2.0, -3.0])
    fallen = np.array([9.0, 9.0])
    assert Unexplained(np.array([4.0, 9.0]), np.array([4.7, 3.6]), fallen, behind, ahead).state is State.BARELY_TRAINED
    nothing, unknown = np.zeros(2), np.full(2, np.nan)
    assert Unexplained(nothing, unknown, nothing, behind, ahead).state is State.BARELY_TRAINED


def test_a_row_has_the_numbers_of_its_variant(study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame) -> None:
    own = seeds.variant == "mnist-z4"
    seeds.loc[own, "used_latents"] = [2, 4, 4]
    row = answers(study, seeds, baselines)["mnist-z4"]
    assert row.test_loss == seeds[own].test_loss.mean()
    assert row.explained == pytest.approx(211.6 - seeds[seeds.variant == "mnist-z16"].test_loss.mean(), abs=0.2)
    assert row.margin == pytest.approx(0.01 * row.explained)
    assert row.linear_loss == 216
    assert row.used == (2 + 4 + 4) / 3
    assert row.doubling_gain == pytest.approx((4.5 - 3.0) * 2 / 2)  # the training loss falls from 9.5 to 5 to 3.5


def test_a_size_that_only_learns_its_training_images_by_heart_needs_no_longer_training(
    study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame
) -> None:
    """Its training loss falls by more than the margin, its test loss does not."""
    assert answers(study, seeds, baselines)["mnist-z256"].step is Step.LONGER
    curves = history(list(study.variants))
    curves.loc[curves.split == "test", "loss"] = 7.0
    none = pd.DataFrame()
    rows = size_answers(study, Measurements(seeds, curves, none, none, baselines, none))
    found = {row.variant: row for row in rows}["mnist-z256"]
    assert found.doubling_gain > found.margin > found.test_gain == 0
    assert found.overfits
    assert not found.unfinished
    assert found.step is not Step.LONGER


def test_the_linear_vae_is_no_yardstick_at_another_beta(
    study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame
) -> None:
    assert np.isnan(answers(study, seeds, baselines)["collapsed"].linear_loss)


def test_only_neighbouring_widths_are_compared_and_none_of_a_collapsed_series(
    study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame
) -> None:
    base = study.variants["mnist-z16"]
    wider = {f"w{channels}": base.model_copy(update={"channels": channels}) for channels in (64, 128)}
    wider["collapsed-w64"] = study.variants["collapsed"].model_copy(update={"channels": 64})
    wide = study.model_copy(update={"variants": study.variants | wider})
    own, collapsed = seeds[seeds.variant == "mnist-z16"], seeds[seeds.variant == "collapsed"]
    rows = [own.assign(variant="w64", parameters=4000), own.assign(variant="w128", parameters=12000)]
    more = pd.concat([seeds, *rows, collapsed.assign(variant="collapsed-w64")])
    judged = list(answers(wide, more, baselines).values())
    gains = width_gains(wide, more, judged)
    assert [(row.variant, row.against) for row in gains] == [("w64", "mnist-z16"), ("w128", "w64")]
    assert [row.parameters_ratio for row in gains] == [4, 3]
    assert gains[0].gain == 0
    undertrained = [replace(row, state=State.UNDERTRAINED) if row.variant == "mnist-z16" else row for row in judged]
    again = width_gains(wide, more, undertrained)
    assert again[0].worth is Worth.UNDERTRAINED
    assert Worth.UNDERTRAINED not in {again[1].worth, *(row.worth for row in gains)}
