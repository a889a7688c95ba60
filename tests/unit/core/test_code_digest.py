"""The digests of code: what changes them and what does not, on small packages and on this one."""

import ast
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from elbowroom.core.code_digest import CUT, SCRIPT, SRC, Code
from elbowroom.core.errors import StudyError
from elbowroom.core.stage_digests import check_code, digest_file, running_code, stage_lines
from elbowroom.core.syntax import Module
from elbowroom.notebook.build import SOURCES
from tests.support import ROOT

Files = dict[str, str]
SMALL: Files = {
    "stages/__init__.py": "",
    "stages/s.py": '''
"""s: nothing -> nothing"""
from elbowroom.a import work
def main():
    return work(3)
if __name__ == "__main__":
    main()
''',
    "src/elbowroom/__init__.py": "import elbowroom.heavy",
    "src/elbowroom/a.py": '''
"""A module."""
import math
from elbowroom.b import helper, Row
from statistics import mean
LIMIT = 2
def work(x: int, scale: float = 1.0) -> float:
    """Work."""
    row = Row(x)
    found = helper(row.value) * LIMIT + mean([x, x])
    return f"{found:.3f} of {math.pi}", scale
def unused():
    return 1
''',
    "src/elbowroom/b.py": """
from dataclasses import dataclass
@dataclass
class Row:
    value: int
    def double(self):
        return 2 * self.value
def helper(x):
    return x + 1
""",
}


@pytest.fixture(scope="module")
def here() -> Code:
    """This package, whose modules are read once."""
    return Code()


def code(folder: Path, files: Files) -> Code:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Code(folder / "src")


def lines(folder: Path, *edits: tuple[str, str, str]) -> list[str]:
    """The digests of SMALL after these edits: the file, what stands there, what is put in its place."""
    files = dict(SMALL)
    for name, old, new in edits:
        path = f"src/elbowroom/{name}.py" if len(name) == 1 and name != "s" else "stages/s.py"
        assert old in files.get(path, ""), old
        files[path] = files[path].replace(old, new)
    shutil.rmtree(folder, ignore_errors=True)
    return code(folder, files).of_stage("s")


