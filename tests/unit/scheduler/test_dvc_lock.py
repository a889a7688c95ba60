"""dvc.lock tells which results are out of date, and which belong to nothing any more."""

from pathlib import Path

import pytest
import yaml

from elbowroom.core.errors import StudyError
from elbowroom.core.params import load_study
from elbowroom.core.pipeline import DATASET_STAGES, STUDY_STAGES, VARIANT_STAGES
from elbowroom.scheduler.dvc_lock import edited_since_answer, is_edited, of_other_code, prune
from tests.support import ROOT


def test_stage_kinds_are_those_of_dvc_yaml() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    for names, each in ((DATASET_STAGES, "${datasets}"), (VARIANT_STAGES, "${variants}")):
        assert names == tuple(name for name, stage in stages.items() if stage.get("foreach") == each)
    assert all("foreach" not in stages[name] for name in STUDY_STAGES)


def test_prune_deletes_the_results_of_removed_variants_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = load_study(ROOT / "params.yaml")
    stages = {
        "train@old": ["models/old", "plots/old/history.csv"],
        "evaluate@old": ["metrics/old.json"],
        "explore@old": ["models/explorer/old.safetensors", "sheets/old.safetensors"],
        "train@mnist-z128": ["models/mnist-z128"],
        "prepare@old": ["data/old.safetensors"],
    }
    for path in (out for outs in stages.values() for out in outs):
        folder = tmp_path / path
        file = folder if folder.suffix else folder / "part"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    (tmp_path / "metrics/notes.json").write_text("a user's own")
    lock = {name: {"cmd": "true", "outs": [{"path": out} for out in outs]} for name, outs in stages.items()}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": lock}))
    assert {str(path) for path in prune(study)} == {
        out for name, outs in stages.items() if "old" in name for out in outs
    }
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"models/mnist-z128/part", "metrics/notes.json", "dvc.lock"}
    assert not (tmp_path / "plots/old").exists()
    assert prune(study) == []


