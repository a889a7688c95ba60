"""Texts name datasets and families as a reader would."""

from elbowroom.core.params import load_study
from elbowroom.results.families import LossFamily
from elbowroom.results.names import family_names, family_titles
from tests.support import ROOT


def test_a_pixel_range_is_named_only_where_it_tells_two_families_apart() -> None:
    found = [
        LossFamily("mnist", "gaussian", "[-1, 1]"),
        LossFamily("mnist", "gaussian", "[0, 1]"),
        LossFamily("mnist", "gaussian_optimal", "[0, 1]"),
        LossFamily("letters", "gaussian", "[0, 1]"),
    ]
    assert list(family_names(found).values()) == [
        "Gaussian likelihood, pixels in [-1, 1]",
        "Gaussian likelihood, pixels in [0, 1]",
        "optimal Gaussian likelihood",
        "Gaussian likelihood",
    ]
    titles = family_titles(load_study(ROOT / "params.yaml"))
    assert list(titles.values()) == ["MNIST, Gaussian likelihood", "CIFAR-10, Bernoulli likelihood"]
