"""The report names the commit of its code, and how long each stage took in this checkout."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from elbowroom.core.stage_digests import digest_file, running_code, stage_lines
from elbowroom.report import provenance
from tests.support import ROOT


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603


def test_the_commit_is_that_of_code_and_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It works in a study's folder too, where src is a link to the root's."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    study = tmp_path / "studies/one"
    study.mkdir(parents=True)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/module.py").write_text("x = 1\n")
    (study / "src").symlink_to("../../src")
    (study / "params.yaml").write_text("title: a\n")
    monkeypatch.chdir(study)
    assert provenance.commit() == "unknown (no git, or no commit)"
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    name = git(tmp_path, "rev-parse", "--short=12", "HEAD")
    assert provenance.commit() == name
    (study / "result.csv").write_text("no setting\n")
    assert provenance.commit() == name
    for path, text in ((study / "params.yaml", "title: b\n"), (tmp_path / "src/module.py", "x = 2\n")):
        before = path.read_text()
        path.write_text(text)
        assert provenance.commit() == f"{name}, changed since"
        path.write_text(before)


def test_seconds_are_of_the_last_run_of_each_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert provenance.stage_times() == []
    script = (
        "import time; from elbowroom.core.stage import run\n"
        "def main(name=''): time.sleep(float(name or 0))\nrun(main{})\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    (tmp_path / "code").mkdir()  # what DVC has run before any stage
    for stage in ("train", "compare"):
        (tmp_path / f"code/{stage}.json").write_bytes(digest_file(stage_lines(running_code(), stage)))
    for stage, slept in (("train@a", "0.3"), ("train@b", "0.6"), ("compare", ""), ("train@a", "0.1")):
        code = script.format(", 'seconds'" if slept else "")
        command = [sys.executable, "-c", code, *([slept] if slept else [])]
        subprocess.run(command, env=environment | {"DVC_STAGE": stage}, check=True)  # noqa: S603
    times = {time.stage: time for time in provenance.stage_times()}
    assert {stage: time.runs for stage, time in times.items()} == {"compare": 1, "train": 2}
    assert 0.6 <= times["train"].longest < times["train"].total < 0.9
    assert times["compare"].longest < 0.3
    (tmp_path / ".dvc/tmp/stages/train@b.seconds").write_text("not a number")
    assert {time.stage: time.runs for time in provenance.stage_times()}["train"] == 1


def test_versions_are_the_installed_ones() -> None:
    assert f"torch {metadata.version('torch')}" in provenance.versions()
