"""Trained VAEs stand at their noise level, in one pixel range, beside the linear VAE."""

import pandas as pd
import pytest

from elbowroom.comparison.noise import noise_points
from elbowroom.comparison.noise_chart import is_open, noise_figure, trained_points
from elbowroom.core.settings import Study
from elbowroom.report.vega_noise import noise_chart
from elbowroom.results.outcomes import State
from elbowroom.results.schema import to_table
from elbowroom.results.yardstick_rows import NoiseLevel, NoisePoint
from elbowroom.vae.objective import effective_beta

LEVELS = to_table(NoiseLevel, [NoiseLevel(dataset="mnist", sigma2=s, active=a, used=a) for s, a in ((0.5, 23), (4, 0))])


@pytest.fixture
def points(study: Study, seeds: pd.DataFrame) -> list[NoisePoint]:
    """As many latents are active as used; the autoencoder has no effective beta."""
    betas = [effective_beta(study.variants[name], 0.5) for name in seeds.variant]
    measured = seeds.assign(active_units=seeds.used_latents, effective_beta=betas)
    return list(noise_points(study, measured, LEVELS, []))


def test_a_squared_error_in_the_symmetric_range_has_variance_one_eighth(points: list[NoisePoint]) -> None:
    """A beta of 1000 multiplies it; pixels in [-1, 1] have four times the variance of those in [0, 1]."""
    found = {point.variant: point for point in points if point.variant}
    assert found["mnist-z128"].sigma2 == 1 / 8
    assert found["collapsed"].sigma2 == 125
    assert found["mnist-z128"].used == 14
    assert "mnist-ae128" not in found
    assert [(point.sigma2, point.used) for point in points if not point.variant] == [(0.5, 23), (4, 0)]


def test_vaes_that_use_all_latents_or_trained_too_little_are_open_and_collapsed_ones_not_shown(
    points: list[NoisePoint],
) -> None:
    shown = {point.latent_dim: is_open(point) for point in trained_points(points)}
    assert shown == {2: True, 4: True, 8: True, 16: False, 32: False, 64: False, 128: False, 256: False}
    assert is_open(
        NoisePoint(dataset="mnist", variant="v", latent_dim=99, sigma2=1, active=9, used=9, verdict=State.UNDERTRAINED)
    )


def test_both_charts_show_the_same_points(points: list[NoisePoint]) -> None:
    active, used, filled, hollow = noise_figure(points, "title").axes[0].lines
    assert list(active.get_xydata()[0]) == list(used.get_xydata()[0]) == [0.5, 23]
    assert [len(line.get_xdata()) for line in (filled, hollow)] == [5, 3]
    drawn = [row for rows in noise_chart(points)["datasets"].values() for row in rows]
    assert [row["open"] for row in drawn if "variant" in row] == [True] * 3 + [False] * 5


def test_without_levels_or_gaussian_vaes_there_are_no_points(study: Study, seeds: pd.DataFrame) -> None:
    measured = seeds.assign(active_units=seeds.used_latents, effective_beta=0.25)
    assert list(noise_points(study, measured, LEVELS[:0], [])) == []
    assert list(noise_points(study, measured.assign(effective_beta=float("nan")), LEVELS, [])) == []
