"""Curves over the latent size have a point for each size, and bend where the loss does."""

import pandas as pd
import pytest

from elbowroom.comparison.latent_curves import elbows, latent_curves
from elbowroom.comparison.summary import shown_baselines
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.results.rows import LatentPoint
from elbowroom.results.schema import to_table
from tests.support import ROOT


def test_a_curve_joins_variants_that_differ_in_their_size_alone(
    study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame
) -> None:
    curves = to_table(LatentPoint, latent_curves(study, seeds, shown_baselines(study, baselines)))
    losses = curves[curves.metric == "test_loss"]
    assert set(losses.series) == {"width 32", "mean image", "linear VAE"}  # a single size is no curve
    distortions = curves[curves.metric == "test_distortion"]
    assert set(distortions.series) == {"width 32", "mean image", "PCA", "linear VAE"}  # PCA has no rate
    ours = losses[losses.series == "width 32"]
    assert list(ours.latent_dim) == [2, 4, 8, 16, 32, 64, 128, 256]
    assert (ours.high - ours.low).to_list() == pytest.approx([2] * 8)
    assert (ours.value - ours.low).to_list() == pytest.approx([1] * 8)
    assert set(losses[losses.series == "mean image"].value) == {211.6}
    used = curves[curves.metric == "used_latents"].set_index(["series", "latent_dim"]).value
    assert used["width 32", 256] == 14
    assert used["linear VAE", 256] == 59
    assert used["every latent", 256] == 256


def test_baselines_from_before_used_latents_were_counted_are_left_out(
    study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame
) -> None:
    older = shown_baselines(study, baselines).assign(used_latents=float("nan"))
    curves = to_table(LatentPoint, latent_curves(study, seeds, older))
    assert set(curves[curves.metric == "used_latents"].series) == {"width 32", "every latent"}


def test_the_elbow_is_where_the_curve_bends(study: Study, seeds: pd.DataFrame) -> None:
    found = elbows(study, seeds)
    assert [row.metric for row in found] == ["test_loss", "iwae_nll"]
    assert [row.latent_dim for row in found] == pytest.approx([16, 16], rel=0.05)
    assert {row.seeds for row in found} == {3}
    assert elbows(load_study(ROOT / "params.yaml"), seeds[:0]) == []


def test_variants_that_differ_in_more_than_their_size_make_no_curve(
    study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame
) -> None:
    wide = study.variants["mnist-z8"].model_copy(update={"channels": 64})
    two = study.model_copy(update={"variants": {"mnist-z4": study.variants["mnist-z4"], "mnist-z8": wide}})
    assert latent_curves(two, seeds, shown_baselines(two, baselines)) == []
