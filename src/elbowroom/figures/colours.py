"""One colour for each variant and class, in every picture and on every page."""

from collections.abc import Iterable

import matplotlib
import numpy as np

from elbowroom.core.settings import Study

# Okabe and Ito's palette, whose colours are distinct for the colour-blind, too.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31"]
SCALE = 0.3, 0.85  # the part of viridis that more names than that get; .dvc/page/source.html repeats it
BLUE, ORANGE, GREEN = PALETTE[:3]
GREY = "#8a8a8a"  # of baselines
# Petroff's ten colours (2021, arXiv:2107.02270), searched to be distinct for the colour-blind, too.
CLASSES = ["#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"]

SERIES = [CLASSES[number] for number in (4, 2, 5, 8, 6, 7)]  # unlike those of variants: a series is not one


def distinct_colours(names: Iterable[str]) -> dict[str, str]:
    """Give each name a colour, in order: eight from the palette; more, from a scale visible on white and on black."""
    names = list(names)
    if len(names) <= len(PALETTE):
        return dict(zip(names, PALETTE, strict=False))
    scale = matplotlib.colormaps["viridis"](np.linspace(*SCALE, len(names)))
    return {name: matplotlib.colors.to_hex(colour) for name, colour in zip(names, scale, strict=True)}


def variant_colours(study: Study) -> dict[str, str]:
    """Give each variant a colour; more than eight get a scale per dataset, since no chart mixes datasets."""
    if len(study.variants) <= len(PALETTE):
        return distinct_colours(study.variants)
    found: dict[str, str] = {}
    for dataset in study.datasets:
        found |= distinct_colours(name for name, variant in study.variants.items() if variant.dataset == dataset)
    return found
