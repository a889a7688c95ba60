"""The parts of torchmetrics that are used here, without the packages that it imports where it finds them.

These parts do not need them. With torchvision it imports torch's compiler, which takes longer than all the rest.
"""

from unittest import mock

from lightning_utilities.core.imports import RequirementCache

UNUSED = ("matplotlib", "torchvision")

_is_met = RequirementCache.__bool__


def _is_used(requirement: RequirementCache) -> bool:
    return not str(requirement.requirement).startswith(UNUSED) and _is_met(requirement)


with mock.patch.object(RequirementCache, "__bool__", _is_used):
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

__all__ = [
    "FrechetInceptionDistance",
    "KernelInceptionDistance",
    "peak_signal_noise_ratio",
    "structural_similarity_index_measure",
]