WORK = SMALL["src/elbowroom/a.py"].partition("LIMIT = 2\n")[2]
HELPER = "def helper(x):\n    return x + 1\n"
SAME = {
    "a comment": [("a", "LIMIT = 2\n", "LIMIT = 2  # at most\n")],
    "a docstring": [("a", '"""Work."""', '"""Work on x."""'), ("a", '"""A module."""', "")],
    "layout": [("a", "helper(row.value) * LIMIT", "(\n        helper( row.value )\n        * LIMIT\n    )")],
    "quotes": [("a", 'f"{found:.3f} of {math.pi}"', "f'{found:.3f} of {math.pi}'")],
    "an f-string in two parts": [("a", ".3f} of {", '.3f}" " of" f" {')],
    "the types of parameters": [("a", "(x: int, scale: float = 1.0) -> float", "(x, scale=1.0)")],
    "the order of imports": [
        (
            "a",
            "import math\nfrom elbowroom.b import helper, Row\n",
            "from elbowroom.b import Row, helper\nimport math\n",
        )
    ],
    "a name imported with its module": [("a", "import math", "from math import pi"), ("a", "math.pi", "pi")],
    "another name for a module": [("a", "import math", "import math as m"), ("a", "math.pi", "m.pi")],
    "another name for a function": [("a", "import helper,", "import helper as h,"), ("a", "helper(row", "h(row")],
    "a function found in its module": [
        ("a", "from elbowroom.b import helper, Row", "from elbowroom import b\nfrom elbowroom.b import Row"),
        ("a", "helper(row", "b.helper(row"),
    ],
    "an import inside a function": [
        ("a", "from statistics import mean\n", ""),
        ("a", "    row =", "    from statistics import mean\n    row ="),
    ],
    "a function moved": [("b", HELPER, ""), ("a", "helper, Row", "Row"), ("a", "LIMIT = 2\n", "LIMIT = 2\n" + HELPER)],
    "the order of definitions": [("b", HELPER, ""), ("b", "@dataclass\n", HELPER + "@dataclass\n")],
    "a function that nobody mentions": [
        ("a", "return 1", "return 2"),
        ("b", HELPER, HELPER + "def more():\n    return 3\n"),
    ],
    "an import that nobody needs of this package": [
        ("a", "import math\n", "import math\nfrom elbowroom.b import Row as Unused\n")
    ],
    "what only type checkers import": [("a", "import math\n", "import math\nif TYPE_CHECKING:\n    import pandas\n")],
    "windows' line ends": [("b", "\n", "\r\n")],
}
CHANGED = {
    "a number": [("a", "LIMIT = 2", "LIMIT = 3")],
    "a whole number": [("a", "scale: float = 1.0", "scale: float = 1")],
    "an operator": [("b", "x + 1", "x - 1")],
    "a method that nobody mentions": [("b", "2 * self", "3 * self")],
    "a decorator": [("b", "@dataclass\n", "@dataclass(frozen=True)\n")],
    "the type of a field": [("b", "value: int", "value: float")],
    "the text of an f-string": [("a", " of {", " in {")],
    "the format of an f-string": [("a", ":.3f", ":.4f")],
    "another origin": [("a", "from statistics import mean", "from numpy import mean")],
    "another origin by the same name": [("a", "import math", "import cmath as math")],
    "a function moved, and another in its place": [
        ("b", "def helper", "def helpers"),
        ("a", "LIMIT = 2\n", "LIMIT = 2\n" + HELPER.replace("1", "2")),
        ("a", "helper, Row", "Row"),
    ],
    "an effect": [("b", HELPER, HELPER + "print(1)\n")],
    "a function with an unknown decorator": [("b", "def helper", "@print\ndef more():\n    pass\ndef helper")],
    "an import for its effect": [("b", "from dataclasses", "import readline\nfrom dataclasses")],
    "a module imported for its effect": [("b", "from dataclasses", "import elbowroom.c\nfrom dataclasses")],
    "a guarded import": [("b", HELPER, HELPER + "try:\n    import cPickle\nexcept ImportError:\n    cPickle = None\n")],
    "the script": [("s", "work(3)", "work(4)")],
}


@pytest.mark.parametrize("edit", SAME)
def test_what_does_not_change_the_digests(tmp_path: Path, edit: str) -> None:
    assert lines(tmp_path / "a", *SAME[edit]) == lines(tmp_path / "b")


@pytest.mark.parametrize("edit", CHANGED)
def test_what_changes_them(tmp_path: Path, edit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SMALL, "src/elbowroom/c.py", "print('imported')\n")
    assert lines(tmp_path / "a", *CHANGED[edit]) != lines(tmp_path / "b")


def test_a_line_names_a_definition_and_one_edit_changes_one_line(tmp_path: Path) -> None:
    before, after = lines(tmp_path / "a"), lines(tmp_path / "b", ("b", "x + 1", "x + 2"))
    assert [line.split()[0] for line in before] == ["(on", "LIMIT", "Row", "helper", "main", "work"]
    assert [line.split()[0] for line in set(before) - set(after)] == ["helper"]
    assert json.loads(digest_file(before)) == before
    assert digest_file(before).count(b"\n") == len(before) + 2


def counted(folder: Path, body: str, others: str) -> set[str]:
    """The definitions that count if the script's main has this body, of those in another module."""
    script = f"from elbowroom import c\nfrom elbowroom.c import *\n{body}\n".replace("from elbowroom.c import *\n", "")
    files = SMALL | {"stages/s.py": script, "src/elbowroom/c.py": others}
    found = code(folder, files).counted(["stages.s"])
    return {name for statement in found for name in statement.names if statement.module.name == "elbowroom.c"}


