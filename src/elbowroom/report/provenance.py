"""Where a report comes from: the commit of its code, the versions of packages, the time that each stage took."""

import contextlib
import platform
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from elbowroom.core.paths import NOTES

SOURCES = ["params.yaml", "dvc.yaml", ":/stages", ":/src"]  # as git names them: it follows no links
PACKAGES = ["dvc", "torch", "numpy", "scikit-learn", "altair"]


def commit() -> str:
    """Return the commit of the study's code and settings, with a note if they changed since or there is none."""
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
    """Return the versions of Python and of the packages that measure and draw, as installed here.

    That of this package is left out if its code is beside the study: then the commit says which it is.
    """
    names = PACKAGES if Path("src").is_dir() else ["elbowroom", *PACKAGES]
    return [f"Python {platform.python_version()}", *(f"{name} {metadata.version(name)}" for name in names)]


@dataclass(frozen=True)
class StageTime:
    """The seconds that a stage took when it last ran in this checkout, without the start of Python and its packages.

    runs: for how many variants or datasets it ran. longest: the seconds of the longest of them.
    """

    stage: str
    runs: int
    total: float
    longest: float


def stage_times() -> list[StageTime]:
    """Return the time of each stage that ran in this checkout; one that was restored from a cache has none."""
    seconds: dict[str, list[float]] = {}
    for path in sorted(NOTES.glob("*.seconds")):
        with contextlib.suppress(OSError, ValueError):  # it is a note, not a result
            seconds.setdefault(path.stem.partition("@")[0], []).append(float(path.read_text()))
    return [StageTime(stage, len(took), sum(took), max(took)) for stage, took in seconds.items()]
