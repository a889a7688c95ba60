"""How texts and titles name a dataset, and the loss families within it."""

from collections.abc import Iterable

from elbowroom.core.published_sets import PUBLISHED
from elbowroom.core.settings import Study
from elbowroom.results.families import LossFamily, families

LIKELIHOODS = {
    "gaussian": "Gaussian",
    "gaussian_optimal": "optimal Gaussian",
    "bernoulli": "Bernoulli",
    "continuous_bernoulli": "continuous Bernoulli",
}


def dataset_name(study: Study, dataset: str) -> str:
    """Return the title of a published set that the study calls by its own name; else the study's name for it."""
    source = study.datasets[dataset].source
    return PUBLISHED[source].title if source == dataset else dataset


def family_names(all_families: Iterable[LossFamily]) -> dict[LossFamily, str]:
    """Name families by their likelihood, and by their pixel range only if another one differs in that alone."""
    own = list(dict.fromkeys(all_families))
    kinds = [(family.dataset, family.likelihood) for family in own]
    return {
        family: f"{LIKELIHOODS[family.likelihood]} likelihood"
        + (f", pixels in {family.pixel_range}" if kinds.count(kind) > 1 else "")
        for family, kind in zip(own, kinds, strict=True)
    }


def family_titles(study: Study) -> dict[LossFamily, str]:
    """Name each family of a study with its dataset."""
    names = family_names(families(study))
    return {family: f"{dataset_name(study, family.dataset)}, {name}" for family, name in names.items()}
