"""What each stage depends on is what its script reaches, no more and no less."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support import ROOT

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def imports(path: Path) -> set[Path]:
    """The modules of elbowroom that a file imports, anywhere in it; it may import them in no other way than by name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{path}: a relative import"
            assert not node.level, f"{path}: a relative import"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        assert not any(name.split(".")[0] == "stages" for name in names), f"{path} imports a stage"
        found |= {
            ROOT / "src" / Path(*name.split(".")).with_suffix(".py") for name in names if name.startswith("elbowroom.")
        }
    if path == ROOT / "src/elbowroom/notebook/build.py":  # what its cells import is imported in a process of their own
        found.add(ROOT / "src/elbowroom/notebook/study.py")
    return {module for module in found if module.is_file()}


def reached(path: Path) -> set[Path]:
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        seen.add(current := waiting.pop())
        waiting += imports(current) - seen
    return seen


@pytest.mark.parametrize("stage", PIPELINE)
def test_deps_are_the_modules_that_the_script_reaches(stage: str) -> None:
    deps = PIPELINE[stage].get("do", PIPELINE[stage])["deps"]
    declared = {ROOT / dep for dep in deps if dep.endswith(".py")}
    assert declared == reached(ROOT / "stages" / f"{stage}.py") | {ROOT / "stages/__init__.py"}


def test_the_package_itself_is_a_docstring() -> None:
    """Every stage imports it, and none has it among its deps."""
    (node,) = ast.parse((ROOT / "src/elbowroom/__init__.py").read_text()).body
    assert isinstance(node, ast.Expr)


@pytest.mark.parametrize("stage", PIPELINE)
def test_data_files_beside_a_reached_module_are_deps_too(stage: str) -> None:
    """published.py reads published.yaml; report.py its templates."""
    deps = PIPELINE[stage].get("do", PIPELINE[stage])["deps"]
    assert ("src/elbowroom/comparison/published.py" in deps) == ("src/elbowroom/comparison/published.yaml" in deps)
    assert ("src/elbowroom/report/pages.py" in deps) == ("src/elbowroom/report/templates" in deps)


@pytest.mark.parametrize("study", sorted((ROOT / "studies").iterdir()), ids=lambda path: path.name)
def test_studies_have_the_same_pipeline(study: Path) -> None:
    """A copy, because DVC does not follow a link when it reads a commit; `make studies` makes it."""
    assert (study / "dvc.yaml").read_text() == (ROOT / "dvc.yaml").read_text()
    assert not (study / "dvc.yaml").is_symlink()
    for name, target in (("src", ROOT / "src"), ("stages", ROOT / "stages"), ("pages", study / "report")):
        assert (study / name).is_symlink()
        assert (study / name).resolve() == target.resolve()


def test_every_script_is_a_stage() -> None:
    scripts = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__"}
    assert scripts == set(PIPELINE)


@pytest.mark.parametrize("stage", ["compare", "report", "notebook"])
def test_stages_that_only_set_out_results_do_without_torch(stage: str) -> None:
    """Importing it takes seconds, and a newcomer waits for them."""
    code = f"import sys, stages.{stage}; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0  # noqa: S603


def test_stages_run_the_library_beside_them(tmp_path: Path) -> None:
    """Not an installed copy: `dvc exp run --temp` and linked studies depend on it."""
    (tmp_path / "src/elbowroom").mkdir(parents=True)
    (tmp_path / "stages").mkdir()
    (tmp_path / "src/elbowroom/__init__.py").write_text("beside = True\n")
    (tmp_path / "stages/__init__.py").write_text((ROOT / "stages/__init__.py").read_text())
    code = "import stages, elbowroom; print(elbowroom.beside)"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)  # noqa: S603
    assert done.stdout == "True\n"
