"""The intrinsic dimension of a dataset's images in words."""

from collections.abc import Sequence

import pandas as pd

from elbowroom.report.wording import listed
from elbowroom.results.yardstick_rows import Dimension


def dimension_sentences(rows: Sequence[Dimension]) -> str:
    """Say in how many directions the images of one dataset vary; nothing if that was not measured."""
    known = [row for row in rows if not pd.isna(row.dimension)]
    if not known:
        return ""
    estimates = listed((f"{row.dimension:.0f} ({row.estimator})" for row in known), "or")
    return (
        f"The images themselves vary in about {estimates} directions, by the distances between "
        f"{known[0].images:,} training images and their nearest neighbours. Such estimates run low: of 20 "
        "directions they find 16 or 17. They need no model. A model with fewer latents "
        "than that must lose something of an image, which may be worth losing."
    )