def test_an_edit_after_the_evaluation_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = load_study(ROOT / "params.yaml")
    assert not is_edited(study, "mnist-z128")  # no dvc.lock yet
    settings, network = study.variants["mnist-z128"].model_dump(), study.networks["notebook"].model_dump()
    for changed, start, edited in (({}, 8, False), ({"beta": 4.0}, 8, True), ({}, 16, True)):
        keys = {"variants.mnist-z128": settings | changed, "networks.notebook": network | {"start": start}}
        params = {"params.yaml": keys}
        (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": {"evaluate@mnist-z128": {"params": params}}}))
        assert is_edited(study, "mnist-z128") == edited


QUICKSTART = ROOT / "studies/quickstart"


@pytest.mark.parametrize("study", ["", "studies/quickstart", "studies/room", "studies/letters"])
def test_what_is_committed_was_run_as_params_yaml_says(study: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / study)
    assert edited_since_answer(load_study()) == []


@pytest.mark.parametrize(
    ("old", "new", "changed", "trained"),
    [
        ("learning_rate: 0.003", "learning_rate: 0.001", ["recipes.report-cifar10.learning_rate"], False),
        ("epochs: 4", "epochs: 5", ["recipes.notebook-mnist.epochs"], True),
        ("train_images: 1024", "train_images: 1000", ["datasets.mnist.train_images"], True),
        ("margin: 0.01", "margin: 0.02", ["answer.margin"], False),
        ("level: 0.95", "level: 0.95\n  left_out: {mnist-z8: diverged}", ["answer.left_out"], False),
        ("interpolation_steps: 10", "interpolation_steps: 9", [], False),  # of pictures
        ("Quickstart: ", "Our quickstart, ", [], False),
        ("# a number larger", "# another comment", [], False),
    ],
)
def test_every_setting_that_the_answer_depends_on_is_compared(
    old: str, new: str, changed: list[str], trained: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """trained: whether the settings of mnist-z128 changed, too."""
    monkeypatch.chdir(tmp_path)
    text = (QUICKSTART / "params.yaml").read_text()
    assert old in text
    Path("params.yaml").write_text(text.replace(old, new))
    Path("dvc.lock").write_bytes((QUICKSTART / "dvc.lock").read_bytes())
    study = load_study()
    assert edited_since_answer(study) == changed
    assert is_edited(study, "mnist-z128") == trained


def test_a_comparison_of_earlier_trainings_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `dvc repro --single-item compare` makes one."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_bytes((QUICKSTART / "params.yaml").read_bytes())
    lock = yaml.safe_load((QUICKSTART / "dvc.lock").read_text())
    lock["stages"]["train@mnist-z128"]["params"]["params.yaml"]["recipes.notebook-mnist"]["batch_size"] = 8
    Path("dvc.lock").write_text(yaml.safe_dump(lock))
    assert edited_since_answer(load_study()) == ["recipes.notebook-mnist.batch_size"]


@pytest.mark.parametrize("params", [3, [1], {"params.yaml": None}, {"params.yaml": 3}])
def test_damaged_settings_in_the_lock_are_one_line(
    params: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.lock").write_text(yaml.safe_dump({"stages": {"compare": {"cmd": "true", "params": params}}}))
    with pytest.raises(StudyError, match=r"^dvc.lock: found no stages, expected a file as DVC wrote it .*$"):
        edited_since_answer(load_study(ROOT / "params.yaml"))


@pytest.mark.parametrize(
    "content",
    [
        *(b"<<<<<<< ours\n", b"- a list\n", b"\xff edited", b"a: [\n"),
        *(b"stages:\n", b"stages: [1]\n", b"stages: text\n", b"stages: {compare: 1}\n", b"stages: {compare: }\n"),
    ],
)
def test_a_damaged_lock_is_one_line(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.lock").write_bytes(content)
    with pytest.raises(StudyError, match=r"^dvc.lock: found no stages, expected a file as DVC wrote it .*$"):
        prune(load_study(ROOT / "params.yaml"))


@pytest.mark.parametrize("out", ["../mine", "models/../mine", "mine", "/{}/mine"])
def test_prune_deletes_nothing_outside_the_folders_of_results(
    out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "study/models").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "study")
    for folder in (tmp_path, tmp_path / "study"):
        (folder / "mine").write_text("a user's own")
    lock = {"stages": {"train@old": {"outs": [{"path": out.format(tmp_path)}]}}}
    Path("dvc.lock").write_text(yaml.safe_dump(lock))
    assert prune(load_study(ROOT / "params.yaml")) == []
    assert (tmp_path / "mine").is_file()
    assert Path("mine").is_file()


def test_prune_deletes_a_link_and_not_the_folder_that_it_points_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("mine", "models"):
        Path(folder).mkdir()
    Path("models/old").symlink_to(tmp_path / "mine")
    Path("dvc.lock").write_text(yaml.safe_dump({"stages": {"train@old": {"outs": [{"path": "models/old"}]}}}))
    assert prune(load_study(ROOT / "params.yaml")) == [Path("models/old")]
    assert Path("mine").is_dir()


def test_an_empty_lock_has_no_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.lock").touch()
    assert prune(load_study(ROOT / "params.yaml")) == []


def test_results_of_other_code_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = load_study(ROOT / "params.yaml")
    assert of_other_code(study) == []  # no dvc.lock yet
    (tmp_path / "code").mkdir()
    for kind in ("train", "evaluate"):
        (tmp_path / f"code/{kind}.json").write_text("[]\n")
    today = {"path": "code/evaluate.json", "md5": "58e0494c51d30eb3494f7c9198986bb9"}  # of "[]\n", by md5sum
    locked = {
        "evaluate@mnist-z128": [today],
        "evaluate@mnist-z256": [today | {"md5": "0" * 32}],
        "evaluate@mnist-ae128": [{"path": "src/elbowroom/model.py", "md5": "0" * 32}],  # from before there were digests
    }
    stages = {stage: {"deps": deps} for stage, deps in locked.items()}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}))
    assert of_other_code(study) == ["mnist-z256", "mnist-ae128"]
