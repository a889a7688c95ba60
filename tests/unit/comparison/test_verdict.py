"""What became of a latent space, judged by its active latents and its losses."""

import math

import pandas as pd
import pytest

from elbowroom.comparison.verdict import verdict
from elbowroom.results.outcomes import Verdict


def series(*values: float) -> pd.Series:
    return pd.Series(values, dtype=float)


@pytest.mark.parametrize(
    ("active", "losses", "expected"),
    [
        ([0, 0, 0], [90, 91, 92], Verdict.COLLAPSED),
        ([5, 6, 7], [100, 101, 120], Verdict.COLLAPSED),  # active, and yet worse than the mean image
        ([0, 8, 8], [90, 100, 101], Verdict.COLLAPSED),
        ([8, 8, 8], [90, 91, 92], Verdict.STARVED),
        ([7, 1, 5], [90, 91, 92], Verdict.SATURATED),
        ([7, 8, 7], [90, 91, 92], Verdict.SEEDS_DIFFER),
        ([8, 8, 8], [90, 91, 100], Verdict.SEEDS_DIFFER),
        ([0, 7, 7], [90, 91, 92], Verdict.SEEDS_DIFFER),
    ],
)
def test_every_seed_has_to_say_the_same(active: list[int], losses: list[float], expected: Verdict) -> None:
    assert verdict(8, series(*active), series(*losses), 100.0) is expected


def test_a_verdict_needs_every_number() -> None:
    with pytest.raises(ValueError, match="expected both numbers for every seed"):
        verdict(8, series(1, math.nan), series(1, 2), 100.0)
    with pytest.raises(ValueError, match="and a seed"):
        verdict(8, series(), series(), 100.0)


@pytest.mark.parametrize(
    ("smaller", "expected"),
    [
        ([110.0, 111.0, 112.0], Verdict.STARVED),  # the larger one is better
        ([100.1, 101.0, 101.9], Verdict.SATURATED),  # no difference measured
        ([90.0, 91.0, 92.0], Verdict.SATURATED),  # worse
        ([90.0], Verdict.STARVED),  # one seed says nothing
    ],
)
def test_a_size_that_gains_nothing_over_the_next_smaller_is_saturated(smaller: list[float], expected: Verdict) -> None:
    loss, active = pd.Series([100.0, 101.1, 102.0]), pd.Series([256, 256, 256])
    assert verdict(256, active, loss, 211.6, pd.Series(smaller)) is expected
