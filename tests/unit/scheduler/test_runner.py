"""In which order stages run."""

import signal
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from elbowroom.scheduler import runner
from elbowroom.scheduler.dvc_job import JobOutcome


class Ended:
    """A job that has ended when one looks."""

    outcome, time, text = JobOutcome.RAN, timedelta(), ""

    def __init__(self, stage: str, _: int) -> None:
        self.stage = stage

    def poll(self) -> bool:
        return False


def test_each_variant_is_measured_before_the_next_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The judge does not wait for trainings, nor a stage for anything that it does not need."""
    (tmp_path / ".dvc" / "tmp").mkdir(parents=True)  # of DVC, whose lock is taken
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "Job", Ended)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    trainings = {f"train@{name}": {"prepare@d"} for name in "abc"}
    evaluations = {f"evaluate@{name}": {f"train@{name}", "judge@d"} for name in "abc"}
    plan = {"prepare@d": set[str](), "judge@d": {"prepare@d"}} | trainings | evaluations | {"compare": {*evaluations}}
    assert runner.Runner(plan, 1, Console(width=80), {}).run() == 0
    started = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.endswith("started")]
    variants = [f"{kind}@{name}" for name in "abc" for kind in ("train", "evaluate")]
    assert started == ["prepare@d", "judge@d", *variants, "compare"]
