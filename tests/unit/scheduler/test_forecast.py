"""A forecast of training: from its past costs, or from a few steps."""

import csv
import shutil
from pathlib import Path

import pytest

from elbowroom.core.params import load_study
from elbowroom.core.settings import Study
from elbowroom.scheduler.forecast import training_seconds
from tests.support import ROOT

NAME = "letters-z8"


@pytest.fixture
def letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """The study of letters as it is committed, in a folder without checkpoints."""
    monkeypatch.chdir(tmp_path)
    for path in ("params.yaml", "dvc.lock", "metrics/datasets/letters.csv", f"plots/{NAME}/cost.csv"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "studies/letters" / path, path)
    return load_study()


def with_epochs(study: Study, epochs: int) -> Study:
    recipe = study.recipes["letters"].model_copy(update={"epochs": epochs})
    return study.model_copy(update={"recipes": {"letters": recipe}})


def test_training_again_is_forecast_by_what_it_took(letters: Study) -> None:
    with Path(f"plots/{NAME}/cost.csv").open(newline="") as file:
        took = [float(row["seconds"]) for row in csv.DictReader(file)]
    seconds = training_seconds(letters, [NAME])[NAME]
    assert sum(took) <= seconds == pytest.approx(len(took) * max(took), rel=1e-3)  # by the slowest seed
    longer = with_epochs(letters, 2 * letters.recipes["letters"].epochs)
    assert training_seconds(longer, [NAME])[NAME] == pytest.approx(2 * seconds)
    checkpoint = Path(".checkpoints/0123/epoch-44.safetensors")
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    assert training_seconds(longer, [NAME])[NAME] == pytest.approx(seconds)  # half of it is done
    assert training_seconds(letters, [NAME])[NAME] == pytest.approx(seconds)  # all is done: then it begins anew


def test_a_variant_without_a_past_is_measured(letters: Study, python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(python / "python"))
    Path("plots").rename("elsewhere")
    first = training_seconds(with_epochs(letters, 1), [NAME, "letters-z64"])
    assert first[NAME] == first["letters-z64"] > 0  # both by the same steps
    Path("params.yaml").write_text("{}")
    assert training_seconds(letters, [NAME]) == {}
