"""Intervals against scipy.stats and by simulation; what is said of them; which variants are compared; the elbow."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel

from benchmarks import null
from elbowroom.comparison.elbow import NO_ELBOW, elbow
from elbowroom.comparison.intervals import Interval, paired_interval, wording
from elbowroom.comparison.pairs import COLUMNS, comparisons
from elbowroom.comparison.summary import spread
from elbowroom.comparison.verdict import verdict
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study, Variant
from elbowroom.datasets.images import Images
from tests.support import ROOT
from tests.support.settings import variant

SIZES = [2, 4, 8, 16, 32, 64, 128, 256]
LOWER = {"test_loss": True, "iwae_nll": True, "psnr": False}


def series(*values: float, first_seed: int = 0) -> pd.Series:
    return pd.Series(values, index=range(first_seed, first_seed + len(values)))


# --- intervals and their wording -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seeds", [2, 3, 5, 30])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_the_interval_is_that_of_the_paired_t_test(seeds: int, level: float) -> None:
    rng = np.random.default_rng(seeds)
    ours, other = rng.normal(1900, 3, seeds), rng.normal(1899, 2, seeds)
    expected = ttest_rel(ours, other).confidence_interval(level)
    interval = paired_interval(series(*ours), series(*other), level)
    assert interval == pytest.approx(((ours - other).mean(), expected.low, expected.high, seeds), rel=1e-9)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    truth, held = 0.7, 0
    for _ in range(2000):
        shared = rng.normal(0, 5, 3)  # the seed's own luck, the same for both
        interval = paired_interval(series(*shared + truth + rng.normal(0, 1, 3)), series(*shared + rng.normal(0, 1, 3)))
        held += interval.low <= truth <= interval.high
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


def test_only_seeds_that_both_have_are_paired_whatever_their_order() -> None:
    ours = pd.Series({2: 5.0, 0: 1.0, 1: 2.0, 7: 100.0, 4: math.nan})
    other = pd.Series({9: -100.0, 0: 0.0, 1: 0.0, 2: 0.0, 4: 0.0})
    assert paired_interval(ours, other) == paired_interval(series(1, 2, 5), series(0, 0, 0))
    assert paired_interval(ours, other).seeds == 3


def test_too_few_seeds_have_no_interval() -> None:
    one = paired_interval(series(3.0), series(1.0))
    assert one[0] == 2
    assert one.seeds == 1
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    none = paired_interval(series(3.0), series(1.0, first_seed=5))
    assert none.seeds == 0
    assert math.isnan(none.difference)


def test_identical_differences_have_no_width() -> None:
    assert paired_interval(series(128, 128, 128), series(120, 120, 120)) == (8, 8, 8, 3)
    assert paired_interval(series(0.3, 0.3, 0.3), series(0.2, 0.2, 0.2)).low > 0


def test_a_seed_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"found seeds \[0, 0\], expected every seed once"):
        paired_interval(pd.Series([1.0, 2.0], index=[0, 0]), series(1.0, 2.0))


@pytest.mark.parametrize(
    ("low", "high", "seeds", "lower_is_better", "said"),
    [
        (-2, -1, 3, True, "better"),
        (-2, -1, 3, False, "worse"),
        (1, 2, 3, True, "worse"),
        (1, 2, 3, False, "better"),
        (-1, 2, 3, True, "no difference measured"),
        (-1, 2, 3, False, "no difference measured"),
        (0, 2, 3, True, "no difference measured"),  # touches 0
        (-2, 0, 3, True, "no difference measured"),
        (0, 0, 3, True, "no difference measured"),
        (math.nan, math.nan, 1, True, "one seed, no interval"),
        (math.nan, math.nan, 0, False, "no seed in common"),
    ],
)
def test_wording(low: float, high: float, seeds: int, lower_is_better: bool, said: str) -> None:
    assert wording(Interval((low + high) / 2, low, high, seeds), lower_is_better) == said


# --- which variants are compared -----------------------------------------------------------------------------------


@pytest.fixture
def study() -> Study:
    return load_study(ROOT / "params.yaml")


def table(study: Study, seeds: int = 3) -> pd.DataFrame:
    """Made-up numbers of every variant: the loss is the less, the later the variant stands in the study."""
    rows = [
        {"variant": name, "seed": seed, "dataset": v.dataset, "test_loss": seed - 10.0 * place, "iwae_nll": seed**2}
        | {"psnr": 20.0 - place + 0.1 * seed}
        for place, (name, v) in enumerate(study.variants.items())
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


def pairs(compared: pd.DataFrame) -> list[tuple[str, str]]:
    return list(dict.fromkeys(zip(compared.variant, compared.against, strict=True)))


def of(study: Study, variants: dict[str, Variant]) -> Study:
    return study.model_copy(update={"variants": variants})


def test_the_pairs_of_the_root_study(study: Study) -> None:
    compared = comparisons(study, table(study), LOWER)
    assert pairs(compared) == [
        ("mnist-z256", "mnist-z128"),
        ("cifar10-z8-c32", "cifar10-z4-c32"),
        ("cifar10-z16-c32", "cifar10-z4-c32"),
        ("cifar10-z16-c32", "cifar10-z8-c32"),
        ("cifar10-z8-c64", "cifar10-z8-c32"),
    ]
    assert list(compared.columns) == COLUMNS
    assert len(compared) == 4 * len(LOWER) + 1
    row = compared[(compared.variant == "mnist-z256") & (compared.metric == "test_loss")].iloc[0]
    assert tuple(row) == ("mnist", "mnist-z256", "mnist-z128", "test_loss", -10, -10, -10, 3, "better")
    assert set(compared[compared.metric == "iwae_nll"].result) == {"no difference measured"}
    assert set(compared[compared.metric == "psnr"].result) == {"worse"}


@pytest.mark.parametrize(
    "other",
    [
        {"dataset": "cifar10"},
        {"model": "ae", "beta": 0.0},
        {"likelihood": "bernoulli"},
        {"likelihood": "gaussian_optimal"},
        {"pixel_range": [-1, 1]},
    ],
)
def test_families_are_never_compared(study: Study, other: dict[str, object]) -> None:
    base: dict[str, object] = {"network": "report", "pixel_range": [0, 1], "beta": 0.0}
    mixed = of(study, {"a": variant(**base), "b": variant(**(base | other))})
    assert comparisons(mixed, table(mixed), LOWER).empty


def test_two_settings_apart_are_not_compared(study: Study) -> None:
    two = of(study, {"a": variant(), "b": variant(latent_dim=12, channels=8), "c": variant()})
    assert comparisons(two, table(two), LOWER).empty


def test_neighbours_the_larger_against_the_smaller_and_every_two_sizes_in_loss(study: Study) -> None:
    neighbours = [("z64", "z16"), ("z16", "z8"), ("z8", "z4")]
    sizes = of(study, {f"z{size}": variant(latent_dim=size) for size in (64, 4, 16, 8)})
    compared = comparisons(sizes, table(sizes), LOWER)
    assert pairs(compared[compared.metric != "test_loss"]) == neighbours
    every = {("z16", "z4"), ("z64", "z4"), ("z64", "z8"), *neighbours}
    assert set(pairs(compared[compared.metric == "test_loss"])) == every
    widths = of(study, {f"z{width}": variant(channels=width) for width in (64, 4, 16, 8)})
    assert pairs(comparisons(widths, table(widths), LOWER)) == neighbours


def test_settings_that_are_names_are_compared_in_each_pair(study: Study) -> None:
    recipes = of(study, {name: variant(recipe=name) for name in ("plain", "warm", "slow")})
    assert pairs(comparisons(recipes, table(recipes), LOWER)) == [
        ("warm", "plain"),
        ("slow", "plain"),
        ("slow", "warm"),
    ]


def test_another_beta_is_another_loss(study: Study) -> None:
    betas = of(study, {"half": variant(beta=0.5), "one": variant(beta=1.0), "large": variant(beta=1.0, latent_dim=12)})
    compared = comparisons(betas, table(betas), LOWER)
    by_pair = compared.groupby(["variant", "against"]).metric.agg(list).to_dict()
    assert by_pair == {("one", "half"): ["iwae_nll", "psnr"], ("large", "one"): ["test_loss", "iwae_nll", "psnr"]}


def test_what_a_variant_has_no_number_for_is_left_out(study: Study) -> None:
    seeds = table(study)
    seeds.loc[seeds.variant == "mnist-z256", "iwae_nll"] = math.nan
    seeds = seeds[seeds.variant != "cifar10-z8-c64"]
    compared = comparisons(study, seeds, LOWER)
    assert set(compared[compared.variant == "mnist-z256"].metric) == {"test_loss", "psnr"}
    assert "cifar10-z8-c64" not in set(compared.variant)


def test_one_seed_is_said(study: Study) -> None:
    compared = comparisons(study, table(study, seeds=1), LOWER)
    assert set(compared.result) == {"one seed, no interval"}
    assert compared.low.isna().all()


def test_spread(study: Study) -> None:
    found = spread(table(study).assign(device="cpu")).set_index("variant")
    assert list(found.index) == list(study.variants)
    assert "device" not in found
    row = found.loc["mnist-z256"]
    assert (row.dataset, row.seeds, row.test_loss, row.test_loss_sd) == ("mnist", 3, -9, 1)
    assert row.iwae_nll == pytest.approx(5 / 3)
    assert row.iwae_nll_sd == pytest.approx(np.std([0, 1, 4], ddof=1))
    assert spread(table(study, seeds=1)).test_loss_sd.isna().all()


# --- the verdict ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("active", "losses", "said"),
    [
        ([0, 0, 0], [90, 91, 92], "collapsed"),
        ([5, 6, 7], [100, 101, 120], "collapsed"),  # active, and yet worse than the mean image
        ([0, 8, 8], [90, 100, 101], "collapsed"),
        ([8, 8, 8], [90, 91, 92], "starved"),
        ([7, 1, 5], [90, 91, 92], "saturated"),
        ([7, 8, 7], [90, 91, 92], "seeds differ"),
        ([8, 8, 8], [90, 91, 100], "seeds differ"),
        ([0, 7, 7], [90, 91, 92], "seeds differ"),
    ],
)
def test_verdict(active: list[int], losses: list[float], said: str) -> None:
    assert verdict(8, series(*active), series(*losses), 100.0) == said


def test_a_verdict_needs_every_number() -> None:
    with pytest.raises(ValueError, match="expected both numbers for every seed"):
        verdict(8, series(1, math.nan), series(1, 2), 100.0)
    with pytest.raises(ValueError, match="and a seed"):
        verdict(8, series(), series(), 100.0)


# --- the elbow -----------------------------------------------------------------------------------------------------


def broken(at: float, before: float, after: float, seeds: int = 3, noise: float = 0.0, draw: int = 0) -> pd.DataFrame:
    """Losses on a broken line over SIZES, with a level of its own and noise for each seed."""
    rng = np.random.default_rng(draw)
    x = np.log2(SIZES)
    line = 100 + before * x + (after - before) * np.maximum(0, x - np.log2(at))
    return pd.DataFrame(line + rng.normal(0, 3, (seeds, 1)) + rng.normal(0, noise, (seeds, len(SIZES))), columns=SIZES)


@pytest.mark.parametrize("at", [5.5, 16, 60])
@pytest.mark.parametrize("after", [-1.0, 0.0, 4.0])
def test_the_elbow_of_a_broken_line_is_its_breakpoint(at: float, after: float) -> None:
    found = elbow(SIZES, broken(at, -8, after))
    assert found.latent_dim == pytest.approx(at, rel=0.01)
    assert (found.slope_before, found.slope_after) == pytest.approx((-8, after), abs=0.05)
    assert found.seeds == 3
    assert found.result.startswith(f"elbow at {found.latent_dim:.3g} latents (")


def test_the_interval_holds_the_breakpoint_in_most_draws() -> None:
    found = [elbow(SIZES, broken(16, -8, -0.5, noise=0.8, draw=draw)) for draw in range(300)]
    assert all(each.result.startswith("elbow") for each in found)
    assert sum(each.low <= 16 <= each.high for each in found) / 300 == pytest.approx(0.95, abs=0.04)
    assert np.median([each.latent_dim for each in found]) == pytest.approx(16, rel=0.05)


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("slope", [-8.0, 0.0, 8.0])
def test_a_straight_line_has_no_elbow(slope: float, seeds: int) -> None:
    found = elbow(SIZES, broken(16, slope, slope, seeds))
    assert found.result == f"{NO_ELBOW} (it does not flatten)"
    assert all(math.isnan(number) for number in found[:3] + found[4:6])
    assert found.seeds == seeds


def test_noise_on_a_straight_line_seldom_has_one() -> None:
    claimed = [elbow(SIZES, broken(16, -8, -8, noise=1, draw=draw)).result.startswith("elbow") for draw in range(400)]
    assert np.mean(claimed) <= 0.04  # at most 0.025 in the long run


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_curve_that_steepens_has_no_elbow(seeds: int) -> None:
    assert elbow(SIZES, broken(16, -1, -8, seeds)).result.startswith(NO_ELBOW)
    assert elbow(SIZES, broken(16, -1, -8, seeds, noise=0.1)).result.startswith(NO_ELBOW)


@pytest.mark.parametrize("before", [0, 1])
def test_a_curve_that_never_falls_has_no_elbow(before: float) -> None:
    assert elbow(SIZES, broken(16, before, 8)).result.startswith(NO_ELBOW)


def test_a_u_has_its_elbow_at_the_bottom() -> None:
    losses = pd.DataFrame([[200.0, 170, 142, 120, 121, 135, 150, 166]] * 2, columns=SIZES)
    assert 16 <= elbow(SIZES, losses).latent_dim <= 32


def test_an_elbow_at_the_end_is_not_claimed() -> None:
    found = elbow(SIZES, broken(3, -30, -1))
    assert found.result == f"{NO_ELBOW} (in some seed it is best at the end of where it flattens)"


def test_few_sizes_have_no_elbow() -> None:
    assert elbow([2, 4, 8], broken(4, -8, 0)).result == f"{NO_ELBOW} (found 3, expected at least 4)"


def test_a_seed_that_lacks_a_size_is_left_out() -> None:
    losses = broken(16, -8, 0, noise=0.5)
    lacking = losses.copy()
    lacking.loc[1, 64] = math.nan
    assert elbow(SIZES, lacking) == elbow(SIZES, losses.drop(1))
    assert elbow(SIZES, losses * math.nan).result == f"{NO_ELBOW} (no seed has a loss for each)"


def test_one_seed_has_an_elbow_without_interval() -> None:
    found = elbow(SIZES, broken(16, -8, 0, seeds=1))
    assert found.latent_dim == pytest.approx(16, rel=0.01)
    assert math.isnan(found.low)
    assert found.result.endswith("latents (one seed, no interval)")


def test_an_interval_beyond_the_sizes_tried_is_said_and_not_cut() -> None:
    found = elbow(SIZES, pd.concat([broken(at, -8, 0, 1) for at in (8, 16, 60)], ignore_index=True))
    assert found.low < SIZES[0]
    assert found.result.endswith("; the interval exceeds the sizes tried, 2 to 256")


def test_level_and_order_do_not_matter() -> None:
    losses = broken(16, -8, -0.5, seeds=4, noise=0.5)
    expected = elbow(SIZES, losses)
    for changed in (losses + 1000, losses.sample(frac=1, random_state=1), losses[SIZES[::-1]]):
        found = elbow(SIZES[::-1], changed)
        assert found[:6] == pytest.approx(expected[:6], rel=1e-6)
        assert found.result == expected.result


# --- nothing to find -----------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("smaller", "said"),
    [
        ([110.0, 111.0, 112.0], "starved"),  # the larger one is better
        ([100.1, 101.0, 101.9], "saturated"),  # no difference measured
        ([90.0, 91.0, 92.0], "saturated"),  # worse
        ([90.0], "starved"),  # one seed says nothing
    ],
)
def test_latents_that_buy_nothing_saturate_though_they_are_active(smaller: list[float], said: str) -> None:
    loss, active = pd.Series([100.0, 101.1, 102.0]), pd.Series([256, 256, 256])
    assert verdict(256, active, loss, 211.6, pd.Series(smaller)) == said
