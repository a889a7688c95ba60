"""Tables of samples leave out what was not measured, and a second judge's ranking is put into words."""

import math

import pandas as pd
import pytest

from elbowroom.comparison.judges import Agreement, Swap, agreement
from elbowroom.report.sample_tables import judges_agree, loose_bounds, prior, samples
from elbowroom.results.metrics import METRICS

NOTHING = dict.fromkeys(METRICS, math.nan)
FLOORS = {"fcd_floor": 0.5, "kid_floor": 0.001, "fcd_recon": 1.0, "test_rate": 20.0}
OLD_VAE = NOTHING | FLOORS | {"variant": "v", "fcd": 6.61, "kid": 0.031}
VAE = OLD_VAE | {"fcd_second": 7.25, "precision": 0.5, "recall": 0.25, "train_precision": 0.9, "train_recall": 0.875}
VAE |= {"fcd_recon_sampled": 2.0, "fcd_fit": 4.0, "rate_fit": 17.5}
AE = NOTHING | FLOORS | {"variant": "ae", "test_rate": 0.0}


def test_samples_of_vaes_stand_beside_training_images() -> None:
    table = samples([VAE, AE])
    assert table.header == ["variant", "FCD", "FCD, second judge", "KID", "precision", "recall"]
    assert table.rows == [
        ["v", "6.61", "7.25", "0.031", "50.0%", "25.0%"],
        ["training images", "0.50", "–", "0.001", "90.0%", "87.5%"],
    ]


def test_what_older_results_lack_has_no_column() -> None:
    assert samples([OLD_VAE, AE]).header == ["variant", "FCD", "KID"]
    assert prior([OLD_VAE, AE]).header == ["variant", "FCD from mu", "from N(0, I)", "rate, N(0, I)"]


def test_the_distance_is_told_step_by_step() -> None:
    table = prior([VAE, AE])
    assert table.rows == [
        ["v", "1.00", "2.00", "4.00", "6.61", "20.00", "17.50"],
        ["ae", "1.00", "–", "–", "–", "0.00", "–"],
    ]


def measured(**rows: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame([{"variant": name, "fcd": a, "fcd_second": b} for name, (a, b) in rows.items()])


def test_judges_agree_if_no_pair_is_swapped() -> None:
    assert agreement(measured(a=(3, 30), b=(1, 10), c=(2, 10), ae=(math.nan, math.nan))) == Agreement(3, [])
    assert agreement(measured(a=(3, math.nan), b=(1, math.nan))) == Agreement(0, [])


def test_every_swapped_pair_is_found() -> None:
    """The second judge puts d before all others."""
    found = agreement(measured(d=(4, 0), a=(1, 1), b=(2, 2), c=(3, 3)))
    assert found == Agreement(4, [Swap("a", "d"), Swap("b", "d"), Swap("c", "d")])
    assert found.pairs == 6


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Agreement(0, []), ""),
        (Agreement(1, []), ""),
        (Agreement(2, []), "ranks both VAEs by FCD in the same order."),
        (Agreement(4, []), "ranks all 4 VAEs by FCD in the same order."),
        (Agreement(4, [Swap("a", "b")]), "disagrees about 1 of 6 pairs of VAEs: only the first ranks a before b."),
    ],
)  # fmt: skip
def test_agreement_is_put_into_words(found: Agreement, said: str) -> None:
    assert said in judges_agree(found)
    assert bool(said) == bool(judges_agree(found))


def test_loose_bounds_are_named() -> None:
    loose, tight = (
        VAE | {"variant": name, "iwae_nll": 50.0, "effective_samples": n} for name, n in (("a", 9.9), ("b", 10))
    )
    assert loose_bounds([tight, AE]) == ""
    assert loose_bounds([loose, tight, AE]).startswith("The IWAE bound of a comes from fewer than 10 effective samples")
    assert loose_bounds([loose, loose, AE]).startswith("The IWAE bound of every VAE here comes from fewer than 10")
