"""The command that runs stages side by side refuses wrong arguments."""

import sys

import pytest

from elbowroom.scheduler import local


@pytest.mark.parametrize("jobs", ["0", "-1", "two"])
def test_a_wrong_number_of_jobs_is_an_error(
    monkeypatch: pytest.MonkeyPatch, jobs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["parallel", f"--jobs={jobs}"])
    with pytest.raises(SystemExit, match="2"):
        local.main()
    assert f"argument --jobs: found '{jobs}', expected a whole number, 1 or more" in capsys.readouterr().err