OTHERS = "def f(): return g\ndef g(): return h()\ndef h(): return f\ndef i(): return 'f'\nclass j: pass\nf_ = 1\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("c.f()", {"f", "g", "h"}),
        ("c.j()", {"j"}),
        ("print(x.i)", {"f", "g", "h", "i"}),  # x may be anything, so `i` may be this one
        ("d = {'j': 1}", {"j"}),
        ("print('a j in a sentence')", set()),
        ("def main(x: c.j): pass", {"j"}),  # whoever takes it uses what it is
        ("import numpy as np\nnp.f()", set()),
        ("import numpy as np\nnp.x().f()", {"f", "g", "h"}),
        ("f = 1", set()),  # a variable of its own
    ],
)
def test_what_is_mentioned_counts(tmp_path: Path, body: str, expected: set[str]) -> None:
    assert counted(tmp_path, body, OTHERS) == expected


def test_a_name_handed_on_by_another_module_is_that_of_its_origin(tmp_path: Path) -> None:
    handed = {"src/elbowroom/c.py": "from elbowroom.b import helper as handed\n"}
    edits = (
        "from elbowroom.b import helper, Row",
        "from elbowroom.b import Row\nfrom elbowroom.c import handed as helper",
    )
    files = SMALL | handed | {"src/elbowroom/a.py": SMALL["src/elbowroom/a.py"].replace(*edits)}
    assert code(tmp_path / "a", files).of_stage("s") == lines(tmp_path / "b")


def test_two_definitions_of_one_name_are_told_apart(tmp_path: Path) -> None:
    files = SMALL | {
        "stages/s.py": "from elbowroom import b, c\nprint(b.helper(1), c.helper(1))\n",
        "src/elbowroom/c.py": HELPER.replace("1", "2"),
    }
    names = [line.split()[0] for line in code(tmp_path / "a", files).of_stage("s")]
    assert names == ["(on", "elbowroom.b.helper", "elbowroom.c.helper"]
    swapped = files | {"stages/s.py": "from elbowroom import b, c\nprint(c.helper(1), b.helper(1))\n"}
    assert code(tmp_path / "a", files).of_stage("s") != code(tmp_path / "b", swapped).of_stage("s")


def test_a_file_that_is_read_beside_a_module_counts(tmp_path: Path) -> None:
    """A file or a folder of them, if its constant is mentioned: a line for each file."""
    files = SMALL | {
        "stages/s.py": "from elbowroom.c import PAGES\nprint(PAGES)\n",
        "src/elbowroom/c.py": """
from pathlib import Path
PAGES = Path(__file__).with_name("pages")
CLAIMS = Path(__file__).with_name("claims.yaml")
""",
        "src/elbowroom/pages/a.j2": "a",
        "src/elbowroom/pages/in/b.j2": "b",
        "src/elbowroom/pages/.a.j2.swp": "",
        "src/elbowroom/claims.yaml": "c",
    }

    def found(**edits: str) -> dict[str, str]:
        edited = files | {f"src/elbowroom/{name}": text for name, text in edits.items()}
        return dict(line.rsplit(" ", 1) for line in stage_lines(code(tmp_path, edited), "s"))

    before = found()
    assert before.keys() == {"(on import)", "PAGES", "pages/a.j2", "pages/in/b.j2"}
    assert found(**{"claims.yaml": "d"}) == before
    after = found(**{"pages/a.j2": "d"})
    assert [name for name in before if before[name] != after[name]] == ["pages/a.j2"]


def test_an_installed_package_has_the_digests_of_its_checkout(tmp_path: Path) -> None:
    """There the scripts are in the package, as the wheel has them."""
    installed = copied(tmp_path)
    shutil.move(installed / "stages", installed / "src/elbowroom/stages")
    here, there = running_code(), running_code(installed / "src")
    assert there.stages == here.stages
    assert [stage_lines(there, stage) for stage in there.stages] == [stage_lines(here, stage) for stage in here.stages]


