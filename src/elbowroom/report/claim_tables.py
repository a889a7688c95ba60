"""The published claims as a table and in short, and which differences they ask for. Nothing is computed here."""

from collections import Counter
from collections.abc import Iterable, Sequence

from elbowroom.comparison.claims import load_claims
from elbowroom.core.text import counted
from elbowroom.report.markdown import TextTable
from elbowroom.report.wording import listed
from elbowroom.results.outcomes import ClaimResult, Evidence, Outcome
from elbowroom.results.rows import AuditedClaim, Difference

SAID = {  # of one claim, and of more
    ClaimResult.HOLDS: ("holds", "hold"),
    ClaimResult.FAILS: ("does not hold", "do not hold"),
    ClaimResult.UNTESTABLE: ("cannot be tested by this study", "cannot be tested by this study"),
}


def claims(rows: Iterable[AuditedClaim]) -> TextTable:
    """Set out the published claims and what became of them."""
    cells = [
        {
            "study": row.study,
            "claim": row.claim,
            "tested against": row.against,
            "result": row.result,
            "the numbers": row.numbers,
        }
        for row in sorted(rows, key=lambda row: [*ClaimResult].index(row.result))
    ]
    return TextTable.of(["study", "claim", "tested against", "result", "the numbers"], cells, texts=5)


def claims_in_short(rows: Sequence[AuditedClaim]) -> str:
    """Say how many published claims came out in which way."""
    found = Counter(row.result for row in rows)
    counts = [f"{found[result]} {words[found[result] > 1]}" for result, words in SAID.items() if found[result]]
    return f"Of {counted(len(rows), 'test')} of a claim: {listed(counts)}." if rows else ""


def decided_as_claims(differences: Iterable[Difference], audited: Iterable[AuditedClaim]) -> list[Difference]:
    """Return the differences that are not sure among all of a study, but sure as the subject of a published claim."""
    decided = {
        (row.study, row.claim)
        for row in audited
        if row.against is Evidence.MEASURED and row.result is not ClaimResult.UNTESTABLE
    }
    subjects = {
        (frozenset({one.first.variant, one.second.variant}), one.first.metric)
        for claim in load_claims().claims
        if (claim.study, claim.claim) in decided
        for test in claim.tests
        if test.kind == "order"
        for one in test.comparisons
        if one.first.minus is None and one.first.metric == one.second.metric
    }
    return [
        row
        for row in differences
        if row.result is Outcome.NO_DIFFERENCE and (frozenset({row.variant, row.against}), row.metric) in subjects
    ]
