"""What ELBOWROOM_CLUSTER says without a Ray cluster: the place `local`, and an address where nothing is."""

import sys
from pathlib import Path

import pytest

from tests.support.checkout import Checkout
from tests.support.cluster import contents, slow_python

pytestmark = [
    pytest.mark.dvc,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed"),
]


def test_the_place_local_gives_the_same_bytes(
    tiny: Checkout, python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no Ray, and the stage in the sandbox does not send itself once more."""
    monkeypatch.setenv("ELBOWROOM_CLUSTER", "local")
    slow_python(tmp_path / "bin", python)
    before = contents(tiny)
    tiny._replace(python=tmp_path / "bin").run("dvc", "repro", "--force", "--single-item", "explore@cifar10-ae16")
    assert contents(tiny) == before


def test_an_address_where_nothing_listens_is_one_line(
    tiny: Checkout, python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELBOWROOM_CLUSTER", "127.0.0.1:9")
    slow_python(tmp_path / "bin", python)
    command = ("dvc", "repro", "--force", "--single-item", "explore@cifar10-ae16")
    output = tiny._replace(python=tmp_path / "bin").run(*command, status=255)
    assert "error: ELBOWROOM_CLUSTER: found nothing that listens at 127.0.0.1:9 (" in output
    assert "Traceback" not in output
