"""Carry files in parcels of a limited size, from a machine that sends only a few small files.

The bytes of all files, one after another, are cut into parcels. Each is a zip with its share of the bytes and the whole
list of files, so any parcels that arrived give back the files that lie in them, and say which are still missing.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elbowroom.core.errors import StudyError, short

SIZE = 15 * 2**20  # bytes of files in a parcel; with the list, a parcel has less than 16 MiB
LIST, BYTES = "list.json", "bytes"


@dataclass(frozen=True)
class Listed:
    """A file in the list. path: relative, as text. size: in bytes."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Arrived:
    """What came out of parcels: what the sender says of all of it, whole files by path, and what is still missing."""

    about: dict[str, Any]
    files: dict[str, bytes]
    missing: list[str]


def pack(root: Path, paths: Sequence[str], about: dict[str, Any], out: Path, wanted: range) -> int:
    """Write the wanted ones of the parcels that hold these files of root; return the number of all parcels."""
    contents = [(root / path).read_bytes() for path in paths]
    listed = [
        Listed(path, len(content), hashlib.sha256(content).hexdigest())
        for path, content in zip(paths, contents, strict=True)
    ]
    stream = memoryview(b"".join(contents))
    text = json.dumps({"about": about, "size": SIZE, "files": [vars(file) for file in listed]})
    count = max(1, -(-len(stream) // SIZE))
    out.mkdir(parents=True, exist_ok=True)
    for number in [number for number in range(count) if number in wanted]:
        with zipfile.ZipFile(out / f"parcel-{number}.zip", "w") as parcel:
            parcel.writestr(LIST, text)
            parcel.writestr(BYTES, stream[number * SIZE : (number + 1) * SIZE].tobytes())
    return count


def unpack(folder: Path) -> Arrived:
    """Read the parcels in a folder. Raises StudyError if there are none, or if they are damaged or of two runs."""
    parts: dict[int, bytes] = {}
    texts: dict[bytes, Path] = {}
    for path in sorted(folder.glob("parcel-*.zip")):
        try:
            with zipfile.ZipFile(path) as parcel:
                texts[parcel.read(LIST)] = path
                parts[int(path.stem.removeprefix("parcel-"))] = parcel.read(BYTES)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise StudyError(f"{path}: damaged or unreadable ({short(str(error))}), expected a parcel") from None
    if len(texts) != 1:
        found = f"parcels of {len(texts)} runs ({', '.join(map(str, texts.values()))})" if texts else "no parcel-*.zip"
        raise StudyError(f"{folder}: found {found}, expected the parcels of one run")
    sent = json.loads(next(iter(texts)))
    files, missing, start = {}, [], 0
    for file in [Listed(**entry) for entry in sent["files"]]:
        content = _slice(parts, sent["size"], start, start + file.size)
        start += file.size
        if content is None:
            missing.append(file.path)
        elif hashlib.sha256(content).hexdigest() != file.sha256:
            raise StudyError(f"{folder}: {file.path}: damaged (its sha256 differs), expected the file as it was packed")
        else:
            files[file.path] = content
    return Arrived(sent["about"], files, missing)


def _slice(parts: dict[int, bytes], size: int, start: int, end: int) -> bytes | None:
    """Return these bytes of the stream that was cut into parts of this size; None if a part of them is missing."""
    needed = range(start // size, -(-end // size))
    if any(number not in parts for number in needed):
        return None
    joined = b"".join(parts[number] for number in needed)
    first = needed.start * size
    return joined[start - first : end - first]


def cut(path: Path, folder: Path, size: int) -> None:
    """Copy a file to a folder, in pieces NAME.0, NAME.1, ... of `size` bytes if it is larger than that."""
    content = path.read_bytes()
    folder.mkdir(parents=True, exist_ok=True)
    if len(content) <= size:
        (folder / path.name).write_bytes(content)
        return
    for number, start in enumerate(range(0, len(content), size)):
        (folder / f"{path.name}.{number}").write_bytes(content[start : start + size])


def join(path: Path) -> None:
    """Make a file of the pieces that `cut` left beside it, unless it is there or has none."""
    if path.is_file() or not (pieces := list(_pieces(path))):
        return
    path.write_bytes(b"".join(piece.read_bytes() for piece in pieces))


def _pieces(path: Path) -> Iterator[Path]:
    number = 0
    while (piece := path.with_name(f"{path.name}.{number}")).is_file():
        yield piece
        number += 1
