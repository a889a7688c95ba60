"""One colour for each variant and class, in every picture and on every page."""

from collections.abc import Iterable

import matplotlib
import numpy as np

from elbowroom.core.settings import Study

# Okabe and Ito's palette, which the colour-blind can tell apart.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31"]
SCALE = 0.3, 0.85  # the part of viridis for more names than that; .dvc/page/source.html has it too
# Petroff's ten (2021, arXiv:2107.02270), found by a search for colours that differ for the colour-blind, too.
CLASSES = ["#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"]

SERIES = [CLASSES[number] for number in (4, 2, 5, 8, 6, 7)]  # series of variants are no variants


def of_names(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, in their order; of more than eight, along a scale that shows on white and on black."""
    names = list(names)
    if len(names) <= len(PALETTE):
        return dict(zip(names, PALETTE, strict=False))
    scale = matplotlib.colormaps["viridis"](np.linspace(*SCALE, len(names)))
    return {name: matplotlib.colors.to_hex(colour) for name, colour in zip(names, scale, strict=True)}


def of_variants(study: Study) -> dict[str, str]:
    """A colour for each variant; of more than eight a scale for each dataset, since nothing shows variants of both."""
    if len(study.variants) <= len(PALETTE):
        return of_names(study.variants)
    found: dict[str, str] = {}
    for dataset in study.datasets:
        found |= of_names(name for name, variant in study.variants.items() if variant.dataset == dataset)
    return found