def test_the_settings_are_not_followed(tmp_path: Path) -> None:
    files = SMALL | {"src/elbowroom/c.py": "def load_study(): return check()\ndef check(): return 1\n"}
    files["stages/s.py"] = "from elbowroom.c import load_study\nload_study()\n"
    assert [line.split()[0] for line in code(tmp_path, files).of_stage("s")] == ["(on"]
    names = {
        name for statement in Code(tmp_path / "src").counted(["stages.s"], frozenset()) for name in statement.names
    }
    assert names == {"load_study", "check"}


def test_what_is_cut_exists() -> None:
    found = {name for path in SRC.rglob("*.py") for name in Module("", path.read_bytes()).definitions}
    assert found >= CUT


def test_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    broken = code(tmp_path, SMALL | {"src/elbowroom/b.py": "def helper(:\n"})
    with pytest.raises(
        StudyError, match=r"elbowroom/b.py: found no Python \(invalid syntax \(elbowroom.b, line 1\)\), "
    ):
        broken.of_stage("s")
    with pytest.raises(StudyError, match=r"elbowroom.a.nothing: found no such definition, expected"):
        code(tmp_path, SMALL).lines(["elbowroom.a.nothing"])
    with pytest.raises(StudyError, match=r"elbowroom.nothing: found no such definition"):
        code(tmp_path, SMALL).lines(["elbowroom.nothing"])


def test_a_stage_is_refused_unless_its_digests_are_those_of_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("code/judge.json")
    with pytest.raises(StudyError, match=r"^code/judge.json: found the digests of other code .* run `dvc repro`"):
        check_code("judge@mnist")
    path.parent.mkdir()
    path.write_bytes(digest_file(stage_lines(running_code(), "judge")))
    for stage in ("judge@mnist", "judge", "dvc.yaml:judge@mnist", "code"):
        check_code(stage)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(StudyError, match="found the digests of other code"):
        check_code("judge@mnist")


PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"


def pythons() -> list[str]:
    """Other Pythons on this machine that the project supports."""
    found = [shutil.which(f"python3.{minor}") for minor in range(11, 20) if minor != sys.version_info.minor]
    kept = [path for path in found if path and "shims" not in path] + sorted(
        map(str, PYENV.glob("3.1[1-9].*/bin/python"))
    )
    return [path for path in kept if f"/3.{sys.version_info.minor}." not in path]


@pytest.mark.parametrize("python", pythons())
def test_other_pythons_find_the_same(python: str, here: Code) -> None:
    """On this code, whose f-strings, generics and so on they parse each in their own way."""
    program = (
        "from elbowroom.core.code_digest import Code; code = Code(); print([code.of_stage(s) for s in code.stages])"
    )
    command, environment = [python, "-c", program], os.environ | {"PYTHONPATH": str(SRC)}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)  # noqa: S603
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str([here.of_stage(stage) for stage in here.stages])


# --- this package ------------------------------------------------------------------------------------------------


def modules() -> dict[str, Path]:
    """Those of the package and the scripts, by name."""
    files = [path for folder in (SRC, ROOT / "stages") for path in folder.rglob("*.py")]
    named = {}
    for path in files:
        parts = path.relative_to(SRC if path.is_relative_to(SRC) else ROOT).with_suffix("").parts
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


