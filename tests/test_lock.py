"""What dvc.lock tells."""

from pathlib import Path

import pytest
import yaml
from conftest import ROOT

from elbowroom.config import load_study
from elbowroom.lock import is_edited, prune


def test_prune_deletes_what_removed_variants_left_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = load_study(ROOT / "params.yaml")
    stages = {
        "train@old": ["models/old", "plots/old/history.csv"],
        "evaluate@old": ["metrics/old.json"],
        "train@mnist-z128": ["models/mnist-z128"],
        "prepare@old": ["data/old.safetensors"],
    }
    for path in (out for outs in stages.values() for out in outs):
        folder = tmp_path / path
        (folder / "part" if path.startswith("models") else folder).parent.mkdir(parents=True, exist_ok=True)
        (folder / "part" if path.startswith("models") else folder).write_text("x")
    (tmp_path / "metrics/notes.json").write_text("a user's own")
    lock = {name: {"cmd": "true", "outs": [{"path": out} for out in outs]} for name, outs in stages.items()}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": lock}))
    assert {str(path) for path in prune(study)} == {"models/old", "plots/old/history.csv", "metrics/old.json"}
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"models/mnist-z128/part", "data/old.safetensors", "metrics/notes.json", "dvc.lock"}
    assert not (tmp_path / "plots/old").exists()
    assert prune(study) == []


def test_an_edit_since_the_evaluation_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = load_study(ROOT / "params.yaml")
    assert not is_edited(study, "mnist-z128")  # nothing is known
    settings = study.variants["mnist-z128"].model_dump()
    for beta, edited in ((1.0, False), (4.0, True)):
        params = {"params.yaml": {"variants.mnist-z128": settings | {"beta": beta}}}
        (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": {"evaluate@mnist-z128": {"params": params}}}))
        assert is_edited(study, "mnist-z128") == edited


def test_an_empty_lock_has_no_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.lock").touch()
    assert prune(load_study(ROOT / "params.yaml")) == []
