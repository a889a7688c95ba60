"""Every variant has its means, its family, its series and its verdict; baselines stand at the study's sizes."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from elbowroom.comparison.latent_curves import elbows
from elbowroom.comparison.summary import compare, means_and_deviations, shown_baselines, summarise
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.results import tables
from elbowroom.results.outcomes import State
from elbowroom.results.rows import Baseline, SizeAnswer
from tests.support import ROOT


def test_a_variant_has_its_means_its_family_and_its_verdict(
    study: Study, seeds: pd.DataFrame, baselines: pd.DataFrame
) -> None:
    known = SizeAnswer(
        **dict.fromkeys([field.name for field in fields(SizeAnswer)], 0)  # what summarise does not read
        | {"variant": "mnist-z16", "state": State.ENOUGH}
    )
    table = summarise(study, seeds, baselines, [known]).set_index("variant")
    assert list(table.index) == list(study.variants)
    assert set(table.pixel_range) == {"[-1, 1]"}
    assert table.test_loss["mnist-z16"] == seeds[seeds.variant == "mnist-z16"].test_loss.mean()
    assert table.test_loss_sd["mnist-z16"] == pytest.approx(1)
    verdicts = table.verdict.to_dict()
    assert verdicts.pop("mnist-z16") is State.ENOUGH
    assert set(verdicts.values()) == {""}
    assert table.used_latents["mnist-z16"] == 14
    assert np.isnan(table.used_latents["mnist-ae128"])


def test_baselines_are_shown_at_the_sizes_of_the_study(study: Study, baselines: pd.DataFrame) -> None:
    shown = shown_baselines(study, baselines)
    assert set(shown.pixel_range) == {"[-1, 1]"}  # no variant is of the other families
    assert sorted(shown[shown.baseline == Baseline.PCA].latent_dim) == [2, 4, 8, 16, 32, 64, 128, 256]
    assert (shown.baseline == Baseline.MEAN_IMAGE).sum() == 1


def test_the_committed_sweep_agrees_with_its_own_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its verdicts and bends come out again: four latents are too few, 256 trained too little."""
    monkeypatch.chdir(ROOT / "studies/room")
    study = load_study()
    measured, committed = tables.measured(study), tables.comparison(study)
    found = compare(study, measured)
    for made, kept in ((found.answer, committed.answer), (found.widths, committed.widths)):
        pd.testing.assert_frame_equal(made.round(6), kept, check_dtype=False)
    verdicts = found.variants.set_index("variant").verdict
    assert verdicts.to_dict() == committed.variants.set_index("variant").verdict.to_dict()
    assert verdicts["mnist-z4"] == State.TOO_FEW
    assert verdicts["mnist-z256"] == State.UNDERTRAINED
    assert verdicts["cifar10-z48-c32"] == State.ENOUGH
    assert set(committed.elbows.dataset) == set(study.datasets)
    assert committed.elbows.result.to_list() == [row.result for row in elbows(study, measured.seeds)]


def test_means_and_deviations_are_over_seeds() -> None:
    rows = [
        {"dataset": "mnist", "variant": name, "seed": seed, "test_loss": seed - 10.0, "iwae_nll": seed**2}
        for name in ("b", "a")
        for seed in range(3)
    ]
    seeds = pd.DataFrame(rows).assign(device="cpu")
    found = means_and_deviations(seeds).set_index("variant")
    assert list(found.index) == ["b", "a"]
    assert "device" not in found
    row = found.loc["a"]
    assert (row.dataset, row.seeds, row.test_loss, row.test_loss_sd) == ("mnist", 3, -9, 1)
    assert row.iwae_nll == pytest.approx(5 / 3)
    assert row.iwae_nll_sd == pytest.approx(np.std([0, 1, 4], ddof=1))
    assert means_and_deviations(seeds[seeds.seed == 0]).test_loss_sd.isna().all()
