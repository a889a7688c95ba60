"""`elbowroom repro`: check params.yaml, then run what is not up to date, several stages at a time."""

import os
import sys
from pathlib import Path

from elbowroom.app import answer
from elbowroom.core.params import load_study
from elbowroom.scheduler import local


def run(jobs: int) -> int:
    """Run the study in this folder, then print its answer. Return the exit status."""
    load_study()
    environment = str(Path(sys.executable).parent)  # whose dvc and python are used, activated or not
    os.environ["PATH"] = os.pathsep.join([environment, os.environ.get("PATH", os.defpath)])
    return local.run(jobs) or answer.run()
