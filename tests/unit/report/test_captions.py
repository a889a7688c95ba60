"""A caption under pictures says what they can show, by the numbers of the study's own tables."""

import pandas as pd
import pytest

from elbowroom.core.params import load_study
from elbowroom.report.captions import of_variants
from elbowroom.results import tables
from elbowroom.results.rows import SizeAnswer
from elbowroom.results.schema import to_rows
from tests.support import ROOT


@pytest.mark.parametrize(
    ("dataset", "sizes", "series"),
    [("mnist", (4, 8, 12, 16, 24, 32, 64, 128, 256), ""), ("cifar10", (4, 8, 16, 24, 32, 48, 64, 128), "-c32")],
)
def test_reconstructions_are_as_near_as_the_tables_say(
    dataset: str, sizes: tuple[int, ...], series: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Size by size, of the first series. Only what is not finished may get sharper."""
    monkeypatch.chdir(ROOT / "studies/room")
    study = load_study()
    comparison = tables.comparison(study)
    found = of_variants(study, dataset, comparison)
    psnr = [f"{pd.read_csv(f'metrics/{dataset}-z{size}{series}.csv').psnr.mean():.1f}" for size in sizes]
    named = " (Bernoulli likelihood, beta 1, width 32); " if series else ". "
    decibels, with_latents = (f"{', '.join(map(str, own[:-1]))} and {own[-1]}" for own in (psnr, sizes))
    assert f"{decibels} dB with {with_latents} latents{named}" in found["reconstructions"]
    rows = to_rows(SizeAnswer, comparison.answer[comparison.answer.dataset == dataset])
    (unfinished,) = (row.variant for row in rows if row.unfinished)
    for kind in ("reconstructions", "samples"):
        assert found[kind].endswith(
            f"Training of {unfinished} is not finished: with more epochs pictures may get sharper."
        )
    comparison.answer.doubling_gain = 1e6
    comparison.answer.test_gain = 1e6
    assert "Training is not finished: with more" in of_variants(study, dataset, comparison)["samples"]
    comparison.answer.doubling_gain = 0.0
    assert "sharper" not in of_variants(study, dataset, comparison)["samples"]
