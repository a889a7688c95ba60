"""Names have colours that tell them apart."""

import pytest

from elbowroom.figures.colours import distinct_colours


@pytest.mark.parametrize("count", [1, 8, 9, 30])
def test_every_variant_has_a_colour_of_its_own(count: int) -> None:
    names = [f"v{number}" for number in range(count)]
    colours = distinct_colours(names)
    assert list(colours) == names
    assert len(set(colours.values())) == count
