"""One colour for each variant and class, in every picture and on every page."""

from collections.abc import Iterable

import matplotlib
import numpy as np

from elbowroom.core.settings import Study, VariantSettings

# Okabe and Ito's palette, whose colours are distinct for the colour-blind, too.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31"]
SCALE = 0.3, 0.85  # the part of viridis that more names than that get; .dvc/page/source.html repeats it
BLUE, ORANGE, GREEN = PALETTE[:3]
GREY = "#8a8a8a"  # of baselines
# ColorBrewer's ramps, from light to dark: one for each series.
RAMPS = ["YlGnBu", "YlOrRd", "RdPu", "Greys", "YlGn", "YlOrBr", "Purples"]
RAMP = 0.42, 0.92  # the part of them that is visible on white and on black
ONLY_RAMP, ONLY_SPAN = "turbo", (0.08, 0.92)  # of a single series, whose sizes need not be told from another's
# Petroff's ten colours (2021, arXiv:2107.02270), searched to be distinct for the colour-blind, too.
CLASSES = ["#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"]

SERIES = [CLASSES[number] for number in (4, 2, 0, 6, 5, 7)]  # none is grey, as baselines are


def distinct_colours(names: Iterable[str]) -> dict[str, str]:
    """Give each name a colour, in order: eight from the palette; more, from a scale visible on white and on black."""
    names = list(names)
    if len(names) <= len(PALETTE):
        return dict(zip(names, PALETTE, strict=False))
    scale = matplotlib.colormaps["viridis"](np.linspace(*SCALE, len(names)))
    return {name: matplotlib.colors.to_hex(colour) for name, colour in zip(names, scale, strict=True)}


def variant_colours(study: Study) -> dict[str, str]:
    """Give each variant a colour; more than eight get colours per dataset, since no chart mixes datasets."""
    if len(study.variants) <= len(PALETTE):
        return distinct_colours(study.variants)
    found: dict[str, str] = {}
    for dataset in study.datasets:
        found |= _colours({name: variant for name, variant in study.variants.items() if variant.dataset == dataset})
    return found


def _colours(variants: dict[str, VariantSettings]) -> dict[str, str]:
    """Give more than eight variants a ramp for each series of latent sizes, if that helps.

    It is darker for more latents. A single series has a ramp of many hues.
    """
    series: dict[str, list[str]] = {}
    for name, variant in variants.items():
        series.setdefault(repr(variant.model_dump(exclude={"latent_dim"})), []).append(name)
    if len(variants) <= len(PALETTE) or len(series) > len(RAMPS):
        return distinct_colours(variants)
    ramps, span = ([ONLY_RAMP], ONLY_SPAN) if len(series) == 1 else (RAMPS, RAMP)
    found: dict[str, str] = {}
    for ramp, names in zip(ramps, sorted(series.values(), key=len, reverse=True), strict=False):
        by_size = sorted(names, key=lambda name: variants[name].latent_dim)
        shades = matplotlib.colormaps[ramp](np.linspace(*span, len(names)) if len(names) > 1 else [np.mean(span)])
        found |= {name: matplotlib.colors.to_hex(shade) for name, shade in zip(by_size, shades, strict=True)}
    return {name: found[name] for name in variants}
