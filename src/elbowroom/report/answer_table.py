"""The numbers behind the answer, as a table of text."""

from collections.abc import Iterable

import pandas as pd

from elbowroom.report.cells import number
from elbowroom.report.markdown import DASH, TextTable
from elbowroom.results.rows import SizeAnswer


def size_table(rows: Iterable[SizeAnswer]) -> TextTable:
    """Set out what is known of each latent size."""
    cells = [
        {
            "variant": row.variant,
            "verdict": row.state,
            "latent": str(row.latent_dim),
            "test loss": number(row.test_loss),
            "excess": _between(row.excess, row.excess_low, row.excess_high),
            "rise in training": _rise(row.rise, row.rise_low),
            "margin": number(row.margin) if row.margin > 0 else DASH,
            "twice the epochs": number(row.doubling_gain),
        }
        for row in rows
    ]
    header = ["variant", "verdict", "latent", "test loss", "excess", "margin", "rise in training", "twice the epochs"]
    return TextTable.of(header, cells, texts=2)


def _between(value: float, low: float, high: float) -> str:
    return number(value) if pd.isna(low) or pd.isna(high) else f"{number(value)} ({number(low)} to {number(high)})"


def _rise(value: float, low: float) -> str:
    """Write by how much a training loss is above that of a smaller size; "none" if it is not."""
    if pd.isna(value) or value > 0:
        return number(value) if pd.isna(low) else f"{number(value)} (at least {number(low)})"
    return "none"
