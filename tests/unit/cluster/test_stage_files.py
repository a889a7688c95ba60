"""Which files go to a worker and come back: what DVC itself finds in dvc.yaml."""

from pathlib import Path

import pytest

from elbowroom.cluster.client import SENT
from elbowroom.cluster.stage_files import LARGE, declared, make_task
from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from tests.support import ROOT


def test_a_stage_has_the_dependencies_and_outputs_that_dvc_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    from dvc.repo import Repo

    monkeypatch.chdir(ROOT)
    stages = [stage for stage in Repo(".").index.stages if stage.name.partition("@")[0] in SENT]
    study = load_study()
    assert len(stages) == len(study.datasets) + 4 * len(study.variants)
    for stage in stages:
        found = declared(stage.name)
        params = {"params.yaml"}
        assert {*found.deps} == {dep.def_path for dep in stage.deps} - params
        assert {*found.outputs} == {out.def_path for out in stage.outs}


def test_a_task_has_the_code_the_settings_and_the_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a study whose code is a link; files that are large are named by their digest."""
    monkeypatch.chdir(tmp_path)
    for name in ("dvc.yaml", "params.yaml", "code"):
        Path(name).symlink_to(ROOT / name)
    Path("sheets").symlink_to("explorer")
    for name in ("data/mnist.safetensors", "models/mnist-z128/seed-0.safetensors"):
        Path(name).parent.mkdir(parents=True)
        Path(name).write_bytes(bytes(LARGE) + b"1")
    task, large = make_task("explore@mnist-z128", ["stages.explore", "explore@mnist-z128"])
    assert {"params.yaml", "code/explore.json", "stages/__init__.py", "src/elbowroom/evaluation/explore.py"} < {
        *task.files
    }
    assert not any(name.endswith(".pyc") for name in task.files)
    (sha,) = large
    assert task.large == {"data/mnist.safetensors": sha, "models/mnist-z128/seed-0.safetensors": sha}
    assert task.links == {"sheets": "explorer"}
    assert task.outputs == ["models/explorer/mnist-z128.safetensors", "sheets/mnist-z128.safetensors"]
    installed, _ = make_task("explore@mnist-z128", ["elbowroom.stages.explore", "explore@mnist-z128"])
    assert not [name for name in installed.files if name.startswith("stages/")]


def test_a_missing_dependency_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("dvc.yaml", "params.yaml"):
        Path(name).symlink_to(ROOT / name)
    with pytest.raises(StudyError, match=r"data/mnist.safetensors: not found, expected what judge@mnist depends on"):
        make_task("judge@mnist", ["stages.judge", "judge@mnist"])
