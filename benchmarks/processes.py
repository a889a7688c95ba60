"""Measurements that want a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.settings import ROOT

PATHS = [f"{ROOT}/src", *filter(None, [os.environ.get("PYTHONPATH")])]  # the library beside this comes first


def python(*arguments: str, folder: Path = ROOT) -> str:
    """What it prints. Raises CalledProcessError where it fails; its own words are on standard error."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(PATHS)}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return done.stdout
