"""Names have colours that tell them apart."""

import itertools
import re

import pytest
from matplotlib.colors import to_rgb

from elbowroom.core.params import load_study
from elbowroom.figures.colours import distinct_colours, variant_colours
from tests.support import ROOT


@pytest.mark.parametrize("count", [1, 8, 9, 30])
def test_every_variant_has_a_colour_of_its_own(count: int) -> None:
    names = [f"v{number}" for number in range(count)]
    colours = distinct_colours(names)
    assert list(colours) == names
    assert len(set(colours.values())) == count


def test_of_many_variants_each_series_of_sizes_has_a_ramp() -> None:
    """No two of a dataset are as near to each other as neighbours on one ramp for all of them."""
    sweep = load_study(ROOT / "studies/room/params.yaml")
    of_sizes = {name: v for name, v in sweep.variants.items() if re.search(r"-z\d+(-c\d+)?$", name)}
    study = sweep.model_copy(update={"variants": of_sizes})
    colours = variant_colours(study)
    assert list(colours) == list(study.variants)
    sizes = {32: (4, 8, 16, 24, 32, 48, 64, 128), 64: (8, 16, 32, 64)}
    series = [[f"cifar10-z{size}-c{width}" for size in own] for width, own in sizes.items()]
    for names in series:
        lightness = [sum(to_rgb(colours[name])) for name in names]
        assert lightness == sorted(lightness, reverse=True)
    own = [name for name, variant in study.variants.items() if variant.dataset == "cifar10"]

    def nearest(found: dict[str, str]) -> float:
        pairs = itertools.combinations([to_rgb(found[name]) for name in own], 2)
        return min(sum((x - y) ** 2 for x, y in zip(*pair, strict=True)) for pair in pairs) ** 0.5

    assert nearest(colours) > 1.5 * nearest(distinct_colours(own))
