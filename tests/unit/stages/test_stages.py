"""Every script is a stage, depends on what its code does and on what it reads, and runs the library beside it."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from elbowroom.core.code_digest import SCRIPT, SRC, STAGE, Code
from elbowroom.core.pipeline import STUDY_STAGES
from elbowroom.core.stage_digests import stage_lines
from tests.support import ROOT

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
STAGES = sorted({*PIPELINE} - {STAGE})


def deps(stage: str) -> list[str]:
    return PIPELINE[stage].get("do", PIPELINE[stage])["deps"]


def test_every_script_is_a_stage() -> None:
    assert Code().stages == STAGES
    assert f"stages.{SCRIPT}" in PIPELINE[STAGE]["cmd"]


def test_every_stage_depends_on_what_its_code_does() -> None:
    """`cache: false`, as git keeps the digests; `persist: true`, so that an error does not delete them."""
    assert deps(STAGE) == ["src", "stages"]
    kept = {"cache": False, "persist": True}
    assert PIPELINE[STAGE]["outs"] == [{f"code/{stage}.json": kept} for stage in STAGES]
    for stage in STAGES:
        assert [dep for dep in deps(stage) if dep.startswith("code/")] == [f"code/{stage}.json"]
        assert not [dep for dep in deps(stage) if dep.startswith("stages")]


@pytest.mark.parametrize("stage", STAGES)
def test_files_beside_the_code_that_a_stage_reads_count(stage: str) -> None:
    """published.yaml, the report's templates, the notebook's sources. Their paths are constants of the modules."""
    code, expected = Code(), set()
    for statement in code.counted(code.roots(stage)):
        for name in statement.names if "__file__" in statement.text else ():
            value = getattr(importlib.import_module(statement.module.name), name)
            for path in value if isinstance(value, tuple) else (value,):
                if isinstance(path, Path) and path != SRC:
                    files = path.rglob("*") if path.is_dir() else [path]
                    expected |= {str(file.relative_to(path.parent)) for file in files}
    found = {line.rpartition(" ")[0] for line in stage_lines(code, stage)}
    assert expected == {name for name in found if "." in name and not name.startswith("elbowroom.")}
    assert not [dep for dep in deps(stage) if dep.startswith("src/")]


@pytest.mark.parametrize("study", sorted((ROOT / "studies").iterdir()), ids=lambda path: path.name)
def test_studies_have_the_same_pipeline(study: Path) -> None:
    """A copy, because DVC does not follow a link when it reads a commit; `make studies` makes it."""
    assert (study / "dvc.yaml").read_text() == (ROOT / "dvc.yaml").read_text()
    assert not (study / "dvc.yaml").is_symlink()
    own = {"pages": study / "report", "sheets": study / "explorer"}
    for name, target in ({"src": ROOT / "src", "stages": ROOT / "stages"} | own).items():
        assert (study / name).is_symlink()
        assert (study / name).resolve() == target.resolve()


@pytest.mark.parametrize("stage", STUDY_STAGES)
def test_stages_that_only_set_out_results_do_without_torch(stage: str) -> None:
    """Importing it takes seconds, and a newcomer waits for them."""
    code = f"import sys, stages.{stage}; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0  # noqa: S603


def test_stages_run_the_library_beside_them(tmp_path: Path) -> None:
    """Not an installed copy: `dvc exp run --temp` and linked studies depend on it."""
    (tmp_path / "src/elbowroom").mkdir(parents=True)
    (tmp_path / "stages").mkdir()
    (tmp_path / "src/elbowroom/__init__.py").write_text("beside = True\n")
    (tmp_path / "src/elbowroom/scheduler").symlink_to(ROOT / "src/elbowroom/scheduler")  # stages/__init__.py imports it
    (tmp_path / "stages/__init__.py").write_text((ROOT / "stages/__init__.py").read_text())
    code = "import stages, elbowroom; print(elbowroom.beside)"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)  # noqa: S603
    assert done.stdout == "True\n"
