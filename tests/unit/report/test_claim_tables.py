"""A difference that is not sure among all of a study may be sure as the only subject of a published claim."""

from dataclasses import replace

import pytest

from elbowroom.report.claim_tables import claims_in_short, decided_as_claims
from elbowroom.results.outcomes import ClaimResult, Evidence, Outcome, Pairing
from elbowroom.results.rows import AuditedClaim, Difference

CLAIM = AuditedClaim("notebook", "128 is better than 256", Evidence.MEASURED, ClaimResult.HOLDS, "adjusted p 0.033")
ROW = Difference(
    dataset="mnist",
    variant="mnist-z256",
    against="mnist-z128",
    metric="test_loss",
    difference=0.82,
    low=0.21,
    high=1.42,
    seeds=5,
    pairing=Pairing.NONE,
    p=0.016,
    p_adjusted=0.081,
    result=Outcome.NO_DIFFERENCE,
)


@pytest.mark.parametrize("result", [ClaimResult.HOLDS, ClaimResult.FAILS])
def test_what_a_claim_decides_is_found_whichever_variant_is_first(result: ClaimResult) -> None:
    claim = replace(CLAIM, result=result)
    turned = replace(ROW, variant="mnist-z128", against="mnist-z256")
    others = [replace(ROW, metric="iwae_nll"), replace(ROW, against="mnist-z64")]
    assert decided_as_claims([ROW, turned, *others], [claim]) == [ROW, turned]


@pytest.mark.parametrize(
    ("row", "claim"),
    [
        (replace(ROW, result=Outcome.BETTER), CLAIM),  # both tables say it
        (ROW, replace(CLAIM, result=ClaimResult.UNTESTABLE)),
        (ROW, replace(CLAIM, against=Evidence.PUBLISHED)),
    ],
)
def test_nothing_is_marked_where_the_tables_agree(row: Difference, claim: AuditedClaim) -> None:
    assert decided_as_claims([row], [claim]) == []


def test_claims_are_counted_by_their_result() -> None:
    failed = replace(CLAIM, result=ClaimResult.FAILS)
    assert claims_in_short([failed, CLAIM, failed]) == "Of 3 tests of a claim: 1 holds and 2 do not hold."
    assert claims_in_short([]) == ""
