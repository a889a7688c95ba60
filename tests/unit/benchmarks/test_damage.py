"""benchmarks/damage.py damages files, restores them, and classifies what a stage makes of the damage."""

import random
import shutil
from pathlib import Path

import pytest
import yaml

from benchmarks import damage

STAGE = ["evaluate", "mnist-z128"]
TABLE = "metrics/x.csv"
WEIGHTS = "models/x.safetensors"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The folder of a study with a table that is in dvc.lock and weights that are not; beside it, an intact copy."""
    good = tmp_path / "good"
    for name, content in ((TABLE, b"seed,loss\n0,1.5\n1,2.5\n"), (WEIGHTS, bytes(range(256)) * 3)):
        (good / name).parent.mkdir(parents=True)
        (good / name).write_bytes(content)
    out = {"path": TABLE, "md5": damage.md5(good / TABLE)}
    (good / "dvc.lock").write_text(yaml.safe_dump({"stages": {"evaluate": {"outs": [out]}}}))
    (good / "result").write_text("as it was")
    shutil.copytree(good, tmp_path / "work")
    return tmp_path / "work"


@pytest.mark.parametrize("file", [TABLE, WEIGHTS])
def test_damage_changes_the_study_and_is_undone(work: Path, file: str) -> None:
    """Two in a hundred may change nothing (zeros written over zeros), and few are alike."""
    good, dice = damage.tree(work), random.Random(0)  # noqa: S311
    other = WEIGHTS if file == TABLE else TABLE
    said, changed = set(), 0
    for _ in range(300):
        said.add(damage.damage(work, file, [other], dice))
        changed += damage.tree(work) != good
        damage.restore(work.parent / "good", work, {file, other})
        assert damage.tree(work) == good
    assert changed > 294
    assert len(said) > 80


LINE = "error: x: found y, expected z\n"
CASES = [
    (TABLE, 2, LINE, {}, "clear error"),
    (TABLE, 0, "", {}, "harmless"),
    (TABLE, 0, "", {"result": "another"}, "noticed by DVC"),
    (WEIGHTS, 0, "", {"result": "another"}, "wrong result"),
    (WEIGHTS, 0, "", {"new": "file"}, "wrong result"),
    (WEIGHTS, 2, LINE, {"result": "another"}, "loss"),
    (WEIGHTS, 2, LINE, {".result.7.part": "half"}, "loss"),
    (WEIGHTS, 2, LINE + LINE, {}, "traceback"),
    (WEIGHTS, 2, "usage: x\n", {}, "traceback"),
    (WEIGHTS, 1, LINE, {}, "traceback"),
    (WEIGHTS, 1, "Traceback ...\nKeyError: 1\n", {}, "traceback"),
    (WEIGHTS, -9, "", {}, "traceback"),
    (WEIGHTS, None, "", {}, "hang"),
]


@pytest.mark.parametrize(("file", "status", "errors", "writes", "expected"), CASES)
def test_outcomes_are_classified(
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    status: int | None,
    errors: str,
    writes: dict[str, str],
    expected: str,
) -> None:
    def run(folder: Path, stage: list[str]) -> tuple[int | None, str]:
        for name, text in writes.items():
            (folder / name).write_text(text)
        return status, errors

    monkeypatch.setattr(damage, "run", run)
    (work / file).write_bytes(b"damaged")
    found, _ = damage.outcome(work, file, STAGE, damage.tree(work), damage.tree(work.parent / "good"))
    assert found == expected


def test_a_stage_that_raises_leaves_its_traceback(work: Path) -> None:
    """Here the process finds no such stage."""
    status, errors = damage.run(work, ["no-such-stage"])
    assert status != 0
    assert "no-such-stage" in errors.splitlines()[-1]
