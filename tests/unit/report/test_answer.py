"""The answer says what intervals say, and no more."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import pytest

from elbowroom.comparison.pairs import comparisons
from elbowroom.comparison.summary import summarise
from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.report.answer import answer
from elbowroom.results.outcomes import Bend
from elbowroom.results.rows import Baseline, BaselineRow, Difference, SeriesElbow
from elbowroom.results.schema import columns, to_table
from elbowroom.results.tables import Comparison
from tests.support import ROOT

LINEAR = {4: 1e4, 8: 1e4, 16: 1e4, 32: 95.5}  # test loss of the linear VAE, by latent size
BETTER, SAME, WORSE = [-10.0, -11.0, -9.0], [-1.0, 1.0, 0.5], [10.0, 11.0, 9.0]  # steps of the loss, by seed


@pytest.fixture
def study() -> Study:
    """MNIST with four sizes, and the report's CIFAR-10."""
    whole = load_study(ROOT / "params.yaml")
    base = whole.variants["mnist-z128"]
    sizes = {f"z{size}": base.model_copy(update={"latent_dim": size}) for size in (4, 8, 16, 32)}
    others = {name: variant for name, variant in whole.variants.items() if variant.dataset == "cifar10"}
    return whole.model_copy(update={"variants": sizes | others})


def said(study: Study, losses: dict[str, list[float]], elbows: Sequence[SeriesElbow] = ()) -> list[str]:
    """The answer. losses: of each variant by seed; those left out lose 1000 times their latent size."""
    rows = [
        {"dataset": variant.dataset, "variant": name, "seed": seed, "test_loss": loss, "test_distortion": loss}
        | {"active_units": variant.latent_dim - 0.5, "parameters": 1}
        for name, variant in study.variants.items()
        for seed, loss in enumerate(losses.get(name, [variant.latent_dim * 1e3 + seed for seed in range(3)]))
    ]
    seeds = pd.DataFrame(rows)
    mnist = {"dataset": "mnist", "likelihood": "gaussian", "pixel_range": "[-1, 1]", "test_distortion": 0.0}
    cifar10 = {"dataset": "cifar10", "likelihood": "bernoulli", "pixel_range": "[0, 1]", "test_distortion": 0.0}
    found = [family | {"baseline": Baseline.MEAN_IMAGE, "test_loss": 1e6} for family in (mnist, cifar10)]
    for size, loss in LINEAR.items():
        found.append(mnist | {"baseline": Baseline.LINEAR_VAE, "test_loss": loss, "latent_dim": size})
    baselines = pd.DataFrame(found, columns=list(columns(BaselineRow)))
    empty = pd.DataFrame()
    comparison = Comparison(
        variants=summarise(study, seeds, baselines),
        baselines=baselines,
        differences=to_table(Difference, comparisons(study, seeds, ["test_loss"])),
        elbows=to_table(SeriesElbow, elbows),
        latents=empty,
        curves=empty,
        spectrum=empty,
        claims=empty,
        published=empty,
    )
    return answer(study, comparison)


def by_steps(*steps: list[float]) -> dict[str, list[float]]:
    losses = {"z4": [100.0, 100.0, 100.0]}
    for (size, smaller), step in zip([(8, 4), (16, 8), (32, 16)], steps, strict=True):
        losses[f"z{size}"] = [a + b for a, b in zip(losses[f"z{smaller}"], step, strict=True)]
    return losses


def test_enough_is_the_smallest_size_that_no_larger_one_is_better_than(study: Study) -> None:
    """[-1, 1, 0.5] has the mean 1/6 and the deviation 1.0408; t for 3 seeds is 4.3027: up to 2.42 below 0."""
    assert said(study, by_steps(BETTER, BETTER, SAME))[0] == (
        "mnist (gaussian, width 32): 16 latents are enough as far as 3 seeds show: no larger size is measured better "
        "(with 32 a gain of up to 2.42 nats an image is not excluded); 8 are worse by 10.00 nats an image "
        "(95 % interval 7.52 to 12.48); 15.5 of the 16 are active."
    )
    worse = said(study, by_steps(BETTER, WORSE, WORSE))[0]
    assert (
        "8 latents are enough as far as 3 seeds show: no larger size is measured better, 16 and 32 are measured"
        in worse
    )
    assert "not excluded" not in worse
    assert said(study, by_steps(WORSE, SAME, SAME))[0].startswith(
        "mnist (gaussian, width 32): of the sizes tried none is measured better than the smallest, 4, by 3 seeds, "
        "8, 16 and 32 are measured worse; fewer were not tried; "
    )


def test_two_steps_may_be_measured_though_neither_is(study: Study) -> None:
    """Neither step's interval excludes 0, that of their sum does."""
    first, second = [-4.0, -1.0, 1.0], [1.0, -2.0, -4.0]  # their sum is -3 in every seed
    found = said(study, by_steps(first, second, WORSE))[0]
    assert "no difference" not in found
    assert found.startswith("mnist (gaussian, width 32): 8 latents are enough as far as 3 seeds show")
    assert "4 are not measured to be worse than 8: 95 % interval -4.92 to 7.58 nats an image" in found


def test_the_largest_size_may_not_be_enough(study: Study) -> None:
    found = said(study, by_steps(SAME, SAME, BETTER))[0]
    assert found == (
        "mnist (gaussian, width 32): more latents than the 32 tried may pay still; 16 are worse by 10.00 nats an image "
        "(95 % interval 7.52 to 12.48); 31.5 of the 32 are active."
    )


