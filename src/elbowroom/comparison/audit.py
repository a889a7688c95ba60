"""Test what the published studies claim in prose, on their own numbers and on the measured ones.

- arithmetic is always decidable.
- A measurement holds if the measured number is within the margin of the claimed one, and does not if it is outside.
- An order holds if the difference of its two numbers has the claimed sign, and does not if it has the other.
- A limit holds if its ratio is below the limit, and does not if it is above.

Measured numbers decide only if they are sure: if the p value of lying on the threshold is below 1 - level. The table is
read as a whole, so p values are adjusted by Holm's method for all that is measured in it. Otherwise a claim is not
testable: that no difference shows does not show sameness.

With one seed, other models or less than the published budget, measured numbers are given and decide nothing. Nor do the
seconds that training took: stages may share a machine, and the seeds of one stage share its load.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from elbowroom.comparison import audit_words
from elbowroom.comparison.audit_questions import Question, ask, by_seed, measured_values
from elbowroom.comparison.claims import Claimed, Limit, Order, load_claims
from elbowroom.comparison.intervals import holm
from elbowroom.comparison.published import load_published, published_in, shortfalls
from elbowroom.core.settings import Study
from elbowroom.results.outcomes import ClaimResult, Evidence
from elbowroom.results.rows import AuditedClaim

HOLDS, FAILS, UNTESTABLE = ClaimResult.HOLDS, ClaimResult.FAILS, ClaimResult.UNTESTABLE
SHARED_MACHINE = "stages may have shared the machine, so that their seconds do not compare"

Test = Claimed | Order | Limit


@dataclass(frozen=True)
class Asked:
    """What a test asks of the measured numbers, or what keeps it from asking."""

    questions: Sequence[Question] = ()
    obstacle: str = ""


@dataclass(frozen=True)
class Finding:
    """What a test shows, and the numbers behind it in one sentence of plain text."""

    result: ClaimResult
    numbers: str


def audit(study: Study, seeds: pd.DataFrame) -> list[AuditedClaim]:
    """Return a row for each test of a claim, in the order of claims.yaml: of the studies whose variants this one has.

    seeds: variant, seed and metrics, a row for each variant and seed; a metric may be empty or have no column.
    """
    table = seeds.set_index("seed")
    touched = {name for name, of in load_published().items() if published_in(study, of)}
    tests = [(claim, test) for claim in load_claims().claims if claim.study in touched for test in claim.tests]
    asked = _adjusted([_asked(test, study, table) for _, test in tests])
    rows = []
    for (claim, test), each in zip(tests, asked, strict=True):
        if test.kind == "arithmetic":
            against, found = Evidence.PUBLISHED, _arithmetic(test)
        else:
            against, found = Evidence.MEASURED, _measured(test, each, study, table)
        rows.append(AuditedClaim(claim.study, claim.claim, against, found.result, found.numbers))
    return rows


def _asked(test: Test, study: Study, table: pd.DataFrame) -> Asked:
    if test.kind == "arithmetic":
        return Asked()
    if obstacle := _obstacle(test, study, table):
        return Asked(obstacle=obstacle)
    return Asked(ask(test, table, study.answer.level))


def _obstacle(test: Test, study: Study, table: pd.DataFrame) -> str:
    """Say what keeps a test's numbers from being compared; nothing if they can be."""
    names = list(dict.fromkeys(number.variant for number in test.numbers))
    for name in names:
        if name not in study.variants:
            return f"{name} is not in this study"
        for key, expected in load_claims().models[name].items():
            if (found := getattr(study.variants[name], key)) != expected:
                return f"{name} has {key} {found} in this study, published {expected}"
        network = study.variants[name].network
        if study.networks[network] != load_claims().networks[network]:
            return f"{name} has other layers in this study than the published network {network}"
    if any(number.metric == "seconds" for number in test.numbers):
        return SHARED_MACHINE
    for number in test.numbers:
        if measured_values(number, table).empty:
            return f"no {number.label} of {number.variant} was measured"
    if not isinstance(test, Order) and by_seed(test.numbers, table).empty:
        return f"no seed in common to {' and '.join(names)}"
    return ""


def _adjusted(asked: Sequence[Asked]) -> list[Asked]:
    """Adjust the p values of all questions for their number."""
    p_values = iter(holm([question.p for each in asked for question in each.questions]))
    return [replace(each, questions=[replace(one, p=next(p_values)) for one in each.questions]) for each in asked]


def _arithmetic(test: Claimed) -> Finding:
    is_near = abs(audit_words.recomputed(test, test.numbers) - test.claimed) <= test.margin
    return Finding(HOLDS if is_near else FAILS, audit_words.arithmetic(test))


def _measured(test: Test, asked: Asked, study: Study, table: pd.DataFrame) -> Finding:
    """Decide a test on measured numbers: the worst result of its questions."""
    if asked.obstacle:
        return Finding(UNTESTABLE, asked.obstacle)
    results, said = [], []
    for place, question in enumerate(asked.questions):
        results.append(_result(question, study.answer.level))
        said.append(audit_words.answered(test, question, place, results[-1]))
    if isinstance(test, Limit):
        said.append(f"smooth is at most {test.at_most:g} times")
    about = {number.variant: study.variants[number.variant] for number in test.numbers}
    if short := shortfalls(study.model_copy(update={"variants": about})):
        return Finding(UNTESTABLE, "; ".join([*said, f"below the published budget ({'; '.join(short)})"]))
    return Finding(next(result for result in (FAILS, UNTESTABLE, HOLDS) if result in results), "; ".join(said))


def _result(question: Question, level: float) -> ClaimResult:
    if not question.p < 1 - level:  # nan with one seed
        return UNTESTABLE
    return HOLDS if question.as_claimed else FAILS
