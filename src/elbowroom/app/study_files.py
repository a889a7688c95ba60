"""What a study's folder has besides its settings: the pipeline, and what git and DVC need to know.

A study in a clone of elbowroom has links to the clone's code (docs/adr/0004-studies.md). A study anywhere else runs the
installed package, by the same pipeline (docs/adr/0017-study-anywhere.md).
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from elbowroom.core import files
from elbowroom.core.errors import StudyError, short

TEMPLATES = Path(__file__).with_name("templates")
INSTALLED = Path(__file__).parents[1] / "study_files"  # what the wheel has of the clone (pyproject.toml)
LINKS = {  # of a study in a clone, from its folder
    "src": "../../src",
    "stages": "../../stages",
    ".dvcignore": "../../.dvcignore",
    ".dvc/plots": "../../../.dvc/plots",
}
OTHER_NAMES = {"pages": "report", "sheets": "explorer"}  # by which DVC knows what git has (docs/adr/0001-pages.md)
COPIED = ("dvc.yaml", ".dvc/config", ".dvc/.gitignore")  # from the clone
KEPT = ("explorer", "listings", "models/explorer")  # folders that must be there before anything is in them
REPLACED = {  # in the dvc.yaml of a study outside of a clone
    "python -m stages.": "python -m elbowroom.stages.",
    "code: # src, stages ->": "code: # the installed package ->",
    "    deps: [src, stages]\n": "    always_changed: true # DVC cannot watch the installed package\n",
}
CACHE = "[cache]\n    dir = ../../../.dvc/cache\n"  # in a clone, all studies share the root's


@contextmanager
def writable(folder: str | Path) -> Iterator[None]:
    """Raise StudyError, in one line, if the folder of a study cannot be written."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or short(str(error))
        raise StudyError(f"{folder}: cannot be written ({reason}), expected a writable place") from None


@dataclass(frozen=True)
class Home:
    """Where a study is. clone: the clone that its folder is in, if any."""

    folder: Path
    clone: Path | None

    @classmethod
    def of(cls, name: str) -> Self:
        """Find the place for a new study. name: a folder; in a clone, a name alone is that of a folder in its studies.

        Raises StudyError if the folder has something in it, or is elsewhere in a clone.
        """
        clone = _clone_of(Path.cwd())
        folder = clone / "studies" / name if clone and os.path.basename(name) == name else Path(name).absolute()  # noqa: PTH119
        clone = _clone_of(folder)
        if clone and folder.parent.resolve() != clone / "studies":
            raise StudyError(f"{name}: found a folder in a clone of elbowroom, expected one in {clone / 'studies'}")
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise StudyError(f"{folder}: found something there, expected a new or an empty folder")
        return cls(folder, clone).checked()

    @classmethod
    def of_study(cls, folder: Path) -> Self:
        """Find the place of a study that is there. Raises StudyError if there is none, or it is a clone's own."""
        if not (folder / "dvc.yaml").is_file() or not (folder / ".dvc").is_dir():
            raise StudyError(f"found no dvc.yaml and .dvc in {folder}, expected a study's folder")
        clone = _clone_of(folder)
        if clone == folder.resolve():
            raise StudyError(f"{folder}: found a clone of elbowroom, whose pipeline is its own; expected a study")
        return cls(folder, clone).checked()

    def checked(self) -> Self:
        """Raise StudyError if there is no pipeline for this place."""
        if self.clone:
            for name in COPIED:
                if not (self.clone / name).is_file():
                    raise StudyError(f"{self.clone}: found no {name}, expected the clone's (`git checkout -- {name}`)")
        if not self.clone and not INSTALLED.is_dir():
            raise StudyError(
                f"{self.folder}: found a folder outside of the clone that this elbowroom runs from, expected a name "
                "alone, for a study in the clone (or an installed elbowroom: `pip install .` in the clone)"
            )
        return self

    def write(self) -> None:
        """Make the folder, all but its params.yaml."""
        source = self.clone or INSTALLED
        (self.folder / ".dvc").mkdir(parents=True)
        shutil.copy(source / ".dvc/.gitignore", self.folder / ".dvc")
        config = (source / ".dvc/config").read_text(encoding="utf-8")
        if self.clone:
            config = config.replace("[plots]", f"{CACHE}[plots]")
            for name, target in LINKS.items():
                (self.folder / name).symlink_to(target)
        files.write(self.folder / ".dvc/config", config)
        self.write_pipeline()
        if not self.clone:
            _git_init(self.folder)

    def write_pipeline(self) -> None:
        """Write dvc.yaml, and what goes with it."""
        for name, target in OTHER_NAMES.items():
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(target)
        for name in KEPT:
            files.write(self.folder / name / ".gitkeep", "")
        if self.clone:
            shutil.copy(self.clone / "dvc.yaml", self.folder)
            return
        pipeline = (INSTALLED / "dvc.yaml").read_text(encoding="utf-8")
        files.write(self.folder / "dvc.yaml", standalone(pipeline))
        shutil.copy(INSTALLED / ".dvcignore", self.folder)
        shutil.copytree(INSTALLED / ".dvc/plots", self.folder / ".dvc/plots", dirs_exist_ok=True)
        for name in ("gitignore", "gitattributes"):
            add_lines(TEMPLATES / name, self.folder / f".{name}")


def add_lines(source: Path, target: Path) -> None:
    """Add what a file lacks of another one's lines, below its own. One that is missing becomes a copy."""
    if not target.is_file():
        shutil.copy(source, target)
        return
    own = target.read_text(encoding="utf-8").splitlines()
    wanted = source.read_text(encoding="utf-8").splitlines()
    if lacking := [line for line in wanted if line and line not in own]:
        files.write(target, "\n".join([*own, *lacking, ""]))


def standalone(pipeline: str) -> str:
    """Return the dvc.yaml of a study outside of a clone, made from the clone's.

    Its stages are modules of the package, whose files DVC does not watch. So `code` always runs, which takes about a
    second; what it writes stays the same until another version of the package computes something else.
    """
    for old, new in REPLACED.items():
        if old not in pipeline:
            raise ValueError(f"dvc.yaml has no {old!r}")
        pipeline = pipeline.replace(old, new)
    return pipeline


def _git_init(folder: Path) -> None:
    try:
        subprocess.run(["git", "init", "--quiet", str(folder)], check=True)  # noqa: S603, S607
    except (OSError, subprocess.CalledProcessError) as error:
        raise StudyError(f"{folder}: git init failed ({error}), expected git, which DVC needs") from None


def _clone_of(path: Path) -> Path | None:
    """Return the clone of elbowroom that a path is in. A study in a clone has links to its src, and is none itself."""
    for folder in (path.resolve(), *path.resolve().parents):
        if (folder / "src/elbowroom").is_dir() and (folder / "stages").is_dir() and not (folder / "src").is_symlink():
            return folder
    return None