def test_one_seed_measures_nothing(study: Study) -> None:
    sizes = {name: variant for name, variant in study.variants.items() if name.startswith("z")}
    losses = {"z4": [3.0], "z8": [1.0], "z16": [2.0], "z32": [5.0]}
    assert said(study.model_copy(update={"variants": sizes}), losses) == [
        "mnist (gaussian, width 32): without two seeds of every size there is no interval, so how many latents are "
        "enough is not measured; of 4, 8, 16 and 32 the test loss is lowest with 8.",
        "Of the network's width nothing is said: no two variants differ in their width alone.",
    ]


def test_a_dataset_without_pairs_has_no_answer(study: Study) -> None:
    other = study.variants["z8"].model_copy(update={"channels": 64})
    alone = study.model_copy(update={"variants": {"z4": study.variants["z4"], "z8": other}})
    assert said(alone, {})[0] == (
        "mnist: no two VAEs differ in their latent size alone, so nothing is said of how many."
    )


def test_other_series_are_in_the_answer(study: Study) -> None:
    wide = {f"w{size}": study.variants[f"z{size}"].model_copy(update={"channels": 64}) for size in (4, 8)}
    both = study.model_copy(update={"variants": study.variants | wide})
    losses = by_steps(BETTER, BETTER, SAME) | {"w4": [9.0, 9.5, 9.2], "w8": [1.0, 1.5, 1.1]}
    found = said(both, losses)[0]
    assert found.startswith("mnist (gaussian, width 32): 16 latents")
    assert found.endswith("; of gaussian, width 64 it is more than the 8 tried.")
    flat = said(both, losses | {"w8": [9.5, 9.0, 9.2]})[0]
    assert flat.endswith(
        "; of gaussian, width 64 it is 4, the smallest tried "
        "(with 8 a gain of up to 1.24 nats an image is not excluded)."
    )


def test_the_first_of_two_variants_with_the_same_settings_counts(study: Study) -> None:
    losses = by_steps(BETTER, BETTER, SAME)
    both = study.model_copy(update={"variants": study.variants | {"again": study.variants["z16"]}})
    assert said(both, losses | {"again": [0.0, 1.0, 2.0]}) == said(study, losses)


def test_the_elbow_and_the_width_are_in_the_answer(study: Study) -> None:
    elbow = SeriesElbow(
        dataset="mnist",
        likelihood="gaussian",
        pixel_range="[-1, 1]",
        series="width 32",
        metric="test_loss",
        latent_dim=10.0,
        low=8.0,
        high=12.0,
        seeds=3,
        slope_before=-9.0,
        slope_after=-1.0,
        bend=Bend.FOUND,
        result="elbow at 10 latents (8 to 12, 3 seeds)",
    )
    sentences = said(study, by_steps(BETTER, BETTER, SAME), [elbow])
    assert sentences[0].endswith("15.5 of the 16 are active; the loss has its elbow at 10 latents (8 to 12, 3 seeds).")
    rising = said(study, by_steps(BETTER, BETTER, SAME), [replace(elbow, slope_after=1.0)])[0]
    assert rising.endswith("its elbow at 10 latents (8 to 12, 3 seeds), and rises after it.")
    assert len(sentences) == 3  # one for each dataset, and the width
    losses = {"cifar10-z8-c32": [10.0, 11.0, 12.0], "cifar10-z8-c64": [8.0, 9.5, 9.9]}
    group = "Of the network's width, cifar10, bernoulli, 32 to 64 channels: "
    assert said(study, losses)[-1].startswith(
        f"{group}the wider is better at 8 latents by 1.87 nats an image (95 % interval "
    )
    same = said(study, losses | {"cifar10-z8-c64": [10.5, 10.5, 12.0]})[-1]
    assert same.startswith(f"{group}no difference is measured at 8 latents, 95 % interval -1.")
    assert same.endswith(" nats an image, wider less narrower.")


def test_each_gain_of_several_widths_is_in_the_answer(study: Study) -> None:
    wide = study.variants["cifar10-z4-c32"].model_copy(update={"channels": 64})
    both = study.model_copy(update={"variants": study.variants | {"wide": wide}})
    losses = {"cifar10-z4-c32": [3.0, 4.0, 5.0], "wide": [2.0, 3.1, 3.9]}
    losses |= {"cifar10-z8-c32": [3.0, 4.0, 5.0], "cifar10-z8-c64": [2.9, 4.2, 5.0]}
    found = said(both, losses)[-1]
    assert "the wider is better at 4 latents by 1.00 nats an image (95 % interval 0.75 to 1.25)" in found
    assert "no difference is measured at 8 latents" in found
    assert found.endswith(" (2 intervals, not adjusted for their number).")


def test_a_better_linear_vae_is_in_the_answer(study: Study) -> None:
    """The loss with 32 latents is 100 - 10 - 10 and 10 more."""
    found = said(study, by_steps(BETTER, BETTER, WORSE) | {"z32": [96.0, 96.5, 95.9]})[0]
    assert found.endswith("; with 32 the exact linear VAE of that size has the lower loss.")
    assert "linear" not in said(study, by_steps(BETTER, BETTER, WORSE))[0]
