"""Published claims are tested on the published numbers, and on made-up ones of a full budget."""

import pandas as pd
import pytest

from elbowroom.comparison import audit as auditing
from elbowroom.comparison.claims import Claimed, load_claims
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study, VariantSettings
from elbowroom.results.outcomes import ClaimResult, Evidence
from elbowroom.results.rows import AuditedClaim
from elbowroom.results.schema import to_table
from tests.support import ROOT
from tests.support.published import with_published_recipes

HOLDS, FAILS, UNTESTABLE = ClaimResult.HOLDS, ClaimResult.FAILS, ClaimResult.UNTESTABLE
Means = dict[tuple[str, str], float]  # variant, metric -> mean over seeds
AS_CLAIMED: Means = {
    ("mnist-z128", "test_loss"): 52.4,
    ("mnist-z256", "test_loss"): 53.4,
    ("mnist-z128", "test_rate"): 26.3,
    ("mnist-z256", "test_rate"): 27.0,
    ("cifar10-z8-c32", "test_distortion"): 1858.4,
    ("cifar10-z16-c32", "test_distortion"): 1858.4 * (1 - 0.044),
    ("cifar10-z16-c32", "test_rate"): 25.0,
    ("cifar10-z8-c64", "test_loss"): 1873.3,
    ("cifar10-z8-c64", "train_loss"): 1868.3,
    ("cifar10-z8-c32", "test_loss"): 1872.1,
    ("cifar10-z8-c32", "train_loss"): 1871.1,
}
SMOOTH = {
    "path_linear": 1.3,
    "step_linear": 1.5,
    "path_slerp": 1.4,
    "step_slerp": 1.6,
    "path_blend": 1.9,
    "step_blend": 2,
}
AS_CLAIMED |= {(v, m): x for v in ("mnist-z128", "mnist-z256", "cifar10-z16-c32") for m, x in SMOOTH.items()}
SPREADS = [(-1, 0, 1), (1, -1, 0), (0, 1, -1)]
MEASURED = [  # claims that measured numbers decide: the start of the claim, and a variant that it names
    ("128 is better", ""),
    ("the larger latent", ""),
    ("config 3 is", ""),
    ("KL ", ""),
    ("config 4", ""),
    ("interpolations", "mnist-z128"),
    ("interpolations", "mnist-z256"),
    ("interpolations", "cifar10-z16-c32"),
]


@pytest.fixture
def study() -> Study:
    return with_published_recipes()


def table(study: Study, changes: Means | None = None, seeds: int = 3) -> pd.DataFrame:
    """Return metrics with the means of AS_CLAIMED, some of them changed, and a small spread over seeds."""
    rows: dict[tuple[str, int], dict[str, float]] = {
        (name, seed): {} for name in study.variants for seed in range(seeds)
    }
    for place, ((name, metric), mean) in enumerate((AS_CLAIMED | (changes or {})).items()):
        for seed in range(seeds):
            rows[name, seed][metric] = mean * (1 + 1e-5 * SPREADS[place % 3][seed])
    made = pd.DataFrame([{"variant": name, "seed": seed} | row for (name, seed), row in rows.items()])
    made.insert(2, "dataset", [study.variants[name].dataset for name in made.variant])
    return made


def audit(study: Study, seeds: pd.DataFrame) -> pd.DataFrame:
    return to_table(AuditedClaim, auditing.audit(study, seeds))


def arithmetic(audited: pd.DataFrame) -> "pd.Series[bool]":
    assert set(audited.against) == set(Evidence)
    return audited.against == Evidence.PUBLISHED


def row(audited: pd.DataFrame, claim: str, said: str = "") -> tuple[str, str]:
    """Return result and sentence of the measured test of a claim that starts so, and whose sentence holds `said`."""
    chosen = audited.claim.str.startswith(claim) & audited.numbers.str.contains(said, regex=False)
    found = audited[chosen & ~arithmetic(audited)]
    return found.result.item(), found.numbers.item()


def measured(audited: pd.DataFrame) -> pd.DataFrame:
    """Return the tests that measured numbers may decide: all but those of seconds."""
    return audited[~arithmetic(audited) & ~audited.claim.str.startswith('"identical')]


def with_variant(study: Study, name: str, **changes: object) -> Study:
    changed = VariantSettings.model_validate(study.variants[name].model_dump() | changes)
    return study.model_copy(update={"variants": study.variants | {name: changed}})


