"""cluster.yaml: what stages ask for, and what is wrong with it, in one line."""

from pathlib import Path

import pytest

from elbowroom.cluster.driver import with_environment
from elbowroom.cluster.settings import load_settings
from elbowroom.cluster.task import Resources, StageTask
from elbowroom.core.errors import StudyError


def test_a_stage_asks_for_one_cpu_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    assert load_settings(path).resources("train") == Resources(1, 0, 3)
    path.write_text("train: {cpus: 4.0, gpus: 0.25}\nretries: 1\n")
    settings = load_settings(path)
    assert settings.resources("train") == Resources(4, 0.25, 1)
    assert settings.resources("figures") == Resources(1, 0, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train: {cpus: 0.0}", "train.cpus: found 0.0, expected: input should be greater than 0"),
        ("prepare: {cpus: 1.0}", "prepare: found {'cpus': 1.0}, expected: extra inputs are not permitted"),
        ("train: [", "expected YAML"),
        ("retries: many", "retries: found 'many', expected: input should be a valid integer"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(text)
    with pytest.raises(StudyError) as error:
        load_settings(path)
    assert str(error.value).startswith(f"{path}: ")
    assert said in str(error.value)


@pytest.mark.parametrize(("cpus", "threads"), [(0.5, "1"), (1, "1"), (3.5, "3")])
def test_a_stage_has_as_many_threads_as_cpus(monkeypatch: pytest.MonkeyPatch, cpus: float, threads: str) -> None:
    monkeypatch.delenv("ELBOWROOM_DEVICE", raising=False)
    task = with_environment(StageTask("train@a", [], {}, {}, {}, [], []), Resources(cpus), "/shared")
    assert task.environment["OMP_NUM_THREADS"] == threads
    assert task.environment["CUDA_VISIBLE_DEVICES"] == ""
    assert task.checkpoints == "/shared"
    assert "CUDA_VISIBLE_DEVICES" not in with_environment(task, Resources(1, 0.5), None).environment
