"""A package imports only packages on the lines below its own, so it can be read without what stands above it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest

from tests.support import ROOT

LAYERS = """
                    stages
                app   notebook
                     api
         training  evaluation  report
             yardsticks
           vae   comparison   cluster
     datasets  results  figures  scheduler
                     core
"""
PACKAGE = ROOT / "src/elbowroom"
HEIGHT = {name: -number for number, line in enumerate(LAYERS.splitlines()) for name in line.split()}
LIMIT = 250  # lines of a module
TOP = {"__init__", "__main__"}  # with api, the only modules outside the packages; these two may import all of them
MODULES = [*sorted(PACKAGE.rglob("*.py")), *sorted((ROOT / "stages").glob("*.py"))]


def package(path: Path) -> str:
    """The folder that a module is in; for a module directly in src/elbowroom, its own name."""
    return path.stem if path.parent == PACKAGE else path.parent.name


def imported_packages(source: str) -> Iterator[tuple[int, str]]:
    """The line and the package of every import of ours, those inside functions included."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            first, *rest = name.split(".")
            if first in ("elbowroom", "stages"):
                yield node.lineno, rest[0] if first == "elbowroom" and rest else first


def test_contributing_draws_the_same() -> None:
    """There each line has its packages first, and then what they are for."""
    blocks = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```")
    (drawing,) = [block for block in blocks if block.startswith("\nstages/ ")]
    drawn = [set(takewhile(HEIGHT.__contains__, line.replace("/", " ").split())) for line in drawing.splitlines()]
    assert [row for row in drawn if row] == [set(line.split()) for line in LAYERS.splitlines() if line.strip()]


def test_every_module_is_in_a_package_of_the_drawing() -> None:
    assert {package(path) for path in MODULES} - TOP == set(HEIGHT)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_its_own_package_and_those_below_it(path: Path) -> None:
    mine = package(path)
    below = {name for name in HEIGHT if mine in TOP or HEIGHT[name] < HEIGHT[mine]}
    allowed = below if mine == "stages" else below | {mine}  # stages do not import each other
    imports = imported_packages(path.read_text(encoding="utf-8"))
    assert [f"line {line}: imports {other}" for line, other in imports if other not in allowed] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LIMIT


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import elbowroom.vae.model", "vae"),
        ("from elbowroom import vae", "vae"),
        ("from elbowroom.vae import model", "vae"),
        ("from elbowroom.vae.model import VAE as Model", "vae"),
        ("def f():\n    from elbowroom.vae.model import VAE", "vae"),
        ("from stages import train", "stages"),
        ("import stages.train", "stages"),
        ("import elbowroom", "elbowroom"),
    ],
)
def test_every_way_to_import_is_seen(source: str, expected: str) -> None:
    assert [name for _, name in imported_packages(source)] == [expected]


@pytest.mark.parametrize("library", ["torch", "pandas"])
def test_importing_elbowroom_does_not_import(library: str) -> None:
    code = f"import sys, elbowroom; sys.exit({library!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT / "src").returncode == 0  # noqa: S603


def test_settings_are_tested_without_torch_pandas_and_browser() -> None:
    """Those who work on params.yaml should not wait for their imports."""
    code = "import sys, tests.conftest, tests.unit.core.test_params; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split()  # noqa: S603
    assert not {"torch", "pandas", "playwright", "dvc"} & set(loaded)
