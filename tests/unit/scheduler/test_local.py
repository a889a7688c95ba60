"""The command that runs stages side by side: wrong arguments, and what it says of variants that fail."""

import errno
import fcntl
import math
import os
import sys
from pathlib import Path

import pytest
import torch

from elbowroom.core.errors import StudyError
from elbowroom.scheduler import local
from elbowroom.scheduler.runner import way_out
from elbowroom.training.divergence import DivergenceWatch

DIVERGED = str(DivergenceWatch(0, "slow", 784, torch.device("cpu")).error("epoch 1, step 3", math.nan))
NO_MEMORY = "found too little memory (DefaultCPUAllocator), expected smaller channels, latent_dim or batch_size"


@pytest.mark.parametrize("jobs", ["0", "-1", "two"])
def test_a_wrong_number_of_jobs_is_an_error(
    monkeypatch: pytest.MonkeyPatch, jobs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["parallel", f"--jobs={jobs}"])
    with pytest.raises(SystemExit, match="2"):
        local.main()
    assert f"argument --jobs: found '{jobs}', expected a whole number, 1 or more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("failed", "named"),
    [
        ({"train@a": DIVERGED}, "without a: "),
        ({"train@a": DIVERGED, "explore@b": NO_MEMORY, "figures@b": NO_MEMORY}, "without a, b: "),
        ({"train@a": DIVERGED, "judge@mnist": NO_MEMORY}, ""),
        ({"report": NO_MEMORY}, ""),
        ({"train@a": None}, ""),  # a traceback, or DVC's own error
        ({"train@a": DIVERGED, "train@b": None}, ""),
        ({"train@a": "models/a: No space left on device, expected a writable place"}, ""),
        ({}, ""),
    ],
)
def test_a_study_can_be_reported_without_variants_that_fail_by_their_settings(
    failed: dict[str, str | None], named: str
) -> None:
    said = way_out(failed)
    assert named in said
    assert bool(said) == bool(named)


def test_a_disk_without_locks_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As NFS mounted with nolock."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StudyError, match=r"^\.dvc/tmp: No locks available, expected a writable place with file locks$"):
        local.run(1)
