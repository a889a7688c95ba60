"""How few of its latents a trained VAE needs."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel

from elbowroom.comparison.cut_down import Cut, smallest_cut

SEEDS = 3
WHOLE = np.array([50.0, 50.4, 49.9])


def losses(excess: dict[int, list[float]]) -> pd.DataFrame:
    """A table of a VAE of 8 latents whose loss rises by so much, a number for each seed, with so few of them."""
    rows = [
        {"seed": seed, "kept": kept, "loss": WHOLE[seed] + by[seed]}
        for kept, by in ({0: [99.0] * SEEDS} | excess | {8: [0.0] * SEEDS}).items()
        for seed in range(SEEDS)
    ]
    return pd.DataFrame(rows)


def test_the_bound_is_that_of_a_paired_t_test() -> None:
    found = smallest_cut(losses({4: [0.3, 0.5, 0.2]}), margin=1.0, level=0.95)
    cut = WHOLE + np.array([0.3, 0.5, 0.2])
    oracle = ttest_rel(cut, WHOLE, alternative="less").confidence_interval(0.95).high
    assert found == Cut(4, pytest.approx(oracle), 0)


@pytest.mark.parametrize(
    ("excess", "kept", "below"),
    [
        ({2: [9.0] * 3, 4: [0.5] * 3, 6: [0.1] * 3}, 4, 2),
        ({2: [-0.2] * 3, 4: [-0.1] * 3, 6: [0.0] * 3}, 2, 0),
        ({2: [0.1] * 3, 4: [9.0] * 3, 6: [0.2] * 3}, 6, 4),  # not beyond the first that fails
        ({2: [0.5] * 3, 4: [-0.9] * 3, 6: [0.2] * 3}, 4, 2),  # 0.5 above all latents, but 1.4 above the best cut
        ({4: [9.0] * 3, 6: [0.2, 0.3, 0.2]}, 6, 4),
    ],
)
def test_the_fewest_are_found_from_above(excess: dict[int, list[float]], kept: int, below: int) -> None:
    found = smallest_cut(losses(excess), margin=1.0, level=0.95)
    assert found is not None
    assert (found.kept, found.below) == (kept, below)


def test_what_it_costs_is_told_against_all_latents() -> None:
    found = smallest_cut(losses({2: [0.5] * 3, 4: [-0.9] * 3, 6: [0.2] * 3}), margin=1.0, level=0.95)
    assert found is not None
    assert found.high == pytest.approx(-0.9)


def test_seeds_that_differ_too_much_show_nothing() -> None:
    assert smallest_cut(losses({6: [0.0, 0.1, 1.5]}), margin=1.0, level=0.95) is None


def test_one_seed_shows_nothing() -> None:
    assert smallest_cut(losses({6: [0.0] * 3}).query("seed == 0"), margin=1.0, level=0.95) is None