def copied(folder: Path) -> Path:
    for name in ("src", "stages"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    return folder


class Mutation(ast.NodeTransformer):
    """Change the first number or operator in a tree, if there is one."""

    done = False

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if self.done or type(node.value) not in (int, float):
            return node
        self.done = True
        return ast.Constant(node.value + 1)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if self.done or type(node.op) not in (ast.Add, ast.Sub, ast.Mult):
            return self.generic_visit(node)
        self.done = True
        return ast.BinOp(node.left, ast.Mod(), node.right)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        if self.done or type(node.ops[0]) not in (ast.Lt, ast.Gt, ast.Eq):
            return self.generic_visit(node)
        self.done = True
        return ast.Compare(node.left, [ast.NotEq(), *node.ops[1:]], node.comparators)


def labelled(found: list[str]) -> dict[str, str]:
    return dict(line.rsplit(" ", 1) for line in found if not line.startswith("("))


@pytest.mark.parametrize("seed", range(3))
def test_each_change_of_a_definition_moves_its_line_and_no_other(tmp_path: Path, seed: int, here: Code) -> None:
    """Change a number or an operator in half of all definitions, chosen by chance.

    The files are written anew, so their comments and layout go, too.
    """
    dice, changed = random.Random(seed), set()  # noqa: S311
    folder = copied(tmp_path)
    for name, path in modules().items():
        tree = ast.parse(path.read_text())
        for number, node in enumerate(tree.body):
            defined = [key for key, value in Module(name, ast.unparse(node).encode()).definitions.items() if value]
            mutation = Mutation()
            if defined and dice.random() < 0.5:
                tree.body[number] = mutation.visit(node)
                changed |= {f"{name}.{key}" for key in defined} if mutation.done else set()
        (folder / path.relative_to(ROOT)).write_text(ast.unparse(ast.fix_missing_locations(tree)))
    assert len(changed) > 50
    after = Code(folder / "src")
    for stage in here.stages:
        old, new = labelled(here.of_stage(stage)), labelled(after.of_stage(stage))
        assert old.keys() == new.keys()
        expected = {
            f"{statement.module.name}.{name}": name
            for statement in here.counted(here.roots(stage))
            for name in statement.names[:1]
        }
        for full, name in expected.items():
            label = full if full in old else name
            assert (old[label] != new[label]) == (full in changed), (stage, label)


# What a digest cannot see, and so may not be used: what finds a definition without a mention of its name, what
# reads docstrings or the types of parameters, and what changes something unseen while a module is imported.
SERVER = "elbowroom.scheduler.stage_server"  # no stage, but what runs stages
UNSEEN = {"globals", "locals", "__import__", "import_module", "__subclasses__", "__init_subclass__"}
UNSEEN |= {"__doc__", "__dict__", "__annotations__", "get_type_hints", "signature", "getsource", "singledispatch"}
UNSEEN |= {"validate_call", "computed_field", "sys.modules"}
SEEN = {("elbowroom.results.schema", "get_type_hints")}  # it reads those of a class, which count
BY_NAME = {"getattr", "setattr", "delattr", "attrgetter", "vars"}  # of a module
QUIET = {  # calls in the value of a constant that change nothing: a new one may be added here
    "Path",
    "with_name",
    "compile",
    "frozenset",
    "set",
    "dict",
    "tuple",
    "list",
    "float",
    "fromkeys",
    "items",
    "keys",
    "Field",
    "StringConstraints",
    "Discriminator",
    "Tag",
    "AfterValidator",
    "BeforeValidator",
    "TypeVar",
    "NewType",
    "namedtuple",
    "get_args",
    "finfo",
    "_replace",
    "number",
    "_mean",
    "_count",
    "_percent",
    "fields",
    "columns",
}


def unseen(name: str, source: str, known: Code | None = None) -> Iterator[str]:
    """What a module uses that the digests cannot see."""
    tree, read, known = ast.parse(source), Module(name, source.encode()), known or Code()
    shown = {  # of argparse, on the command line alone
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("ArgumentParser")
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        text = ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""
        attribute = text.rpartition(".")[2] if text != "environment.globals" else ""  # jinja2's
        if id(node) not in shown and {text, attribute} & UNSEEN and (name, text) not in SEEN:
            yield text
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in UNSEEN:
            yield node.name
        if isinstance(node, ast.Global):
            yield f"global {', '.join(node.names)}"
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in BY_NAME:
            origin = read.origins.get(ast.unparse(node.args[0]), "")
            if known.module(origin):
                yield ast.unparse(node)
        if isinstance(node, ast.Import) and any(alias.name == "elbowroom" for alias in node.names):
            yield "import elbowroom"
        if isinstance(node, ast.ImportFrom):
            if node.level or any(alias.name == "*" for alias in node.names):
                yield ast.unparse(node)
            if node.module == "elbowroom":
                yield from (f"elbowroom.{a.name}" for a in node.names if not known.module(f"elbowroom.{a.name}"))
        if isinstance(node, ast.ClassDef):
            fields = [part.annotation for part in node.body if isinstance(part, ast.AnnAssign)]
            yield from (field.value for field in fields if isinstance(field, ast.Constant) and " " in str(field.value))
    doubled = [origin for origin in read.origins.values() if "|" in origin and "elbowroom." in origin]
    yield from (f"two meanings of a name: {origin}" for origin in doubled)
    if any(imported.partition(".")[0] == "stages" for imported in read.imports):
        yield "a stage"
    if name in {f"elbowroom.notebook.{source.stem}" for source in SOURCES}:  # each statement of them counts
        return
    yield from (f"{key} defined twice" for key, found in read.definitions.items() if len(found) > 1)
    for statement in read.statements:
        for node in statement.nodes:
            if isinstance(node, ast.Assign | ast.AnnAssign) and statement.names:
                called = [ast.unparse(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)]
                quiet = [text.rpartition(".")[2] in QUIET or makes_a_row(text, read, known) for text in called]
                yield from itertools.compress(called, [not silent for silent in quiet])


def makes_a_row(text: str, read: Module, known: Code) -> bool:
    """Whether a call makes an instance of a dataclass or NamedTuple of the package, which changes nothing else."""
    found = known._find(read.origins.get(text, ""))
    (node,) = known.module(found[0]).definitions[found[1]][0].nodes if found else [None]
    if not isinstance(node, ast.ClassDef):
        return False
    return any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list) or any(
        ast.unparse(base) == "NamedTuple" for base in node.bases
    )


def test_no_stage_reaches_the_server_that_runs_modules_by_their_names(here: Code) -> None:
    reached = {module.name for stage in here.stages for module in here._reached(here.roots(stage))}
    assert "elbowroom.scheduler.stage_client" in reached
    assert SERVER not in reached


@pytest.mark.parametrize("name", sorted({*modules()} - {"elbowroom", SERVER}))
def test_no_module_uses_what_the_digests_cannot_see(name: str) -> None:
    assert list(unseen(name, modules()[name].read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "from elbowroom import figures\ngetattr(figures, name)()",
        "from elbowroom import figures as drawn\nvars(drawn)[name]()",
        "globals()[name]()",
        "from importlib import import_module\nimport_module(name)",
        "for kind in Base.__subclasses__(): kind()",
        "class Base:\n    def __init_subclass__(cls): cls.all.append(cls)",
        "print(main.__doc__)",
        "import sys\nsys.modules[name].main()",
        "import elbowroom\nelbowroom.load()",
        "from elbowroom import load",
        "from elbowroom.paths import *",
        "from . import paths",
        "from stages.train import main",
        "from elbowroom.paths import data_file as f\ndef g():\n    from elbowroom.paths import model_file as f",
        "DONE = register(main)",
        "def f(): pass\ndef f(): return 1",
        "class Row:\n    made: 'Callable[[int], Row]'",
        "def f():\n    global COUNT\n    COUNT = 1",
    ],
)
def test_each_is_found(source: str) -> None:
    assert list(unseen("elbowroom.x", source))


def test_packages_have_no_code_of_their_own() -> None:
    """The root package may have some: it is for users, and no stage may use it."""
    for path in SRC.rglob("__init__.py"):
        if path.parent.name != "elbowroom":
            assert [type(node) for node in ast.parse(path.read_text()).body] == [ast.Expr], path


def test_the_script_is_in_no_stage(here: Code) -> None:
    """What makes the digests counts for training alone, whose checkpoints are named by one."""
    for stage in here.stages:
        found = {statement.module.name for statement in here.counted(here.roots(stage))}
        assert f"stages.{SCRIPT}" not in found
        assert stage == "train" or not re.search(r"\bcore\.(code_digest|syntax)\b", " ".join(found))
