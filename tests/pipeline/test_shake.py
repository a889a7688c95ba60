"""The shake test: without all the code that does not count for a stage, the stage leaves the same bytes.

What counts is found by reading the code. Here it is run: each stage on a tiny study, in a checkout from which every
definition is deleted that has no line in code/<stage>.json, and every module that the stage does not reach.
"""

import ast
import shutil
from pathlib import Path

import pytest
import yaml

from elbowroom.core.code_digest import SRC, Code
from elbowroom.core.pipeline import FOLDER_STAGES
from elbowroom.core.syntax import Module
from elbowroom.notebook.build import SOURCES
from tests.support import ROOT
from tests.support.checkout import Checkout

pytestmark = pytest.mark.dvc

FOLLOWED = frozenset({"check_code"})  # load_study has no line, but is called; only where DVC runs a stage is it checked
NAMES = {"prepare": "mnist", "baseline": "mnist", "judge": "cifar10"}
NAMES |= dict.fromkeys(["train", "evaluate", "figures", "explore"], "mnist-z128")
TIMES = "cost.csv"


class Shaken:
    """The code with what a stage may use, and no more."""

    def __init__(self, stage: str) -> None:
        self.code = Code()
        roots = self.code.roots(stage)
        cells = {f"elbowroom.notebook.{path.stem}" for path in SOURCES}
        self.whole = {"stages", *cells}  # cells are read as text
        self.kept = {(s.module.name, name) for s in self.code.counted(roots, FOLLOWED) for name in s.names}
        self.modules = [module.name for module in self.code._reached(roots)]

    def write(self, folder: Path) -> int:
        """Write the modules to src/ and stages/ there; return how many definitions are left out."""
        count = 0
        for name in self.modules:
            (path,) = [path for path in source_files(name) if path.is_file()]
            tree, module = ast.parse(path.read_text()), Module(name, path.read_bytes())
            dropped = {
                id(node)
                for node in tree.body
                for found in [Module(name, ast.unparse(node).encode()).definitions]
                if found and not any((module.name, key) in self.kept for key in found)
            }
            tree.body = [node for node in tree.body if id(node) not in dropped]
            target = folder / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            if name in self.whole:
                shutil.copy(path, target)
                continue
            count += len(dropped)
            target.write_text(ast.unparse(ast.fix_missing_locations(_Pruned(self).visit(tree))))
        for path in (folder / "src/elbowroom").rglob("*"):
            if path.is_dir() and not (path / "__init__.py").is_file():
                (path / "__init__.py").touch()
        (folder / "src/elbowroom/__init__.py").touch()
        return count

    def is_kept(self, origin: str) -> bool:
        """Is it another package's, a module that is there still, or a definition that counts?"""
        if origin.partition(".")[0] != "elbowroom":
            return True
        found = self.code._find(origin)
        return found[:2] in self.kept if found else origin in self.modules or not self.code.module(origin)


class _Pruned(ast.NodeTransformer):
    """Import no more what is left out, but the module itself: importing it may have effects."""

    def __init__(self, shaken: Shaken) -> None:
        self.shaken = shaken

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        names = [alias for alias in node.names if self.shaken.is_kept(f"{node.module}.{alias.name}")]
        if names:
            return ast.ImportFrom(node.module, names, 0)
        return ast.Import([ast.alias(str(node.module))])


def source_files(name: str) -> list[Path]:
    base = (ROOT if name.partition(".")[0] == "stages" else SRC).joinpath(*name.split("."))
    return [base / "__init__.py", base.with_suffix(".py")]


def results(study: Checkout, stage: str) -> dict[str, bytes]:
    """What the stage writes, by dvc.lock, but for the times that it took."""
    name = f"{stage}@{NAMES[stage]}" if stage in NAMES else stage
    outs = yaml.safe_load((study.path / "dvc.lock").read_text())["stages"][name]["outs"]
    paths = [study.path / out["path"] for out in outs]
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    return {str(file.relative_to(study.path)): file.read_bytes() for file in files if file.name != TIMES}


def run(study: Checkout, stage: str) -> dict[str, bytes]:
    """The stage's results, made anew by the code that is there, without DVC."""
    shutil.rmtree(study.path / ".checkpoints", ignore_errors=True)
    for file in results(study, stage):
        (study.path / file).unlink()
    study.run("python", "-m", f"stages.{stage}", *([NAMES[stage]] if stage in NAMES else []))
    return results(study, stage)


def test_a_definition_too_few_would_be_seen(tiny: Checkout, tmp_path: Path) -> None:
    shaken = Shaken("judge")
    (place,) = [place for place, name in shaken.kept if name == "train_judge"]
    shutil.copytree(tiny.path.parent.parent, tmp_path / "study", symlinks=True)
    study = tiny._replace(path=tmp_path / "study" / tiny.path.relative_to(tiny.path.parent.parent))
    for missing, status in ((set(), 0), ({(place, "train_judge")}, 1)):
        shaken.kept -= missing
        shaken.write(tmp_path / "study")
        assert ("train_judge" in study.run("python", "-m", "stages.judge", "mnist", status=status)) == bool(missing)


@pytest.mark.parametrize("stage", [stage for stage in Code().stages if stage not in FOLDER_STAGES])  # there is none
def test_without_the_code_that_does_not_count_a_stage_leaves_the_same(tiny: Checkout, stage: str) -> None:
    checkout = tiny.path.parent.parent
    if stage == "report":  # it says if the code is the commit's, and without most of it it is not
        with (checkout / "stages/train.py").open("a") as file:
            file.write("# another commit\n")
        run(tiny, stage)
    expected = results(tiny, stage)
    for name in ("src", "stages"):
        shutil.move(checkout / name, checkout / f"whole-{name}")
    try:
        for path in (checkout / "whole-src").rglob("*"):
            if path.is_file() and path.suffix not in (".py", ".pyc"):  # templates, published.yaml
                target = checkout / "src" / path.relative_to(checkout / "whole-src")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)
        assert Shaken(stage).write(checkout) > 5
        assert expected
        assert run(tiny, stage) == expected
    finally:
        for name in ("src", "stages"):
            shutil.rmtree(checkout / name)
            shutil.move(checkout / f"whole-{name}", checkout / name)
