"""`elbowroom merge`: what git runs to merge a file of a study that two branches changed (docs/using-dvc.md).

Line by line, two variants added at the same place are a conflict, and choosing a side drops one of them. params.yaml is
therefore merged key by key, and dvc.lock stage by stage: of a stage that both changed, ours stays, and DVC runs it
again if it is not true. What else git hands over (.gitattributes) stays ours, since `dvc repro` makes it anew.
"""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from elbowroom.app.edit_params import drop_end, round_trip_parser
from elbowroom.core import files
from elbowroom.core.errors import StudyError
from elbowroom.core.paths import PARAMS

LOCK_DEPTH = 2  # dvc.lock: schema, stages.*: what is in an entry belongs together


def run(base: Path, ours: Path, theirs: Path, path: str) -> int:
    """Merge the changes from base to theirs into ours. Return 1, with git's conflict markers in it, if they conflict.

    base, ours, theirs: versions of the file. base is empty if there is none. path: where it is in the repository.
    """
    if Path(path).name == PARAMS.name:
        return _merge_params(base, ours, theirs, path)
    return _merge_lock(base, ours, theirs, path) if Path(path).name == "dvc.lock" else 0


def _merge_lock(base: Path, ours: Path, theirs: Path, path: str) -> int:
    try:
        was, now, other = (_load(YAML(typ="safe"), version) for version in (base, ours, theirs))
        merge_keys(was, now, other, LOCK_DEPTH)
    except (YAMLError, AttributeError):
        print(f"{path}: not as DVC writes it: `git checkout --ours {path}`, then `git add {path}`", file=sys.stderr)
        return 1
    _save(YAML(), now, ours)
    return 0


def _merge_params(base: Path, ours: Path, theirs: Path, path: str) -> int:
    for version in (base, ours, theirs):
        _read(version)
    command = ["git", "merge-file", "-p", str(ours), str(base), str(theirs)]
    lines = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)  # noqa: S603
    conflicts = ["lines that are no YAML"]
    try:
        expected = [_load(YAML(typ="safe"), version) for version in (base, ours, theirs)]
        conflicts = merge_keys(*expected)
        if not conflicts and not lines.returncode and YAML(typ="safe").load(lines.stdout) == expected[1]:
            files.write(ours, lines.stdout)  # with the comments of both
            return 0
        if not conflicts:
            documents = [_load(round_trip_parser(), version) for version in (base, ours, theirs)]
            merge_keys(*documents)
            _save(round_trip_parser(), documents[1], ours)
            if _load(YAML(typ="safe"), ours) == expected[1]:
                return 0
            conflicts = ["anchors, which stand for more than one key"]
    except (YAMLError, AttributeError):
        pass
    files.write(ours, lines.stdout)
    print(f"{path}: both branches changed {', '.join(conflicts)}: edit it, then `git add {path}`", file=sys.stderr)
    return 1


def merge_keys(base: Any, ours: Any, theirs: Any, depth: int = sys.maxsize, at: str = "") -> list[str]:
    """Make in the map ours the changes from base to theirs. Return the keys, as variants.a.beta, that both changed.

    Those stay ours. depth: from how many levels on a map is taken whole.
    """
    conflicts = []
    previous = None
    for key, value in theirs.items():
        was, now, name = base.get(key), ours.get(key), f"{at}{key}"
        if value in (was, now):
            pass
        elif key not in ours and key not in base:
            _insert(ours, previous, key, value)
        elif now == was:
            ours[key] = value
        elif depth > 1 and isinstance(now, dict) and isinstance(value, dict):
            below = was if isinstance(was, dict) else {}
            conflicts += merge_keys(below, now, value, depth - 1, f"{name}.")
        else:
            conflicts.append(name)
        if key in ours:
            previous = key
    for key in [key for key in base if key in ours and key not in theirs]:
        if ours[key] == base[key]:
            del ours[key]
        else:
            conflicts.append(f"{at}{key}")
    return conflicts


def _insert(ours: Any, previous: str | None, key: str, value: Any) -> None:
    """Put a key after the previous one; what follows the map in the file, as a comment, stays at its end."""
    if not isinstance(ours, CommentedMap):
        ours[key] = value
        return
    place = list(ours).index(previous) + 1 if previous in ours else 0
    if place == len(ours):
        drop_end(ours, previous)
        ours[key] = value
    else:
        ours.insert(place, key, value)
        drop_end(ours, key)


def _load(parser: YAML, path: Path) -> Any:
    return parser.load(_read(path)) or {}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no UTF-8"
        raise StudyError(f"{path}: cannot be read ({reason}), expected a version of a study's file") from None


def _save(parser: YAML, document: Any, path: Path) -> None:
    text = io.StringIO()
    parser.dump(document, text)
    files.write(path, text.getvalue())
