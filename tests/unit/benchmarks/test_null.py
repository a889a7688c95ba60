"""Comparisons of a variant with itself: "better" and "worse" are seldom claimed."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import null
from elbowroom.datasets.images import Images
from tests.support import ROOT


@pytest.fixture(scope="module")
def trained(small: dict[str, Images]) -> pd.Series:
    """The test losses of a dozen real trainings that differ in their seed alone."""
    return null.train(small["cifar10"], range(12))


def test_a_variant_is_seldom_better_than_itself(trained: pd.Series) -> None:
    compared = null.compare_nulls(trained, 20, np.random.default_rng(0))
    assert len(compared) == 20
    assert trained.nunique() == 12
    assert (compared.result == "better").sum() <= 2
    for row in compared.itertuples():
        seeds, others = ([int(seed) for seed in side.split(", ")] for side in (row.seeds, row.others))
        assert len({*seeds, *others}) == 6
        assert row.difference == pytest.approx(trained[seeds].mean() - trained[others].mean())


def test_the_page_counts_what_its_table_says(trained: pd.Series) -> None:
    rng = np.random.default_rng(0)
    shown = null.compare_nulls(trained, 20, rng).assign(
        result=["better"] * 3 + ["worse"] + ["no difference measured"] * 16
    )
    page = null.page(trained, shown, pd.concat([shown] * 5))
    assert '**Of 20 comparisons, "better" is claimed in 3, "worse" in 1.**' in page
    assert sum(line.endswith("| better |") for line in page.splitlines()) == 3
    assert "Drawn 100 times, a difference is claimed in 20.0 % (better 15.0 %, worse 5.0 %, each rounded)" in page
    assert max(len(line) for line in page.splitlines()) <= 120


def test_the_committed_page_claims_little() -> None:
    rows = [line for line in (ROOT / "docs/null-comparisons.md").read_text().splitlines() if line.startswith("| ")]
    said = [row.split("|")[-2].strip() for row in rows][1:]
    assert len(said) == 20
    assert said.count("better") <= 2
