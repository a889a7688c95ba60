"""A `python` and a `dvc` that start fast, for tests that run many short stages: a stage server runs their modules.

`python preloaded.py ADDRESS CLIENT` is such a server; CLIENT is the `python`. Its DVC reads and writes dvc.lock with
libyaml: to the same bytes, but six times as fast. It parses the same params.yaml once, not once for each stage.
"""

import contextlib
import copy
import os
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any, TextIO

import yaml

SRC = Path(__file__).parents[2] / "src"
DVC = (  # what DVC imports, and a notebook's kernel
    "dvc.cli.parser",
    "dvc.data_cloud",
    "dvc.lock",
    "dvc.repo.metrics",
    "dvc.repo.plots",
    "dvc.repo.reproduce",
    "ipykernel.ipkernel",
    "networkx",
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


def parse_yaml_once(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that parses YAML as DVC's does, but keeps what it made of a text, unless it has comments."""
    parsed = cache(parse)
    return lambda text, path, typ="safe": copy.deepcopy(parsed(text, path)) if typ == "safe" else parse(text, path, typ)


if __name__ == "__main__":
    sys.path.insert(0, str(SRC))
    import dvc.dvcfile
    import dvc.utils.serialize._yaml as dvc_yaml

    from elbowroom.scheduler.stage_server import LIBRARIES, serve

    dvc.dvcfile.modify_yaml = modify_yaml_by_libyaml
    dvc_yaml.parse_yaml = parse_yaml_once(dvc_yaml.parse_yaml)
    sys.executable = sys.argv[2]  # for a notebook's kernel
    os.environ.pop("PYTHONPATH", None)
    serve(sys.argv[1], [*LIBRARIES, *DVC])
