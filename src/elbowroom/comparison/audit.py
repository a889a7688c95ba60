"""Test what the published studies claim in prose, on their own numbers and on the measured ones.

- arithmetic is always decidable.
- A measurement holds if the 95 % interval over seeds lies within the margin of the claimed number, does not hold if it
  lies outside, and is not testable in between: that no difference shows does not show sameness.
- An order, paired over seeds, holds if the interval of the difference says so, does not if it says the opposite, and is
  not testable if no difference is measured.

With one seed, other models or less than the published budget, measured numbers are given and decide nothing. Nor do the
seconds that training took: stages may share a machine, and the seeds of one stage share its load.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pandas as pd

from elbowroom.comparison.claims import Claimed, Inequality, Number, Order, load_claims, published
from elbowroom.comparison.intervals import Interval, outcome, paired_interval
from elbowroom.comparison.published import shortfalls
from elbowroom.core.settings import Study
from elbowroom.results.metrics import Direction
from elbowroom.results.outcomes import ClaimResult, Evidence, Outcome
from elbowroom.results.rows import AuditedClaim

HOLDS, FAILS, UNTESTABLE = ClaimResult.HOLDS, ClaimResult.FAILS, ClaimResult.UNTESTABLE
SHARED_MACHINE = "stages may have shared the machine, so that their seconds do not compare"


@dataclass(frozen=True)
class Finding:
    """What a test shows, and the numbers behind it in one sentence of plain text.

    Losses and KL are in nats per image, paths and steps as evaluated.
    """

    result: ClaimResult
    numbers: str


@dataclass(frozen=True)
class Function:
    """A function of numbers, or of their series by seed, and the unit of its value."""

    of: Callable[..., Any]
    unit: str


FUNCTIONS = {
    "value": Function(lambda number: number, ""),
    "relative_change": Function(lambda old, new: 100 * (new - old) / old, " %"),
    "ratio": Function(lambda whole, part: whole / part, " times"),
}


def audit(study: Study, seeds: pd.DataFrame) -> list[AuditedClaim]:
    """Return a row for each test of a claim, in the order of claims.yaml.

    seeds: variant, seed and metrics, a row for each variant and seed; a metric may be empty or have no column.
    """
    table = seeds.set_index("seed")
    rows = []
    for claim in load_claims().claims:
        for test in claim.tests:
            if test.kind == "arithmetic":
                against, found = Evidence.PUBLISHED, _arithmetic(test)
            else:
                against, found = Evidence.MEASURED, _measured(test, study, table)
            rows.append(AuditedClaim(claim.study, claim.claim, against, found.result, found.numbers))
    return rows


def _arithmetic(test: Claimed) -> Finding:
    recomputed = _recomputed(test, test.numbers)
    said = f"published {_worked_out(test, test.numbers)}, {_claim(test)}"
    if test.instead:
        said += f"; published {_worked_out(test, test.instead)}"
    return Finding(HOLDS if abs(recomputed - test.claimed) <= test.margin else FAILS, said)


def _recomputed(test: Claimed, numbers: Sequence[Number]) -> float:
    """Return the test's function of published numbers."""
    return float(FUNCTIONS[test.function].of(*[published(number) for number in numbers]))


def _worked_out(test: Claimed, numbers: Sequence[Number]) -> str:
    result = f"{round(_recomputed(test, numbers), 2):,g}"
    return _figures(numbers, [published(number) for number in numbers]) + _function_value(test, result)


def _measured(test: Claimed | Order, study: Study, table: pd.DataFrame) -> Finding:
    """Decide a test on measured numbers. table: a row for each variant and seed, which is its index."""
    if obstacle := _obstacle(test.numbers, study, table):
        return Finding(UNTESTABLE, obstacle)
    found = _measurement(test, table) if isinstance(test, Claimed) else _order(test, table)
    result, said = found.result, found.numbers
    if isinstance(test, Order) and test.scope:
        result, said = UNTESTABLE if result is FAILS else result, f"{said}; {test.scope}"
    if test.published:
        said += f"; published {_figures(test.published, [published(number) for number in test.published])}"
    about = {number.variant: study.variants[number.variant] for number in test.numbers}
    if short := shortfalls(study.model_copy(update={"variants": about})):
        return Finding(UNTESTABLE, f"{said}; below the published budget ({'; '.join(short)})")
    return Finding(result, said)


def _obstacle(numbers: Sequence[Number], study: Study, table: pd.DataFrame) -> str:
    """Say what keeps these numbers from being compared; nothing if they can be."""
    names = list(dict.fromkeys(number.variant for number in numbers))
    for name in names:
        if name not in study.variants:
            return f"{name} is not in this study"
        for key, expected in load_claims().models[name].items():
            if (found := getattr(study.variants[name], key)) != expected:
                return f"{name} has {key} {found} in this study, published {expected}"
    if any(number.metric == "seconds" for number in numbers):
        return SHARED_MACHINE
    for number in numbers:
        if _by_seed(number, table).empty:
            return f"no {number.label} of {number.variant} was measured"
    if _paired(numbers, table).empty:
        return f"no seed in common to {' and '.join(names)}"
    return ""