def test_every_published_claim_is_tested() -> None:
    claims = load_claims().claims
    assert [claim.number for claim in claims] == [1, 2, 3, 4, 5, 6, 7, 7, 8, 8]
    assert [claim.study for claim in claims] == ["notebook"] * 2 + ["report"] * 6 + ["notebook", "report"]
    quoted = [
        "128 is better than 256",
        '"as expected"',
        '"4.4% better than config 2"',
        '"3072x reduction"',
        '"about 25"',
    ]
    quoted += ['"mild overfitting"', '"16% more parameters"', '"identical training time"', "smooth", "smooth"]
    assert all(words in claim.claim for words, claim in zip(quoted, claims, strict=True))


def test_the_models_are_those_of_the_root_study(study: Study) -> None:
    claims = load_claims()
    for name, settings in claims.models.items():
        assert settings == study.variants[name].model_dump(exclude={"recipe"})
    used = {number.variant for claim in claims.claims for test in claim.tests for number in test.numbers}
    assert used < set(claims.models)  # cifar10-z4-c32 is only what the 4.4 % is really against


def test_published_arithmetic_is_checked(study: Study) -> None:
    """In any study, even if nothing was measured."""
    nothing = pd.DataFrame(columns=["variant", "seed", "dataset"])
    audited = audit(study, nothing)
    assert set(audited[~arithmetic(audited)].result) == {UNTESTABLE}
    found = audited[arithmetic(audited)].set_index("claim")
    result, numbers = found.loc['config 3 is "4.4% better than config 2"', ["result", "numbers"]]
    assert result == FAILS
    assert "1,858.39, cifar10-z16-c32 1,820.26: -2.05 %, claimed -4.4 ± 0.05 %" in numbers
    assert "cifar10-z4-c32 1,904.63, cifar10-z16-c32 1,820.26: -4.43 %" in numbers
    result, numbers = found.loc['"3072x reduction"', ["result", "numbers"]]
    assert result == FAILS
    assert "values per image 3,072, latent dim 16: 192 times, claimed 3,072 ± 0.5 times" in numbers
    result, numbers = found.loc['KL "about 25" for config 3', ["result", "numbers"]]
    assert result == FAILS
    assert "cifar10-z16-c32 22.97, claimed 25 ± 1" in numbers
    result, numbers = found.loc['"16% more parameters"', ["result", "numbers"]]
    assert result == HOLDS
    assert "309,939, cifar10-z16-c32 359,107: 15.86 %" in numbers
    assert len(found) == 4


def test_every_claim_holds_if_numbers_are_as_claimed(study: Study) -> None:
    audited = audit(study, table(study))
    assert len(audited) == 13
    decided = measured(audited)
    assert set(decided.result) == {HOLDS}, decided.numbers.tolist()
    assert len(decided) == len(MEASURED)


def test_a_sentence_gives_numbers_variants_and_interval(study: Study) -> None:
    seeds = table(study)
    for name, losses in {"mnist-z128": [52.0, 52.4, 52.86], "mnist-z256": [53.0, 53.5, 53.8]}.items():
        seeds.loc[seeds.variant == name, "test_loss"] = losses
    result, numbers = row(audit(study, seeds), "128 is better")
    # deviations 0.43035 and 0.40415, so error 0.34085: Welch's t is -2.973; with 3.984 degrees of freedom p 0.041
    assert result == HOLDS
    assert numbers == (
        "test loss of mnist-z128 52.42, mnist-z256 53.43: -1.01 (-1.96 to -0.07, 3 seeds), p 0.041: better"
    )


