"""How numbers and metrics are written in the cells and headings of the report's tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from elbowroom.report.markdown import DASH
from elbowroom.results.metrics import DECIBELS, FEWEST_EFFECTIVE, PERCENT, Metric

DAGGER = "\N{DAGGER}"  # marks a loose bound
DOUBLE_DAGGER = "\N{DOUBLE DAGGER}"  # marks a difference that a published claim asks for

MetricsRow = Mapping[Any, Any]  # of the table of variants: means over seeds of metrics, and NAME_sd, their deviations


def number(value: float, digits: int = 2) -> str:
    """Return a number with this many decimals, one of thousands that is whole with none, a missing one as a dash."""
    if pd.isna(value):
        return DASH
    text = f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 1000 else f"{value:,.{digits}f}"
    return text.removeprefix("-") if not text.strip("-0.,") else text


def p_value(p: float) -> str:
    """Return a p value with three decimals; below them, that it is."""
    return "< 0.001" if p < 0.001 else number(p, 3)


def mean(row: MetricsRow, metric: Metric) -> str:
    """Return the mean of a metric over seeds as tables show it, with its deviation if they show that as well.

    A loose IWAE bound, and the few effective samples behind it, have a dagger.
    """
    text = _mean(row, metric)
    return f"{text} {DAGGER}" if metric.column in ("iwae_nll", "effective_samples") and is_loose(row) else text


def is_loose(row: MetricsRow) -> bool:
    """Whether the IWAE bound comes from so few effective samples that it may be far above -log p(x)."""
    return bool(row["effective_samples"] < FEWEST_EFFECTIVE)


def _mean(row: MetricsRow, metric: Metric) -> str:
    value = row[metric.column]
    if metric.unit == PERCENT:
        return DASH if pd.isna(value) else f"{value:.1%}"
    if metric.digits == 0:
        return number(value, 0 if float(value).is_integer() else 1)
    return number(value, metric.digits) if metric.yardstick else mean_and_deviation(row, metric.column, metric.digits)


def mean_and_deviation(row: MetricsRow, column: str, digits: int = 2) -> str:
    """Return a mean, followed by the deviation over seeds if there is more than one."""
    text, deviation = number(row[column], digits), row.get(f"{column}_sd", float("nan"))
    return text if pd.isna(deviation) else f"{text} ± {number(deviation, digits)}"


def heading(metric: Metric, short: bool = False) -> str:
    """Return the heading of a metric's column; captions say that losses are in nats."""
    label = (short and metric.short) or metric.label
    return f"{label} ({metric.unit})" if metric.unit == DECIBELS else label


def means(row: MetricsRow, metrics: Sequence[Metric], short: bool = False) -> dict[str, str]:
    """Return the cells of some metrics by heading."""
    return {heading(metric, short): mean(row, metric) for metric in metrics}
