"""No Python file of the project loads a format that can run code, or passes text to a shell or the interpreter."""

import ast
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support import ROOT

MODULES = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
NAMES = {  # with their modules
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen"),
    *("subprocess.getoutput", "subprocess.getstatusoutput", "torch.save", "torch.hub.load"),
    *("yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "yaml.Loader", "yaml.UnsafeLoader"),
}
METHODS = {"read_pickle", "to_pickle", "set_weights_only_load"}  # of any object
KEYWORDS = {"shell", "allow_pickle", "trust_remote_code"}  # that must not be true


def dangers(source: str) -> Iterator[str]:
    """Yield what a Python file uses of these, also by other names. Comments and strings do not count."""
    tree = ast.parse(source)
    meant: dict[str, str] = {}  # a name in this file -> its full name
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            meant |= {a.asname: a.name for a in node.names if a.asname}
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            meant |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            yield from [node.module] if (node.module or "").split(".")[0] in MODULES else []

    def full(node: ast.AST) -> str:
        if isinstance(node, ast.Attribute):
            return f"{full(node.value)}.{node.attr}"
        return meant.get(node.id, node.id) if isinstance(node, ast.Name) else ""

    for node in ast.walk(tree):
        name = full(node).removeprefix("builtins.")
        if name in NAMES or (isinstance(node, ast.Attribute) and node.attr in METHODS):
            yield name
        if isinstance(node, ast.Call):
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            weights = given.get("weights_only")
            if full(node.func) == "torch.load" and not (isinstance(weights, ast.Constant) and weights.value is True):
                yield "torch.load without weights_only"
            for key in KEYWORDS & {*given}:
                if not (isinstance(given[key], ast.Constant) and given[key].value is False):
                    yield key
            kind = given.get("typ")
            if full(node.func).endswith("YAML") and isinstance(kind, ast.Constant) and kind.value == "unsafe":
                yield "an unsafe YAML"


def python_files() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    return subprocess.check_output(command, cwd=ROOT, text=True).splitlines()  # noqa: S603


def test_the_project_uses_none_of_them() -> None:
    files = python_files()
    assert {"src/elbowroom/core/files.py", "stages/train.py", "tests/unit/test_safety.py", ".dvc/page/build.py"} <= {
        *files
    }
    found = {file: said for file in files if (said := list(dangers((ROOT / file).read_text(encoding="utf-8"))))}
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import joblib as j",
        "from dill import loads",
        "import torch as t\nt.load('x')",
        "from torch import load as read\nread('x')",
        "import torch\ntorch.load('x', weights_only=False)",
        "import yaml\nyaml.load(text, yaml.SafeLoader)",
        "from yaml import unsafe_load\nunsafe_load(text)",
        "from ruamel.yaml import YAML\nYAML(typ='unsafe')",
        "eval('1')",
        "run = exec\nrun('x')",
        "import builtins\nbuiltins.eval('1')",
        "import os as o\no.system('ls ' + name)",
        "import subprocess\nsubprocess.run(f'ls {name}', shell=True)",
        "import subprocess\nsubprocess.run(command, shell=really)",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import pandas as pd\npd.read_pickle('x')",
    ],
)
def test_each_of_them_is_found(source: str) -> None:
    assert list(dangers(source))


def test_mentions_of_them_are_not_found() -> None:
    source = '"""No pickle, no eval()."""\n# yaml.load\nmodel.eval()\nimport torch\ntorch.load(p, weights_only=True)\n'
    source += "import yaml\nyaml.safe_load('import pickle')\nre.compile('a')\nrun(command, shell=False)"
    assert list(dangers(source)) == []


def test_no_command_in_dvc_yaml_contains_a_name() -> None:
    """The shell would run a variant called `a; rm -rf b` before any stage could refuse it."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    commands = [stage.get("do", stage)["cmd"] for stage in stages]
    assert len(commands) == 12
    assert not [command for command in commands if "${" in command]


@pytest.mark.parametrize(
    ("said", "status", "expected", "printed"),
    [
        ("No known vulnerabilities found", 0, 0, "No known vulnerabilities found"),
        ("Found 1 known vulnerability in 1 package\nname 1.0 PYSEC-1", 1, 2, "PYSEC-1"),
        ("requests.exceptions.ConnectionError: no such host", 1, 0, "audit: skipped, no answer from osv.dev"),
    ],
)
def test_the_audit_fails_only_for_known_vulnerabilities(
    tmp_path: Path, said: str, status: int, expected: int, printed: str
) -> None:
    """If it cannot reach its database, it says so in one line and passes."""
    program = tmp_path / "pip-audit"
    program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{said}\nEND\nexit {status}\n")
    program.chmod(0o755)
    command = ["make", "--no-print-directory", "-o", ".venv/.ready", "audit", f"PATH={tmp_path}:{os.environ['PATH']}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)  # noqa: S603
    assert done.returncode == expected, done.stderr
    assert printed in done.stdout
    assert len(done.stdout.splitlines()) == len(said.splitlines())
