"""The page on reliability says what `make torture` found, and a single failure there fails these tests."""

import copy
import json

import pytest

from benchmarks import torture
from elbowroom.report import readme

FOUND = json.loads(torture.JSON.read_text()) if torture.JSON.is_file() else {}


def test_the_page_shows_the_committed_findings() -> None:
    text = torture.PAGE.read_text()
    assert readme.inserted(text, "make torture", torture.page(FOUND)) == text


def test_the_committed_findings_have_no_failure() -> None:
    assert torture.is_well(FOUND)
    assert not torture.is_well(FOUND, kills=FOUND["kills"]["kills"] + 1)


@pytest.mark.parametrize(
    ("table", "row", "change"),
    [
        ("kills", torture.SAME, -1),
        ("kills", "kills that something outlived", 1),
        ("kills", "runs that failed without a kill", 1),
        ("crowds", torture.SAME, -1),
        ("crowds", "times that a stage ran twice at once", 1),
        ("damages", "wrong result", 1),
        ("damages", "traceback", 1),
        ("damages", "loss", 1),
        ("damages", "hang", 1),
    ],
)
def test_a_single_failure_is_noticed(table: str, row: str, change: int) -> None:
    found = copy.deepcopy(FOUND)
    counts = found[table]["models"] if table == "damages" else found[table]
    counts[row] = counts.get(row, 0) + change
    assert not torture.is_well(found)
