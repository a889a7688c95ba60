"""Where a report comes from: the commit, the versions, the time that stages took."""

import contextlib
import platform
import subprocess
from importlib import metadata

import pandas as pd

from elbowroom.core.paths import NOTES

SOURCES = ["params.yaml", "dvc.yaml", ":/stages", ":/src"]  # as git has them, which follows no links
PACKAGES = ["dvc", "torch", "numpy", "scikit-learn", "altair"]


def commit() -> str:
    """The commit of the study's code and settings, and whether they were changed since; or that there is none."""
    try:
        name = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--", *SOURCES)
    except (OSError, subprocess.CalledProcessError):
        return "unknown (no git, or no commit)"
    return f"{name}, changed since" if changed else name


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603


def versions() -> list[str]:
    """Python's and those of what measures and draws, as installed here."""
    return [f"Python {platform.python_version()}", *(f"{name} {metadata.version(name)}" for name in PACKAGES)]


def seconds() -> pd.DataFrame:
    """What stages took when they last ran in this checkout: stage, runs (as many variants or datasets), total, longest.

    Without the time in which Python and its packages start. Stages that were taken from a cache have none.
    """
    rows = []
    for path in sorted(NOTES.glob("*.seconds")):
        with contextlib.suppress(OSError, ValueError):  # a note, no result
            rows.append((path.stem.partition("@")[0], float(path.read_text())))
    stages = pd.DataFrame(rows, columns=["stage", "seconds"]).groupby("stage", sort=False).seconds
    return stages.agg(runs="count", total="sum", longest="max").reset_index()
