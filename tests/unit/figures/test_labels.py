"""Labels that would cover each other are not all drawn."""

import pandas as pd

from elbowroom.figures.labels import Box, legible, most_telling_first


def test_of_labels_that_cover_each_other_the_first_is_drawn() -> None:
    first, apart = Box(0, 10, 0, 5), Box(10, 20, 0, 5)
    covered = Box(9, 12, 4, 6)
    assert legible([first, first, covered, apart], []) == [True, False, False, True]
    assert legible([covered, first, apart], []) == [True, False, False]
    assert legible([first, apart], [covered]) == [False, False]
    assert legible([], []) == []


def test_the_ends_of_each_series_come_first() -> None:
    points = pd.DataFrame({"series": list("aaabbc"), "latent_dim": [8, 4, 16, 2, 32, 8]})
    assert list(most_telling_first(points).index) == [1, 2, 3, 4, 5, 0]
