"""Which files a stage reads and writes: what dvc.yaml declares, its code, and where large files lie."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from elbowroom.cluster.task import StageTask
from elbowroom.core.code_digest import SRC
from elbowroom.core.errors import StudyError
from elbowroom.core.paths import PARAMS, note_file

LARGE = 1 << 20  # bytes: a file of more is sent once to a cluster


@dataclass(frozen=True)
class Declared:
    """What a stage of dvc.yaml reads and writes, paths from the study's folder."""

    deps: list[str]
    outputs: list[str]


def declared(stage: str) -> Declared:
    """Return what dvc.yaml declares of a stage, such as train@mnist-z128."""
    kind, _, key = stage.partition("@")
    entry: dict[str, Any] = _read(Path("dvc.yaml"))["stages"][kind]
    item: Any = None
    if "foreach" in entry:
        section = re.fullmatch(r"\$\{(\w+)\}", entry["foreach"])
        item = _read(PARAMS)[section[1]][key] if section else None
        entry = entry["do"]

    def resolved(found: re.Match[str]) -> str:
        return key if found[1] == "key" else item[found[1].removeprefix("item.")]

    def paths(kinds: Iterable[str]) -> list[str]:
        listed = [part for kind in kinds for part in entry.get(kind, [])]
        names = [part if isinstance(part, str) else next(iter(part)) for part in listed]
        return [re.sub(r"\$\{([\w.]+)\}", resolved, name) for name in names]

    return Declared(paths(["deps"]), paths(["outs", "metrics", "plots"]))


def _read(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def make_task(stage: str, command: list[str]) -> tuple[StageTask, dict[str, Path]]:
    """Return what to send for a stage, and where each large content lies here, by its sha256.

    command: the module and its arguments. Raises StudyError if a dependency is missing.
    """
    found = declared(stage)
    sources = dict(_code(command[0]))
    for name in [*found.deps, str(PARAMS)]:
        if not Path(name).exists():
            raise StudyError(f"{name}: not found, expected what {stage} depends on (`dvc repro {stage}` makes it)")
        sources.update({str(path): path for path in _files(Path(name))})
    small = {name: path.read_bytes() for name, path in sources.items() if path.stat().st_size <= LARGE}
    large = {name: _sha256(path) for name, path in sources.items() if name not in small}
    links = {
        path.parts[0]: Path(path.parts[0]) for path in map(Path, found.outputs) if Path(path.parts[0]).is_symlink()
    }
    notes = [str(note_file(stage, kind)) for kind in ("seconds", "error")]
    task = StageTask(
        stage=stage,
        command=["-m", *command],
        files=small,
        large=large,
        links={name: str(path.readlink()) for name, path in links.items()},
        outputs=found.outputs,
        notes=notes,
    )
    return task, {sha: sources[name] for name, sha in large.items()}


def _code(module: str) -> Iterator[tuple[str, Path]]:
    """Yield the code that a stage runs: where it is to lie in a sandbox, and where it lies here."""
    folders = {"src/elbowroom": SRC / "elbowroom"}
    if module.startswith("stages."):
        folders["stages"] = SRC.parent / "stages"
    for name, folder in folders.items():
        for path in _files(folder):
            yield str(name / path.relative_to(folder)), path


def _files(path: Path) -> Iterator[Path]:
    """Yield a file, or all files in a folder but what Python compiled."""
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file() and file.suffix != ".pyc":
            yield file


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
