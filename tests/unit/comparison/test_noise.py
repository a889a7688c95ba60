"""Trained VAEs stand at their noise level, in one pixel range, beside the linear VAE."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from elbowroom.comparison.answer import size_answers
from elbowroom.comparison.noise import noise_points
from elbowroom.comparison.noise_chart import TRAINED, noise_figure, trained_points
from elbowroom.core.settings import Study
from elbowroom.report.vega_noise import noise_chart
from elbowroom.results.outcomes import State
from elbowroom.results.rows import SizeAnswer
from elbowroom.results.schema import to_table
from elbowroom.results.tables import Measurements
from elbowroom.results.yardstick_rows import NoiseLevel, NoisePoint
from elbowroom.vae.objective import effective_beta
from tests.support.tables import history

LEVELS = to_table(NoiseLevel, [NoiseLevel(dataset="mnist", sigma2=s, active=a, used=a) for s, a in ((0.5, 23), (4, 0))])


@pytest.fixture
def answers(study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame) -> list[SizeAnswer]:
    none = pd.DataFrame()
    return size_answers(
        study, Measurements(seeds, history(list(study.variants), epochs=6), none, none, baselines, none)
    )


@pytest.fixture
def points(study: Study, seeds: pd.DataFrame, answers: list[SizeAnswer]) -> list[NoisePoint]:
    """As many latents are active as used; the autoencoder has no effective beta."""
    return noise(study, seeds, answers)


def noise(study: Study, seeds: pd.DataFrame, answers: list[SizeAnswer]) -> list[NoisePoint]:
    betas = [effective_beta(study.variants[name], 0.5) for name in seeds.variant]
    measured = seeds.assign(active_units=seeds.used_latents, effective_beta=betas)
    return list(noise_points(study, measured, LEVELS, answers))


def test_a_squared_error_in_the_symmetric_range_has_variance_one_eighth(points: list[NoisePoint]) -> None:
    """A beta of 1000 multiplies it; pixels in [-1, 1] have four times the variance of those in [0, 1]."""
    found = {point.variant: point for point in points if point.variant}
    assert found["mnist-z128"].sigma2 == 1 / 8
    assert found["collapsed"].sigma2 == 125
    assert found["mnist-z128"].used == 14
    assert "mnist-ae128" not in found
    assert [(point.sigma2, point.used) for point in points if not point.variant] == [(0.5, 23), (4, 0)]


def test_vaes_that_use_all_their_latents_are_open_and_collapsed_ones_not_shown(points: list[NoisePoint]) -> None:
    shown = {point.latent_dim: bool(point.open) for point in trained_points(points)}
    assert shown == {2: True, 4: True, 8: True, 16: False, 32: False, 64: False, 128: False, 256: False}


@pytest.mark.parametrize(
    "change",
    [
        {"state": State.UNDERTRAINED},
        {"state": State.ONE_SEED},
        {"doubling_gain": 9.9, "test_gain": 9.9},
        {"linear_loss": 1.0},
    ],
)
def test_vaes_that_another_training_may_change_are_open(
    study: Study, seeds: pd.DataFrame, answers: list[SizeAnswer], change: dict[str, Any]
) -> None:
    changed = [replace(row, **change) if row.latent_dim == 64 else row for row in answers]
    shown = {point.latent_dim: bool(point.open) for point in trained_points(noise(study, seeds, changed))}
    assert shown[64]
    assert not shown[128]


def test_both_charts_show_the_same_points(points: list[NoisePoint]) -> None:
    active, used, filled, hollow = noise_figure(points, "title").axes[0].lines
    assert list(active.get_xydata()[0]) == list(used.get_xydata()[0]) == [0.5, 23]
    assert [len(line.get_xdata()) for line in (filled, hollow)] == [5, 3]
    drawn = [row for rows in noise_chart(points)["datasets"].values() for row in rows]
    filled_name, hollow_name = TRAINED
    assert [row["trained"] for row in drawn if "variant" in row] == [hollow_name] * 3 + [filled_name] * 5


def test_without_levels_or_gaussian_vaes_there_are_no_points(study: Study, seeds: pd.DataFrame) -> None:
    measured = seeds.assign(active_units=seeds.used_latents, effective_beta=0.25)
    assert list(noise_points(study, measured, LEVELS[:0], [])) == []
    assert list(noise_points(study, measured.assign(effective_beta=float("nan")), LEVELS, [])) == []
