"""A `python` and a `dvc` that start fast, for tests that run many short stages: a stage server runs their modules.

`python preloaded.py ADDRESS CLIENT` is such a server; CLIENT is the `python`. Its DVC reads and writes dvc.lock with
libyaml: to the same bytes, but six times as fast. It parses the same params.yaml once, not once for each stage, and
what this checkout has of pipelines and modules before the first.
"""

import ast
import contextlib
import copy
import gc
import os
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TextIO

import yaml

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
DVC = (  # what DVC imports, and a notebook's kernel
    "dvc.cli.parser",
    "dvc.data_cloud",
    "dvc.lock",
    "dvc.repo.metrics",
    "dvc.repo.plots",
    "dvc.repo.reproduce",
    "ipykernel.ipkernel",
    "networkx",
    "pygit2",
    "scmrepo.git",
)
CLIENT = """#!{python} -SE
import os, sys
if sys.argv[1:2] != ["-m"]:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
sys.path.insert(0, {src!r})
from elbowroom.scheduler import stage_client
os.environ[stage_client.ADDRESS] = {address!r}
stage_client.hand_over(sys.argv[2], sys.argv[3:])
"""


@contextlib.contextmanager
def preloaded_python(folder: Path) -> Iterator[Path]:
    """Provide a folder for PATH with such a `python` and `dvc` in it, which work inside the context."""
    address = str(folder / "python.socket")
    (folder / "bin").mkdir()
    client = folder / "bin/python"
    client.write_text(CLIENT.format(python=sys.executable, src=str(SRC), address=address))
    dvc = folder / "bin/dvc"
    dvc.write_text(f'#!/bin/sh\nexec "{client}" -m dvc "$@"\n')
    for file in (client, dvc):
        file.chmod(0o755)
    command = [sys.executable, __file__, address, str(client)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as server:  # noqa: S603
        while not Path(address).exists():
            assert server.poll() is None
            time.sleep(0.02)
        yield folder / "bin"
        server.terminate()


def modify_yaml_by_libyaml(path: str | Path, fs: Any = None) -> AbstractContextManager[dict[str, Any]]:
    """Do what dvc.utils.serialize.modify_yaml does, but for comments and layout, of which dvc.lock has none."""
    from dvc.utils.serialize._common import _modify_data

    return _modify_data(path, lambda text, _: yaml.CSafeLoader(text).get_single_data(), write_yaml, fs=fs)


def write_yaml(data: dict[str, Any], stream: TextIO) -> None:
    yaml.dump(data, stream, PlainDumper, sort_keys=False, default_flow_style=False)


class PlainDumper(yaml.CSafeDumper):
    """Writes OrderedDict as it writes dict."""


PlainDumper.add_representer(OrderedDict, PlainDumper.represent_dict)


def parse_yaml_fast(parse: Callable[..., Any], texts: Iterable[str]) -> Callable[..., Any]:
    """Return a function that parses YAML as DVC's does, but dvc.lock by libyaml, and another text once.

    texts: what to parse now. libyaml takes 1e-05 in a lock for a text, which is never one of a tiny study's settings.
    Comments are kept as by DVC's, which then parses anew.
    """
    parsed = {text: parse(text, "") for text in texts}

    def parse_fast(text: str, path: str | Path, typ: str = "safe") -> Any:
        if typ != "safe":
            return parse(text, path, typ)
        if str(path).endswith(".lock"):
            with contextlib.suppress(yaml.YAMLError):  # which DVC's own parser is to find
                return yaml.CSafeLoader(text).get_single_data() or {}
        if text not in parsed:
            parsed[text] = parse(text, path)
        return copy.deepcopy(parsed[text])

    return parse_fast


def parse_python_once(modules: Iterable[Path]) -> Callable[..., ast.AST]:
    """Return a function that parses as ast.parse, but has parsed these modules already. Nobody may change a tree."""
    parse = ast.parse
    trees = {source: parse(source) for source in (module.read_bytes() for module in modules)}

    def parse_once(source: str | bytes, *arguments: Any, **settings: Any) -> ast.AST:
        if isinstance(source, bytes) and source in trees and not arguments and settings.keys() <= {"filename"}:
            return trees[source]
        return parse(source, *arguments, **settings)

    return parse_once


if __name__ == "__main__":
    sys.path.insert(0, str(SRC))
    import dvc.dvcfile
    import dvc.utils.serialize._yaml as dvc_yaml
    import dvc.utils.strictyaml as strict_yaml

    from elbowroom.scheduler.stage_server import LIBRARIES, serve

    dvc.dvcfile.modify_yaml = modify_yaml_by_libyaml
    pipelines = [path.read_text(encoding="utf-8") for path in ROOT.glob("studies/quickstart/dvc.yaml")]
    dvc_yaml.parse_yaml = strict_yaml.parse_yaml = parse_yaml_fast(dvc_yaml.parse_yaml, pipelines)
    ast.parse = parse_python_once([*SRC.rglob("*.py"), *ROOT.glob("stages/*.py")])
    gc.disable()  # in short processes it finds nothing to free
    sys.executable = sys.argv[2]  # for a notebook's kernel
    os.environ.pop("PYTHONPATH", None)
    serve(sys.argv[1], [*LIBRARIES, *DVC])
