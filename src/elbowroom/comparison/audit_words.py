"""The sentences of the audit: the numbers behind each result, as plain text.

Losses and KL are in nats per image, paths and steps as evaluated.
"""

import math
from collections.abc import Iterable, Sequence

from elbowroom.comparison.audit_questions import FUNCTIONS, Question
from elbowroom.comparison.claims import Claimed, Inequality, Limit, Order, VariantNumber, published_value
from elbowroom.comparison.intervals import Interval
from elbowroom.results.metrics import Direction
from elbowroom.results.outcomes import ClaimResult, Outcome

SIDES = {ClaimResult.HOLDS: "within", ClaimResult.FAILS: "outside", ClaimResult.UNTESTABLE: "too uncertain to tell"}
ENDS = SIDES | {ClaimResult.HOLDS: "below", ClaimResult.FAILS: "above"}


def arithmetic(test: Claimed) -> str:
    """Say what the published numbers give."""
    said = f"{_worked_out(test, test.numbers)}, {_claim(test)}"
    return f"{said}; {_worked_out(test, test.instead)}" if test.instead else said


def recomputed(test: Claimed, numbers: Sequence[VariantNumber]) -> float:
    """Return the test's function of published numbers."""
    return float(FUNCTIONS[test.function].of(*[published_value(number) for number in numbers]))


def answered(test: Claimed | Order | Limit, question: Question, place: int, result: ClaimResult) -> str:
    """Say what the measured numbers give for the question at this place of a test. In brackets is the interval."""
    if isinstance(test, Claimed):
        return _near(test, question, result)
    if isinstance(test, Order):
        return _in_order(test.comparisons[place], question, result)
    ratio, value = test.ratios[place], question.value
    texts = [f"{mean:,.{_decimals([mean])}f}" for mean in question.means]
    named = figures([ratio.of, ratio.to], texts).removeprefix(f"{ratio.of.variant} " if place else "")
    said = f"{named}: {value.difference:.3f} times {_bounds(value, 3)}"
    return said + _verdict(question, ENDS[result])


def _near(test: Claimed, question: Question, result: ClaimResult) -> str:
    value, decimals = question.value, _decimals([question.value.difference], question.value)
    said = figures(test.numbers, [f"{mean:,.{_decimals([mean])}f}" for mean in question.means])
    said += _function_value(test, f"{value.difference:,.{decimals}f}") + f" {_bounds(value, decimals)}"
    return f"{said}, {_claim(test)}{_verdict(question, SIDES[result])}"


def _in_order(claimed: Inequality, question: Question, result: ClaimResult) -> str:
    value, decimals = question.value, _decimals(question.means, question.value)
    said = figures([claimed.first, claimed.second], [f"{mean:,.{decimals}f}" for mean in question.means])
    said += f": {value.difference:+,.{decimals}f} {_bounds(value, decimals)}"
    lower: str = Outcome.BETTER if claimed.relation == "better" else Direction.LOWER
    higher: str = Outcome.WORSE if claimed.relation == "better" else Direction.HIGHER  # a rate is not worse
    word = Outcome.NO_DIFFERENCE if result is ClaimResult.UNTESTABLE else lower if value.difference < 0 else higher
    return said + _verdict(question, word)


def _verdict(question: Question, word: str) -> str:
    """Say how sure it is, and what follows; nothing with one seed."""
    if math.isnan(question.p):
        return ""
    p = "below 0.001" if question.p < 0.001 else f"{question.p:.3f}"
    return f", p {p}: {word}"


def figures(numbers: Sequence[VariantNumber], values: Sequence[float | str]) -> str:
    """List numbers with their names, what all share once: test loss of A 1, B 2; or A test loss 1, train loss 2."""
    texts = [value if isinstance(value, str) else f"{value:,}" for value in values]
    if len({number.label for number in numbers}) == 1:
        pairs = [f"{number.variant} {text}" for number, text in zip(numbers, texts, strict=True)]
        return f"{numbers[0].label} of {', '.join(pairs)}"
    pairs = [f"{number.label} {text}" for number, text in zip(numbers, texts, strict=True)]
    return f"{numbers[0].variant} {', '.join(pairs)}"


def _function_value(test: Claimed, value: str) -> str:
    if test.function == "value":
        return ""
    return f": {value}{FUNCTIONS[test.function].unit}"


def _worked_out(test: Claimed, numbers: Sequence[VariantNumber]) -> str:
    result = f"{round(recomputed(test, numbers), 2):,g}"
    return figures(numbers, [published_value(number) for number in numbers]) + _function_value(test, result)


def _claim(test: Claimed) -> str:
    return f"claimed {test.claimed:,g} ± {test.margin:g}{FUNCTIONS[test.function].unit}"


def _bounds(interval: Interval, decimals: int) -> str:
    if interval.seeds < 2:
        return "(one seed, no interval)"
    return f"({interval.low:,.{decimals}f} to {interval.high:,.{decimals}f}, {interval.seeds} seeds)"


def _decimals(numbers: Iterable[float], interval: Interval | None = None) -> int:
    """Return 2; 3 if a number is below 10; more, up to 6, if bounds would round to 0 or to each other."""
    if interval is None or not interval.high > interval.low:
        return 2 if min(map(abs, numbers)) >= 10 else 3
    smallest = min(x for x in (abs(interval.low), abs(interval.high), (interval.high - interval.low) / 20) if x)
    return min(max(2, -math.floor(math.log10(smallest))), 6)
