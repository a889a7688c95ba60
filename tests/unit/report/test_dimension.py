"""The intrinsic dimension is said in words, with its bias."""

from math import nan

from elbowroom.report.dimension import dimension_sentences
from elbowroom.results.yardstick_rows import Dimension, Estimator


def rows(*found: float) -> list[Dimension]:
    return [
        Dimension(dataset="mnist", estimator=estimator, neighbours=2, images=10_000, dimension=dimension)
        for estimator, dimension in zip(Estimator, found, strict=True)
    ]


def test_both_estimates_and_their_bias_are_said() -> None:
    assert dimension_sentences(rows(13.34, 11.87)) == (
        "The images themselves vary in about 13 (TwoNN) or 12 (Levina-Bickel) directions, by the distances between "
        "10,000 training images and their nearest neighbours. Such estimates run low: of 20 directions they find "
        "16 or 17. They need no model. A model with fewer latents than that must lose something of an "
        "image, which may be worth losing."
    )


def test_what_was_not_measured_is_not_said() -> None:
    assert dimension_sentences([]) == dimension_sentences(rows(nan, nan)) == ""
