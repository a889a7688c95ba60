"""Variants are compared if they differ in one setting, in the metrics that both have."""

import math
from collections.abc import Iterable

import pandas as pd
import pytest

from elbowroom.comparison.pairs import comparisons
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study, Variant
from elbowroom.results.outcomes import Outcome
from elbowroom.results.rows import Difference
from tests.support import ROOT
from tests.support.settings import variant

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
    assert compared[0] == Difference(
        dataset="mnist",
        variant="mnist-z256",
        against="mnist-z128",
        metric="test_loss",
        difference=-10,
        low=-10,
        high=-10,
        seeds=3,
        result=Outcome.BETTER,
    )
    assert {row.result for row in compared if row.metric == "iwae_nll"} == {Outcome.NO_DIFFERENCE}
    assert {row.result for row in compared if row.metric == "psnr"} == {Outcome.WORSE}


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
    mixed = with_variants(study, {"a": variant(**base), "b": variant(**(base | other))})
    assert comparisons(mixed, table(mixed), METRICS) == []


def test_variants_that_differ_in_two_settings_are_not_compared(study: Study) -> None:
    two = with_variants(study, {"a": variant(), "b": variant(latent_dim=12, channels=8), "c": variant()})
    assert comparisons(two, table(two), METRICS) == []


def test_neighbours_are_compared_and_in_the_test_loss_every_two_latent_sizes(study: Study) -> None:
    neighbours = [("z64", "z16"), ("z16", "z8"), ("z8", "z4")]
    sizes = with_variants(study, {f"z{size}": variant(latent_dim=size) for size in (64, 4, 16, 8)})
    compared = comparisons(sizes, table(sizes), METRICS)
    assert pairs(row for row in compared if row.metric != "test_loss") == neighbours
    every = {("z16", "z4"), ("z64", "z4"), ("z64", "z8"), *neighbours}
    assert set(pairs(row for row in compared if row.metric == "test_loss")) == every
    widths = with_variants(study, {f"z{width}": variant(channels=width) for width in (64, 4, 16, 8)})
    assert pairs(comparisons(widths, table(widths), METRICS)) == neighbours


def test_each_two_recipes_are_compared(study: Study) -> None:
    recipes = with_variants(study, {name: variant(recipe=name) for name in ("plain", "warm", "slow")})
    assert pairs(comparisons(recipes, table(recipes), METRICS)) == [
        ("warm", "plain"),
        ("slow", "plain"),
        ("slow", "warm"),
    ]


def test_losses_at_different_betas_are_not_compared(study: Study) -> None:
    betas = with_variants(
        study, {"half": variant(beta=0.5), "one": variant(beta=1.0), "large": variant(beta=1.0, latent_dim=12)}
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
