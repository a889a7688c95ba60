"""What the stage server saves: `make quickstart` in a fresh clone with it, then in another without it."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.settings import ROOT, Setting
from benchmarks.timing import row

WITH = ["-m", "elbowroom.scheduler.local"]
WITHOUT = [
    "-c",
    "import contextlib, sys; from elbowroom.scheduler import local;"
    "local.stage_server = lambda: contextlib.nullcontext('nobody'); sys.exit(local.main())",
]


def quickstart(_: dict[str, Setting]) -> Iterator[dict[str, Any]]:
    """Measure the quickstart as it was committed last, two stages at a time, once each way. Archives are there."""
    served, alone = (seconds(command) for command in (WITH, WITHOUT))
    yield row("quickstart", "with the stage server", [served], "s")
    yield row("quickstart", "with the stage server over without", [served / alone], "x")


def seconds(command: list[str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)  # noqa: S603, S607
        study = Path(folder) / "studies/quickstart"
        kept = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}  # as a user starts it
        environment = kept | {"PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "PYTHONPATH": f"{folder}/src"}
        start = time.perf_counter()
        subprocess.run([sys.executable, *command, "--jobs", "2"], cwd=study, env=environment, stdout=2, check=True)  # noqa: S603
        return time.perf_counter() - start
