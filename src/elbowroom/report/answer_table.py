"""The numbers behind the answer, as a table of text."""

from collections.abc import Iterable

import pandas as pd

from elbowroom.report.cells import number
from elbowroom.report.markdown import TextTable
from elbowroom.results.rows import SizeAnswer


def size_table(rows: Iterable[SizeAnswer]) -> TextTable:
    """Set out what is known of each latent size."""
    cells = [
        {
            "variant": row.variant,
            "verdict": row.state,
            "latent": str(row.latent_dim),
            "used": number(row.used, 0 if float(row.used).is_integer() else 1),
            "test loss": number(row.test_loss),
            "excess": _between(row.excess, row.excess_low, row.excess_high),
            "rise in training": number(row.rise) if pd.isna(row.rise_low) else _at_least(row.rise, row.rise_low),
            "margin": number(row.margin),
            "twice the epochs": number(row.doubling_gain),
            "seeds": str(row.seeds),
        }
        for row in rows
    ]
    header = ["variant", "verdict", "latent", "used", "test loss", "excess", "rise in training", "margin"]
    return TextTable.of([*header, "twice the epochs", "seeds"], cells, texts=2)


def _between(value: float, low: float, high: float) -> str:
    return number(value) if pd.isna(low) or pd.isna(high) else f"{number(value)} ({number(low)} to {number(high)})"


def _at_least(value: float, low: float) -> str:
    return f"{number(value)} (at least {number(low)})"
