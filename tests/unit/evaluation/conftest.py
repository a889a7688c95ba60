"""What several tests of the evaluation measure."""

import pytest

from elbowroom.datasets.images import Images
from tests.support.models import SETTINGS, Example, lively, measure


@pytest.fixture(scope="module")
def examples(small: dict[str, Images]) -> dict[str, Example]:
    """A model of each of SETTINGS, measured in batches of 50."""
    found = {}
    for name, settings in SETTINGS.items():
        images = small[settings.dataset]
        model = lively(settings, images)
        found[name] = Example(images, model, measure(model, images))
    return found
