"""Variants are grouped by what their losses measure, and within that by all but their latent size."""

from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.results.families import LossFamily, all_series, families, incomparable
from tests.support import ROOT
from tests.support.settings import entry


def series_labels(study: Study) -> dict[str, str]:
    return {name: series.label for series in all_series(study) for name in series.members}


def test_pictures_of_families_have_names_of_their_own() -> None:
    found = [
        LossFamily("mnist", "gaussian", "[-1, 1]"),
        LossFamily("mnist", "gaussian", "[0, 1]"),
        LossFamily("mnist", "gaussian_optimal", "[0, 1]"),
    ]
    assert [family.slug for family in found] == ["mnist-gaussian-pm1", "mnist-gaussian-01", "mnist-gaussian-optimal-01"]


def test_a_family_shares_dataset_likelihood_and_pixel_range() -> None:
    study = load_study(ROOT / "params.yaml")
    found = families(study)
    assert list(found) == [
        LossFamily("mnist", "gaussian", "[-1, 1]"),
        LossFamily("cifar10", "bernoulli", "[0, 1]"),
    ]
    assert [name for own in found.values() for name in own] == list(study.variants)


def test_a_series_has_its_sizes_in_order() -> None:
    root = load_study(ROOT / "params.yaml")
    variants = {f"z{size}": entry(latent_dim=size) for size in (64, 4, 16)} | {"wide": entry(channels=8)}
    found = all_series(root.model_copy(update={"variants": variants}))
    assert [series.members for series in found] == [("z4", "z16", "z64"), ("wide",)]


def test_a_lone_size_is_called_by_what_sets_it_apart_from_the_series() -> None:
    labels = series_labels(load_study(ROOT / "params.yaml"))
    assert labels["cifar10-z4-c32"] == labels["cifar10-z8-c32"] == "width 32"
    assert labels["cifar10-z8-c64"] == "width 64"
    assert labels["cifar10-ae16"] == "AE, beta 0"


def test_losses_rank_only_if_they_measure_the_same() -> None:
    assert incomparable(entry(), entry(latent_dim=12, channels=8, recipe="other")) == []
    assert incomparable(entry(), entry(model="ae", beta=0.0)) == ["model", "beta"]