@pytest.mark.parametrize(
    ("claim", "of", "changes", "word"),
    [
        ("128 is better", "", {("mnist-z128", "test_loss"): 54.4}, "below 0.001: worse"),
        ("the larger latent", "", {("mnist-z256", "test_rate"): 25.0}, "below 0.001: lower"),
        ("config 3 is", "", {("cifar10-z16-c32", "test_distortion"): 1820.0}, ": -2.066"),
        ("KL ", "", {("cifar10-z16-c32", "test_rate"): 22.97}, "25 ± 1, p below 0.001: outside"),
        ("config 4", "", {("cifar10-z8-c32", "train_loss"): 1862.1}, "test loss - train loss of cifar10-z8-c64 5.0"),
    ],
)
def test_a_claim_fails_if_numbers_contradict_it(study: Study, claim: str, of: str, changes: Means, word: str) -> None:
    """They change its sentence and its result, and no other result."""
    audited = audit(study, table(study, changes))
    result, numbers = row(audited, claim, of)
    assert result == FAILS
    assert word in numbers
    assert list(audited[~arithmetic(audited)].result).count(FAILS) == 1


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        ("128 is better", {("mnist-z128", "test_loss"): 53.4001}),
    ],
)
def test_nothing_is_decided_if_no_difference_is_measured(study: Study, claim: str, changes: Means) -> None:
    result, numbers = row(audit(study, table(study, changes)), claim, "mnist-z128")
    assert result == UNTESTABLE
    assert "no difference measured" in numbers


@pytest.mark.parametrize(("claim", "of"), MEASURED)
def test_one_seed_decides_nothing(study: Study, claim: str, of: str) -> None:
    result, numbers = row(audit(study, table(study, seeds=1)), claim, of)
    assert result == UNTESTABLE
    assert "one seed, no interval" in numbers
    words = ("better", "worse", "lower", "higher", "within,", "outside", "below:", "above", " p ", "nan")
    assert not any(word in numbers for word in words)


@pytest.mark.parametrize(("claim", "of"), MEASURED)
def test_numbers_of_a_small_budget_are_given_and_decide_nothing(claim: str, of: str) -> None:
    study = load_study(ROOT / "studies/quickstart/params.yaml")
    result, numbers = row(audit(study, table(study)), claim, of)
    assert result == UNTESTABLE
    assert ", 3 seeds), " in numbers
    assert "below the published budget (" in numbers
    assert " epochs, " in numbers


def test_only_the_budget_of_a_claims_own_variants_counts(study: Study) -> None:
    """A short recipe of another variant of the dataset does not matter."""
    short = study.recipes["report-cifar10"].model_copy(update={"epochs": 1})
    other = study.variants["cifar10-ae16"].model_copy(update={"recipe": "short"})
    update = {"recipes": study.recipes | {"short": short}, "variants": study.variants | {"cifar10-ae16": other}}
    audited = audit(study.model_copy(update=update), table(study))
    assert set(measured(audited).result) == {HOLDS}


def test_a_claim_is_not_testable_without_its_variants(study: Study) -> None:
    kept = ("mnist-z256", "cifar10-z4-c32")
    some = study.model_copy(update={"variants": {name: study.variants[name] for name in kept}})
    seeds = table(study)
    audited = audit(some, seeds[seeds.variant.isin(kept)])
    ours = audited[~arithmetic(audited)]
    lacking = ours[ours.numbers.str.endswith(" is not in this study")]
    assert set(lacking.result) == {UNTESTABLE}
    assert set(ours.drop(lacking.index).claim.str[:14]) == {"interpolations"}  # it is about each variant by itself
    assert list(audited[arithmetic(audited)].result) == [FAILS, FAILS, FAILS, HOLDS]


def test_a_published_study_without_a_variant_here_is_left_out(study: Study) -> None:
    one = study.model_copy(update={"variants": {"cifar10-z4-c32": study.variants["cifar10-z4-c32"]}})
    assert set(audit(one, table(study)).study) == {"report"}


def test_a_variant_with_other_settings_tests_nothing(study: Study) -> None:
    other = with_variant(study, "mnist-z256", latent_dim=64)
    audited = audit(other, table(study))
    said = "mnist-z256 has latent_dim 64 in this study, published 256"
    assert row(audited, "128 is better") == (UNTESTABLE, said)
    assert row(audited, "interpolations", "mnist-z256") == (UNTESTABLE, said)
    assert row(audited, "interpolations", "mnist-z128")[0] == HOLDS
    deeper = study.networks["notebook"].model_copy(update={"encoder": study.networks["deep"].encoder})
    audited = audit(study.model_copy(update={"networks": study.networks | {"notebook": deeper}}), table(study))
    assert row(audited, "128 is better") == (
        UNTESTABLE,
        "mnist-z128 has other layers in this study than the published network notebook",
    )
    moved = with_variant(study, "mnist-z128", dataset="cifar10", network="report")
    assert row(audit(moved, table(study)), "128 is better")[1].startswith("mnist-z128 has dataset cifar10")


