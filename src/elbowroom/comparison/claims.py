"""What the published studies claim in prose, held against their own numbers and against ours.

claims.yaml says what is claimed and what tests it. A test is of one of three kinds:

- arithmetic: a number worked out from published ones is within a margin of the claimed one. Always decidable.
- measurement: the same of measured numbers. It holds where the 95 % interval over seeds lies within the margin, does
  not hold where it lies outside, and is not testable between: that no difference shows does not show sameness.
- order: one measured number is lower or higher than another, paired over seeds. It holds where the interval of the
  difference says so, does not where it says the opposite, and is not testable where no difference is measured.

With one seed, other models or less than the published budget, what is measured is given and decides nothing. Nor do the
seconds that training took: stages may share a machine, and the seeds of one stage share its load.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache, reduce
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import yaml
from pydantic import Field

from elbowroom.comparison.intervals import Interval, paired_interval, wording
from elbowroom.comparison.published import load_published, shortfalls
from elbowroom.core.settings import DATASETS, Settings, Study

CLAIMS = Path(__file__).with_name("claims.yaml")
COLUMNS = ["study", "claim", "against", "result", "numbers"]
HOLDS, FAILS, UNTESTABLE = "holds", "does not hold", "not testable from this study"


class Number(Settings):
    """A number of a variant. Measured: a column of metrics/<variant>.csv. Published: see _published."""

    variant: str
    metric: str
    minus: str | None = None  # another measured metric, to subtract
    epoch: int | None = None  # of a published curve

    @property
    def label(self) -> str:
        name = f"{self.metric} - {self.minus}" if self.minus else self.metric
        return name.replace("_", " ").replace("blend", "cross-fade")


Numbers = Annotated[list[Number], Field(default_factory=list)]


class Claimed(Settings):
    """A function of numbers is the claimed number, to within a margin in its unit."""

    kind: Literal["arithmetic", "measurement"]
    function: Literal["value", "relative_change", "ratio"]
    numbers: list[Number]
    claimed: float
    margin: float
    instead: Numbers  # published, the function of which is given as well
    published: Numbers  # given beside what is measured


class Comparison(Settings):
    first: Number
    relation: Literal["better", "lower", "higher"]  # better: lower, of a loss
    second: Number


class Order(Settings):
    """Every comparison comes out so."""

    kind: Literal["order"]
    scope: str = ""  # why the claim may hold though this does not, if it may
    comparisons: list[Comparison]
    beside: Numbers  # measured, given as well
    published: Numbers

    @property
    def numbers(self) -> list[Number]:
        return [number for comparison in self.comparisons for number in (comparison.first, comparison.second)]


class Claim(Settings):
    number: int  # both halves of a claim have the same
    study: Literal["notebook", "report"]
    claim: str  # in the study's words
    tests: list[Annotated[Claimed | Order, Field(discriminator="kind")]]


class Claims(Settings):
    models: dict[str, dict[str, Any]]  # variant -> its settings as published: config.Variant, without recipe
    claims: list[Claim]


FUNCTIONS: dict[str, tuple[Callable[..., Any], str]] = {  # of numbers, or of their series by seed; unit
    "value": (lambda number: number, ""),
    "relative_change": (lambda old, new: 100 * (new - old) / old, " %"),
    "ratio": (lambda whole, part: whole / part, " times"),
}


@cache
def load_claims() -> Claims:
    """The claims, and the models that they are about. Raises pydantic.ValidationError, which says where."""
    return Claims.model_validate(yaml.safe_load(CLAIMS.read_text(encoding="utf-8")))


def audit(study: Study, seeds: pd.DataFrame) -> pd.DataFrame:
    """A row for each test of a claim, in the order of claims.yaml: COLUMNS.

    seeds: variant, seed and metrics, a row for each variant and seed; a metric may be empty or have no column.
    against: whose numbers decide. result: HOLDS, FAILS or UNTESTABLE. numbers: what led to it, one sentence of plain
    text; losses and KL in nats per image, paths and steps as evaluated.
    """
    table = seeds.set_index("seed")
    rows = []
    for claim in load_claims().claims:
        for test in claim.tests:
            if test.kind == "arithmetic":
                found = "their numbers", *_arithmetic(test)
            else:
                found = "our numbers", *_measured(test, study, table)
            rows.append((claim.study, claim.claim, *found))
    return pd.DataFrame(rows, columns=COLUMNS)


def _arithmetic(test: Claimed) -> tuple[str, str]:
    recomputed, said = _recomputed(test, test.numbers)
    said = f"published {said}, {_claim(test)}"
    if test.instead:
        said += f"; published {_recomputed(test, test.instead)[1]}"
    return HOLDS if abs(recomputed - test.claimed) <= test.margin else FAILS, said


def _recomputed(test: Claimed, numbers: Sequence[Number]) -> tuple[float, str]:
    """The function of published numbers, and how it came about."""
    function, unit = FUNCTIONS[test.function]
    values = [_published(number) for number in numbers]
    result = function(*values)
    return result, _figures(numbers, values) + _worked_out(test, f"{round(result, 2):,g}{unit}")


def _measured(test: Claimed | Order, study: Study, table: pd.DataFrame) -> tuple[str, str]:
    """table: a row for each variant and seed, which is its index."""
    if obstacle := _obstacle(test.numbers, study, table):
        return UNTESTABLE, obstacle
    result, said = _measurement(test, table) if isinstance(test, Claimed) else _order(test, table)
    if isinstance(test, Order) and test.scope:
        result, said = UNTESTABLE if result == FAILS else result, f"{said}; {test.scope}"
    if test.published:
        said += f"; published {_figures(test.published, [_published(number) for number in test.published])}"
    about = {number.variant: study.variants[number.variant] for number in test.numbers}
    if short := shortfalls(study.model_copy(update={"variants": about})):
        return UNTESTABLE, f"{said}; below the published budget ({'; '.join(short)})"
    return result, said


def _obstacle(numbers: Sequence[Number], study: Study, table: pd.DataFrame) -> str:
    """What keeps these numbers from being compared, if anything does."""
    names = list(dict.fromkeys(number.variant for number in numbers))
    for name in names:
        if name not in study.variants:
            return f"{name} is not in this study"
        for key, expected in load_claims().models[name].items():
            if (found := getattr(study.variants[name], key)) != expected:
                return f"{name} has {key} {found} in this study, published {expected}"
    if any(number.metric == "seconds" for number in numbers):
        return "stages may have shared the machine, so that their seconds do not compare"
    for number in numbers:
        if _series(number, table).empty:
            return f"no {number.label} of {number.variant} was measured"
    if _paired(numbers, table).empty:
        return f"no seed in common to {' and '.join(names)}"
    return ""


def _measurement(test: Claimed, table: pd.DataFrame) -> tuple[str, str]:
    """Whether the interval over seeds lies within the margin of what is claimed."""
    paired, (function, unit) = _paired(test.numbers, table), FUNCTIONS[test.function]
    found = function(*(paired[place] for place in paired))
    interval = paired_interval(found, 0 * found)
    decimals = _decimals([interval.difference], interval)
    said = _figures(test.numbers, [f"{mean:,.{_decimals([mean])}f}" for mean in paired.mean()])
    said += _worked_out(test, f"{interval.difference:,.{decimals}f}{unit}")
    said += f", {_bounds(interval, decimals)}; {_claim(test)}"
    low, high = test.claimed - test.margin, test.claimed + test.margin
    if interval.seeds < 2:
        return UNTESTABLE, said
    if low <= interval.low and interval.high <= high:
        return HOLDS, f"{said}: the interval is within"
    if interval.high < low or high < interval.low:
        return FAILS, f"{said}: the interval is outside"
    return UNTESTABLE, f"{said}: the interval is partly within, too wide to tell"


def _order(test: Order, table: pd.DataFrame) -> tuple[str, str]:
    """Whether every comparison comes out as claimed, over seeds."""
    results, said = set(), []
    for comparison in test.comparisons:
        numbers = [comparison.first, comparison.second]
        paired = _paired(numbers, table)
        interval = paired_interval(paired[0], paired[1])
        word = wording(interval, lower_is_better=comparison.relation != "higher")
        results.add({"better": HOLDS, "worse": FAILS}.get(word, UNTESTABLE))
        if comparison.relation != "better" and word in ("better", "worse"):  # of what is neither
            word = "lower" if interval.difference < 0 else "higher"
        decimals = _decimals(paired.mean(), interval)
        text = f"{_figures(numbers, [f'{mean:,.{decimals}f}' for mean in paired.mean()])}: difference"
        text += f" {interval.difference:,.{decimals}f}, {_bounds(interval, decimals)}"
        said.append(f"{text}: {word}" if interval.seeds > 1 else text)
    for number in test.beside:
        if not (series := _series(number, table)).empty:
            said.append(f"{number.label} {series.mean():,.{_decimals([series.mean()])}f}")
    return next(result for result in (FAILS, UNTESTABLE, HOLDS) if result in results), "; ".join(said)


@cache
def _printed() -> dict[str, Any]:
    """Published values by variant."""
    return {name: values for study in load_published().values() for name, values in study["variants"].items()}


def _published(number: Number) -> Any:
    """As the studies printed it: of published.yaml, a setting of the model, or values_per_image, C*H*W."""
    settings, values = load_claims().models[number.variant], _printed()[number.variant]
    if number.metric == "values_per_image":
        return math.prod(DATASETS[settings["dataset"]].shape)
    if number.epoch is not None:
        return values["history"][number.metric][number.epoch]
    return (settings | values | values["metrics"])[number.metric]


def _series(number: Number, table: pd.DataFrame) -> "pd.Series[float]":
    """Measured, by seed; empty where it was not."""
    rows = table[table.variant == number.variant]
    columns = [rows.get(metric, pd.Series(dtype=float)) for metric in (number.metric, number.minus) if metric]
    return reduce(pd.Series.sub, map(pd.to_numeric, columns)).dropna()


def _paired(numbers: Sequence[Number], table: pd.DataFrame) -> pd.DataFrame:
    """A row for each seed that all of these have, a column for each: 0, 1, ..."""
    return pd.concat([_series(number, table) for number in numbers], axis=1, join="inner", ignore_index=True)


def _figures(numbers: Sequence[Number], values: Sequence[float | str]) -> str:
    """Numbers with their names, and what all share once: test loss of A 1, B 2; or A test loss 1, train loss 2."""
    texts = [value if isinstance(value, str) else f"{value:,}" for value in values]
    if len({number.label for number in numbers}) == 1:
        pairs = [f"{number.variant} {text}" for number, text in zip(numbers, texts, strict=True)]
        return f"{numbers[0].label} of {', '.join(pairs)}"
    pairs = [f"{number.label} {text}" for number, text in zip(numbers, texts, strict=True)]
    return f"{numbers[0].variant} {', '.join(pairs)}"


def _worked_out(test: Claimed, result: str) -> str:
    return "" if test.function == "value" else f": {test.function.replace('_', ' ')} {result}"


def _claim(test: Claimed) -> str:
    return f"claimed {test.claimed:,g}{FUNCTIONS[test.function][1]} to within {test.margin:g}"


def _bounds(interval: Interval, decimals: int) -> str:
    if interval.seeds < 2:
        return "one seed, no interval"
    return f"95% interval [{interval.low:,.{decimals}f}, {interval.high:,.{decimals}f}], {interval.seeds} seeds"


def _decimals(numbers: Iterable[float], interval: Interval | None = None) -> int:
    """Two, three where a number is below 10, and more where bounds would round to 0 or to each other. At most 6."""
    if interval is None or not interval.high > interval.low:
        return 2 if min(map(abs, numbers)) >= 10 else 3
    smallest = min(x for x in (abs(interval.low), abs(interval.high), (interval.high - interval.low) / 20) if x)
    return min(max(2, -math.floor(math.log10(smallest))), 6)
