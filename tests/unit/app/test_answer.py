"""`elbowroom answer` prints what the report says, in the terminal."""

from pathlib import Path

import pytest

from elbowroom.__main__ import main
from tests.support import ROOT


def test_the_answer_is_that_of_the_report(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["answer"]) == 0
    printed = capsys.readouterr().out
    first, *_ = printed.splitlines()
    assert first.startswith("How many latents does a VAE of MNIST need? ")
    assert "4 and 8 latents are too few" in " ".join(printed.split())
    assert str(ROOT / "report/index.html") in printed


def test_a_study_without_an_answer_says_what_makes_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert main(["answer"]) == 2
    assert "not found, expected from an earlier stage (`dvc repro` makes it" in capsys.readouterr().err
