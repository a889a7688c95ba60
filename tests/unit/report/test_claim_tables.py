"""A difference that is not sure among all of a study may be sure as the only subject of a published claim."""

from dataclasses import replace

import pytest

from elbowroom.report.claim_tables import claims_in_short, decided_as_claims
from elbowroom.results.outcomes import ClaimResult, Evidence, Outcome
from elbowroom.results.rows import AuditedClaim, Difference
from tests.support.answers import CLAIM, DIFFERENCE


@pytest.mark.parametrize("result", [ClaimResult.HOLDS, ClaimResult.FAILS])
def test_what_a_claim_decides_is_found_whichever_variant_is_first(result: ClaimResult) -> None:
    claim = replace(CLAIM, result=result)
    turned = replace(DIFFERENCE, variant="mnist-z128", against="mnist-z256")
    others = [replace(DIFFERENCE, metric="iwae_nll"), replace(DIFFERENCE, against="mnist-z64")]
    assert decided_as_claims([DIFFERENCE, turned, *others], [claim]) == [DIFFERENCE, turned]


@pytest.mark.parametrize(
    ("row", "claim"),
    [
        (replace(DIFFERENCE, result=Outcome.BETTER), CLAIM),  # both tables say it
        (DIFFERENCE, replace(CLAIM, result=ClaimResult.UNTESTABLE)),
        (DIFFERENCE, replace(CLAIM, against=Evidence.PUBLISHED)),
    ],
)
def test_nothing_is_marked_where_the_tables_agree(row: Difference, claim: AuditedClaim) -> None:
    assert decided_as_claims([row], [claim]) == []


def test_claims_are_counted_by_their_result() -> None:
    failed = replace(CLAIM, result=ClaimResult.FAILS)
    assert claims_in_short([failed, CLAIM, failed]) == "Of 3 tests of a claim: 1 holds and 2 do not hold."
    assert claims_in_short([]) == ""