def _measurement(test: Claimed, table: pd.DataFrame) -> Finding:
    """Decide whether the interval over seeds lies within the margin of what is claimed."""
    paired = _paired(test.numbers, table)
    found = FUNCTIONS[test.function].of(*(paired[place] for place in paired))
    interval = paired_interval(found, 0 * found)
    decimals = _decimals([interval.difference], interval)
    said = _figures(test.numbers, [f"{mean:,.{_decimals([mean])}f}" for mean in paired.mean()])
    said += _function_value(test, f"{interval.difference:,.{decimals}f}")
    said += f", {_bounds(interval, decimals)}; {_claim(test)}"
    low, high = test.claimed - test.margin, test.claimed + test.margin
    if interval.seeds < 2:
        return Finding(UNTESTABLE, said)
    if low <= interval.low and interval.high <= high:
        return Finding(HOLDS, f"{said}: the interval is within")
    if interval.high < low or high < interval.low:
        return Finding(FAILS, f"{said}: the interval is outside")
    return Finding(UNTESTABLE, f"{said}: the interval is partly within, too wide to tell")


def _order(test: Order, table: pd.DataFrame) -> Finding:
    """Decide whether every comparison comes out as claimed: the worst of their results."""
    found = [_inequality(claimed, table) for claimed in test.comparisons]
    said = [each.numbers for each in found]
    for number in test.beside:
        if not (series := _by_seed(number, table)).empty:
            said.append(f"{number.label} {series.mean():,.{_decimals([series.mean()])}f}")
    results = [each.result for each in found]
    return Finding(next(result for result in (FAILS, UNTESTABLE, HOLDS) if result in results), "; ".join(said))


def _inequality(claimed: Inequality, table: pd.DataFrame) -> Finding:
    numbers = [claimed.first, claimed.second]
    paired = _paired(numbers, table)
    interval = paired_interval(paired[0], paired[1])
    shown = outcome(interval, Direction.HIGHER if claimed.relation == "higher" else Direction.LOWER)
    result = {Outcome.BETTER: HOLDS, Outcome.WORSE: FAILS}.get(shown, UNTESTABLE)
    word = str(shown)
    if claimed.relation != "better" and result is not UNTESTABLE:  # a rate is neither better nor worse
        word = Direction.LOWER if interval.difference < 0 else Direction.HIGHER
    decimals = _decimals(paired.mean(), interval)
    said = f"{_figures(numbers, [f'{mean:,.{decimals}f}' for mean in paired.mean()])}: difference"
    said += f" {interval.difference:,.{decimals}f}, {_bounds(interval, decimals)}"
    return Finding(result, f"{said}: {word}" if interval.seeds > 1 else said)


def _by_seed(number: Number, table: pd.DataFrame) -> "pd.Series[float]":
    """Return a measured number by seed; empty if it was not measured."""
    rows = table[table.variant == number.variant]
    columns = [rows.get(metric, pd.Series(dtype=float)) for metric in (number.metric, number.minus) if metric]
    return reduce(pd.Series.sub, map(pd.to_numeric, columns)).dropna()


def _paired(numbers: Sequence[Number], table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each seed that all of these have, a column for each: 0, 1, ..."""
    return pd.concat([_by_seed(number, table) for number in numbers], axis=1, join="inner", ignore_index=True)


# --- sentences -------------------------------------------------------------------------------------------------------


def _figures(numbers: Sequence[Number], values: Sequence[float | str]) -> str:
    """Name numbers, and what all share once: test loss of A 1, B 2; or A test loss 1, train loss 2."""
    texts = [value if isinstance(value, str) else f"{value:,}" for value in values]
    if len({number.label for number in numbers}) == 1:
        pairs = [f"{number.variant} {text}" for number, text in zip(numbers, texts, strict=True)]
        return f"{numbers[0].label} of {', '.join(pairs)}"
    pairs = [f"{number.label} {text}" for number, text in zip(numbers, texts, strict=True)]
    return f"{numbers[0].variant} {', '.join(pairs)}"


def _function_value(test: Claimed, value: str) -> str:
    if test.function == "value":
        return ""
    return f": {test.function.replace('_', ' ')} {value}{FUNCTIONS[test.function].unit}"


def _claim(test: Claimed) -> str:
    return f"claimed {test.claimed:,g}{FUNCTIONS[test.function].unit} to within {test.margin:g}"


def _bounds(interval: Interval, decimals: int) -> str:
    if interval.seeds < 2:
        return "one seed, no interval"
    return f"95% interval [{interval.low:,.{decimals}f}, {interval.high:,.{decimals}f}], {interval.seeds} seeds"


def _decimals(numbers: Iterable[float], interval: Interval | None = None) -> int:
    """Return 2; 3 if a number is below 10; more, up to 6, if bounds would round to 0 or to each other."""
    if interval is None or not interval.high > interval.low:
        return 2 if min(map(abs, numbers)) >= 10 else 3
    smallest = min(x for x in (abs(interval.low), abs(interval.high), (interval.high - interval.low) / 20) if x)
    return min(max(2, -math.floor(math.log10(smallest))), 6)
