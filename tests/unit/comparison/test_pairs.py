"""Variants are compared if they differ in one setting, in the metrics that both have."""

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import ttest_ind, ttest_rel

from elbowroom.comparison.intervals import holm
from elbowroom.comparison.pairs import PAIRED_SETTINGS, comparisons
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study, Variant
from elbowroom.datasets.images import Images
from elbowroom.results.outcomes import Outcome, Pairing
from elbowroom.results.rows import Difference
from elbowroom.training.seed_run import SeedRun
from tests.support import ROOT
from tests.support.settings import entry

METRICS = ("test_loss", "iwae_nll", "psnr")


@pytest.fixture
def study() -> Study:
    return load_study(ROOT / "params.yaml")


def table(study: Study, seeds: int = 3) -> pd.DataFrame:
    """Made-up numbers for every variant; the later it stands in the study, the lower its loss."""
    rows = [
        {"variant": name, "seed": seed, "dataset": v.dataset, "test_loss": seed - 10.0 * place, "iwae_nll": seed**2}
        | {"psnr": 20.0 - place + 0.1 * seed}
        for place, (name, v) in enumerate(study.variants.items())
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


def pairs(compared: Iterable[Difference]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((row.variant, row.against) for row in compared))


def with_variants(study: Study, variants: dict[str, Variant]) -> Study:
    return study.model_copy(update={"variants": variants})


def test_the_pairs_of_the_root_study(study: Study) -> None:
    compared = comparisons(study, table(study), METRICS)
    assert pairs(compared) == [
        ("mnist-z256", "mnist-z128"),
        ("cifar10-z8-c32", "cifar10-z4-c32"),
        ("cifar10-z16-c32", "cifar10-z4-c32"),
        ("cifar10-z16-c32", "cifar10-z8-c32"),
        ("cifar10-z8-c64", "cifar10-z8-c32"),
    ]
    assert len(compared) == 4 * len(METRICS) + 1
    losses = [0.0, 1.0, 2.0]  # of three seeds; the later variant has 10 less
    test = ttest_ind(np.subtract(losses, 10), losses, equal_var=False)
    interval = test.confidence_interval(0.95)
    first = compared[0]
    assert (first.dataset, first.variant, first.against, first.metric) == ("mnist", *pairs(compared)[0], "test_loss")
    assert (first.difference, first.low, first.high, first.p) == pytest.approx(
        (-10, interval.low, interval.high, test.pvalue)
    )
    assert (first.seeds, first.pairing, first.result) == (3, Pairing.NONE, Outcome.BETTER)
    assert {row.result for row in compared if row.metric == "iwae_nll"} == {Outcome.NO_DIFFERENCE}
    assert {row.result for row in compared if row.metric == "psnr"} == {Outcome.WORSE}


def test_p_is_adjusted_over_all_rows_whatever_their_metric(study: Study) -> None:
    compared = comparisons(study, table(study), METRICS)
    assert [row.p_adjusted for row in compared] == holm([row.p for row in compared])
    (smallest,) = {row.p_adjusted for row in compared if row.p == min(row.p for row in compared)}
    assert smallest == pytest.approx(len(compared) * min(row.p for row in compared))


@pytest.mark.parametrize("setting", PAIRED_SETTINGS)
def test_seeds_are_paired_if_they_give_both_variants_the_same_start(
    study: Study, small: dict[str, Images], setting: str
) -> None:
    """The same initial weights, and the same order of images, as training draws them."""
    base = entry(recipe="notebook-mnist", network="notebook", channels=1)
    value = {"recipe": "report-cifar10", "network": "linear", "channels": 2, "latent_dim": 3, "beta": 2.0}[setting]
    two = with_variants(study, {"a": base, "b": base.model_copy(update={setting: value})})
    compared = comparisons(two, table(two), ["psnr"])
    runs = [SeedRun(v, study.recipes[v.recipe], small["mnist"], seed=1) for v in map(two.variant, two.variants)]
    for run in runs:
        run.begin_epoch()
    assert torch.equal(runs[0].order, runs[1].order)
    weights = [torch.cat([p.flatten() for p in run.model.parameters()]) for run in runs]
    same = weights[0].shape == weights[1].shape and torch.equal(*weights)
    assert [row.pairing for row in compared] == [Pairing.BY_SEED if same else Pairing.NONE]
    assert same == (setting in ("recipe", "beta"))


def test_paired_seeds_take_out_what_they_add_to_both(study: Study) -> None:
    two = with_variants(study, {"a": entry(recipe="notebook-mnist"), "b": entry(recipe="report-cifar10")})
    seeds = table(two)
    seeds["test_loss"] = [0.0, 50.0, -50.0, 1.0, 51.1, -49.1]
    (row,) = comparisons(two, seeds, ["test_loss"])
    assert row.p == pytest.approx(ttest_rel([1.0, 51.1, -49.1], [0.0, 50.0, -50.0]).pvalue)
    assert row.result is Outcome.WORSE


def test_recipes_with_other_seeds_are_not_paired(study: Study) -> None:
    recipes = study.recipes | {"other": study.recipes["notebook-mnist"].model_copy(update={"seeds": [5, 6, 7]})}
    two = with_variants(study, {"a": entry(recipe="notebook-mnist"), "b": entry(recipe="other")})
    seeds = table(two)
    seeds.loc[seeds.variant == "b", "seed"] += 5
    (row,) = comparisons(two.model_copy(update={"recipes": recipes}), seeds, ["test_loss"])
    assert (row.pairing, row.seeds, row.difference) == (Pairing.NONE, 3, -10)


@pytest.mark.parametrize("shared", [0.0, 3.0])
def test_a_study_of_equals_rarely_says_that_any_is_better_or_worse(study: Study, shared: float) -> None:
    """shared: the deviation of what a seed adds to all variants, beside 1 of each training's own."""
    sizes = {f"z{size}": entry(latent_dim=size) for size in (2, 4, 8, 16)}
    equals = with_variants(study, sizes | {"recipe": entry(latent_dim=2, recipe="report-cifar10")})
    generator = np.random.default_rng(0)
    frame, false, unadjusted = table(equals), 0, 0
    for _ in range(400):
        own = generator.normal(size=(5, 3)) + shared * generator.normal(size=3)
        compared = comparisons(equals, frame.assign(test_loss=own.ravel()), ["test_loss"])
        false += any(row.result in (Outcome.BETTER, Outcome.WORSE) for row in compared)
        unadjusted += any(row.p < 0.05 for row in compared)
    assert len(compared) == 7
    assert false / 400 <= 0.05
    if not shared:
        assert unadjusted / 400 > 0.1


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
def test_losses_of_different_quantities_are_never_compared(study: Study, other: dict[str, object]) -> None:
    base: dict[str, object] = {"network": "report", "pixel_range": [0, 1], "beta": 0.0}
    mixed = with_variants(study, {"a": entry(**base), "b": entry(**(base | other))})
    assert comparisons(mixed, table(mixed), METRICS) == []


def test_variants_that_differ_in_two_settings_are_not_compared(study: Study) -> None:
    two = with_variants(study, {"a": entry(), "b": entry(latent_dim=12, channels=8), "c": entry()})
    assert comparisons(two, table(two), METRICS) == []


def test_neighbours_are_compared_and_in_the_test_loss_every_two_latent_sizes(study: Study) -> None:
    neighbours = [("z64", "z16"), ("z16", "z8"), ("z8", "z4")]
    sizes = with_variants(study, {f"z{size}": entry(latent_dim=size) for size in (64, 4, 16, 8)})
    compared = comparisons(sizes, table(sizes), METRICS)
    assert pairs(row for row in compared if row.metric != "test_loss") == neighbours
    every = {("z16", "z4"), ("z64", "z4"), ("z64", "z8"), *neighbours}
    assert set(pairs(row for row in compared if row.metric == "test_loss")) == every
    widths = with_variants(study, {f"z{width}": entry(channels=width) for width in (64, 4, 16, 8)})
    assert pairs(comparisons(widths, table(widths), METRICS)) == neighbours


def test_each_two_recipes_are_compared(study: Study) -> None:
    names = ("plain", "warm", "slow")
    recipes = with_variants(study, {name: entry(recipe=name) for name in names})
    recipes = recipes.model_copy(update={"recipes": dict.fromkeys(names, study.recipes["notebook-mnist"])})
    assert pairs(comparisons(recipes, table(recipes), METRICS)) == [
        ("warm", "plain"),
        ("slow", "plain"),
        ("slow", "warm"),
    ]


def test_losses_at_different_betas_are_not_compared(study: Study) -> None:
    betas = with_variants(
        study, {"half": entry(beta=0.5), "one": entry(beta=1.0), "large": entry(beta=1.0, latent_dim=12)}
    )
    by_pair: dict[tuple[str, str], list[str]] = {}
    for row in comparisons(betas, table(betas), METRICS):
        by_pair.setdefault((row.variant, row.against), []).append(row.metric)
    assert by_pair == {("one", "half"): ["iwae_nll", "psnr"], ("large", "one"): ["test_loss", "iwae_nll", "psnr"]}


def test_a_metric_that_one_variant_lacks_is_left_out(study: Study) -> None:
    seeds = table(study)
    seeds.loc[seeds.variant == "mnist-z256", "iwae_nll"] = math.nan
    seeds = seeds[seeds.variant != "cifar10-z8-c64"]
    compared = comparisons(study, seeds, METRICS)
    assert {row.metric for row in compared if row.variant == "mnist-z256"} == {"test_loss", "psnr"}
    assert "cifar10-z8-c64" not in {row.variant for row in compared}


def test_one_seed_gives_no_interval(study: Study) -> None:
    compared = comparisons(study, table(study, seeds=1), METRICS)
    assert {row.result for row in compared} == {Outcome.ONE_SEED}
    assert all(math.isnan(row.low) for row in compared)