@pytest.mark.parametrize("empty", [True, False])
def test_a_claim_is_not_testable_without_its_metrics(study: Study, empty: bool) -> None:
    seeds = table(study)
    metrics = ["path_linear", "test_rate"]
    seeds = seeds.assign(**dict.fromkeys(metrics, float("nan"))) if empty else seeds.drop(columns=metrics)
    audited = audit(study, seeds)
    assert row(audited, "the larger latent") == (UNTESTABLE, "no test rate of mnist-z256 was measured")
    assert row(audited, "KL ") == (UNTESTABLE, "no test rate of cifar10-z16-c32 was measured")
    assert row(audited, "interpolations", "mnist-z128") == (UNTESTABLE, "no linear path of mnist-z128 was measured")
    assert row(audited, "128 is better")[0] == HOLDS


def test_seconds_are_not_compared(study: Study) -> None:
    timed = table(study).assign(seconds=84.6)
    said = "stages may have shared the machine, so that their seconds do not compare"
    assert row(audit(study, timed), '"identical') == (UNTESTABLE, said)


def test_a_wide_interval_does_not_show_sameness(study: Study) -> None:
    """Numbers that vary much between seeds show neither a difference nor that there is none."""
    seeds = table(study)
    seeds.loc[seeds.variant == "cifar10-z16-c32", "test_rate"] = [24.0, 25.0, 26.5]
    result, numbers = row(audit(study, seeds), "KL ")
    assert result == UNTESTABLE
    assert "claimed 25 ± 1, p 0.370: too uncertain to tell" in numbers


@pytest.mark.parametrize("metric", ["path", "step"])
@pytest.mark.parametrize("variant", ["mnist-z128", "mnist-z256", "cifar10-z16-c32"])
@pytest.mark.parametrize(("times", "result"), [(1.05, HOLDS), (1.15, FAILS), (1.1, UNTESTABLE)])
def test_a_path_is_smooth_if_it_is_hardly_less_even_than_a_cross_fade(
    study: Study, variant: str, metric: str, times: float, result: ClaimResult
) -> None:
    """At most a tenth longer, its largest step at most a tenth larger: below it, above it, and on it."""
    changes = {(variant, f"{metric}_linear"): times * SMOOTH[f"{metric}_blend"]}
    found, numbers = row(audit(study, table(study, changes)), "interpolations", variant)
    assert found == result
    assert f": {times:.3f} times (" in numbers
    assert f"cross-fade {metric} {SMOOTH[f'{metric}_blend']:.3f}" in numbers
    assert numbers.count("smooth is at most 1.1 times") == 1


def test_one_seed_that_has_no_path_is_left_out(study: Study) -> None:
    """As if two of its pictures were the same."""
    seeds = table(study)
    seeds.loc[(seeds.variant == "mnist-z128") & (seeds.seed == 2), ["path_linear", "step_linear"]] = float("nan")
    assert "2 seeds" in row(audit(study, seeds), "interpolations", "mnist-z128")[1]


def test_claims_are_adjusted_for_how_many_are_measured(study: Study) -> None:
    """By itself 128 is better than 256; beside the other claims that is too little, if they are unsure as well."""
    seeds = table(study)
    for name, losses in {"mnist-z128": [52.0, 52.4, 52.86], "mnist-z256": [53.0, 53.5, 53.8]}.items():
        seeds.loc[seeds.variant == name, "test_loss"] = losses
    assert " p 0.041" in row(audit(study, seeds), "128 is better")[1]  # the least sure of all
    for metric in ("test_rate", "path_linear", "step_linear"):
        seeds[metric] = [[10.0, 20.0, 90.0][seed] for seed in seeds.seed]
    said = row(audit(study, seeds), "128 is better")[1]
    assert "no difference measured" in said
    assert " p 0.3" in said


def test_both_tests_of_a_claim_have_the_same_margin(study: Study) -> None:
    for claim in load_claims().claims:
        margins = {(test.claimed, test.margin) for test in claim.tests if isinstance(test, Claimed)}
        assert len(margins) <= 1


def test_sentences_are_plain_text_with_finite_numbers(study: Study) -> None:
    for seeds in (1, 2, 3):
        numbers = audit(study, table(study, seeds=seeds)).numbers
        assert not numbers.str.contains("nan|inf(?!$)|[<>*`_|\n]").any(), numbers.tolist()
