"""The elbow is found where a curve has one, and nowhere else."""

import math

import numpy as np
import pandas as pd
import pytest

from elbowroom.comparison.elbow import Elbow, find_elbow
from elbowroom.results.outcomes import Bend

SIZES = [2, 4, 8, 16, 32, 64, 128, 256]


def broken(at: float, before: float, after: float, seeds: int = 3, noise: float = 0.0, draw: int = 0) -> pd.DataFrame:
    """Losses on a broken line over SIZES; each seed has its own level and noise."""
    rng = np.random.default_rng(draw)
    x = np.log2(SIZES)
    line = 100 + before * x + (after - before) * np.maximum(0, x - np.log2(at))
    return pd.DataFrame(line + rng.normal(0, 3, (seeds, 1)) + rng.normal(0, noise, (seeds, len(SIZES))), columns=SIZES)


def numbers(found: Elbow) -> list[float]:
    return [found.latent_dim, found.low, found.high, found.slope_before, found.slope_after]


@pytest.mark.parametrize("at", [5.5, 16, 60])
@pytest.mark.parametrize("after", [-1.0, 0.0, 4.0])
def test_the_elbow_of_a_broken_line_is_its_breakpoint(at: float, after: float) -> None:
    found = find_elbow(SIZES, broken(at, -8, after))
    assert found.latent_dim == pytest.approx(at, rel=0.01)
    assert (found.slope_before, found.slope_after) == pytest.approx((-8, after), abs=0.05)
    assert found.seeds == 3
    assert found.bend is Bend.FOUND
    assert found.result.startswith(f"elbow at {found.latent_dim:.3g} latents (")


def test_the_interval_holds_the_breakpoint_in_most_draws() -> None:
    found = [find_elbow(SIZES, broken(16, -8, -0.5, noise=0.8, draw=draw)) for draw in range(300)]
    assert {each.bend for each in found} == {Bend.FOUND}
    assert sum(each.low <= 16 <= each.high for each in found) / 300 == pytest.approx(0.95, abs=0.04)
    assert np.median([each.latent_dim for each in found]) == pytest.approx(16, rel=0.05)


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("slope", [-8.0, 0.0, 8.0])
def test_a_straight_line_has_no_elbow(slope: float, seeds: int) -> None:
    found = find_elbow(SIZES, broken(16, slope, slope, seeds))
    assert found.bend is Bend.STRAIGHT
    assert found.result == "no elbow within the sizes tried (it does not flatten)"
    assert all(math.isnan(number) for number in numbers(found))
    assert found.seeds == seeds


def test_noise_on_a_straight_line_seldom_has_an_elbow() -> None:
    found = [find_elbow(SIZES, broken(16, -8, -8, noise=1, draw=draw)) for draw in range(400)]
    assert np.mean([each.bend is Bend.FOUND for each in found]) <= 0.04  # at most 0.025 in the long run


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_curve_that_steepens_has_no_elbow(seeds: int) -> None:
    assert find_elbow(SIZES, broken(16, -1, -8, seeds)).bend is not Bend.FOUND
    assert find_elbow(SIZES, broken(16, -1, -8, seeds, noise=0.1)).bend is not Bend.FOUND


@pytest.mark.parametrize("before", [0, 1])
def test_a_curve_that_never_falls_has_no_elbow(before: float) -> None:
    assert find_elbow(SIZES, broken(16, before, 8)).bend is not Bend.FOUND


def test_a_u_has_its_elbow_at_the_bottom() -> None:
    losses = pd.DataFrame([[200.0, 170, 142, 120, 121, 135, 150, 166]] * 2, columns=SIZES)
    assert 16 <= find_elbow(SIZES, losses).latent_dim <= 32


def test_an_elbow_at_the_end_is_not_claimed() -> None:
    assert find_elbow(SIZES, broken(3, -30, -1)).bend is Bend.AT_THE_END


def test_three_sizes_have_no_elbow() -> None:
    assert find_elbow([2, 4, 8], broken(4, -8, 0)).bend is Bend.FEW_SIZES


def test_a_seed_that_lacks_a_size_is_left_out() -> None:
    losses = broken(16, -8, 0, noise=0.5)
    lacking = losses.copy()
    lacking.loc[1, 64] = math.nan
    assert find_elbow(SIZES, lacking) == find_elbow(SIZES, losses.drop(1))
    assert find_elbow(SIZES, losses * math.nan).bend is Bend.NO_SEED


def test_one_seed_has_an_elbow_without_interval() -> None:
    found = find_elbow(SIZES, broken(16, -8, 0, seeds=1))
    assert found.latent_dim == pytest.approx(16, rel=0.01)
    assert math.isnan(found.low)
    assert found.result.endswith("latents (one seed, no interval)")


def test_an_interval_beyond_the_sizes_tried_is_not_cut() -> None:
    found = find_elbow(SIZES, pd.concat([broken(at, -8, 0, 1) for at in (8, 16, 60)], ignore_index=True))
    assert found.low < SIZES[0]
    assert found.result.endswith("; the interval exceeds the sizes tried, 2 to 256")


def test_the_level_and_the_order_of_losses_do_not_matter() -> None:
    losses = broken(16, -8, -0.5, seeds=4, noise=0.5)
    expected = find_elbow(SIZES, losses)
    for changed in (losses + 1000, losses.sample(frac=1, random_state=1), losses[SIZES[::-1]]):
        found = find_elbow(SIZES[::-1], changed)
        assert numbers(found) == pytest.approx(numbers(expected), rel=1e-6)
        assert (found.seeds, found.bend, found.result) == (expected.seeds, expected.bend, expected.result)
