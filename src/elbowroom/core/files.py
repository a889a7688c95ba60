"""Write files atomically, with the same bytes for the same content. Read them back with checks, without pickle."""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from elbowroom.core.errors import StudyError, short

if TYPE_CHECKING:
    from pandas import DataFrame

Arrays = dict[str, np.ndarray]


def write(path: Path, content: bytes | str) -> None:
    """Write a file atomically: readers see the old content or the new, never a part of it, even after a power cut.

    Raises StudyError if it cannot be written. The old file is then still there.
    """
    _write(path, lambda part: part.write_bytes(content.encode() if isinstance(content, str) else content))


def _write(path: Path, fill: Callable[[Path], object]) -> None:
    """Write a file as `write` does. fill: writes it as another one beside it."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        part.touch()
        mode = part.stat().st_mode  # what the user's umask says, and not safetensors, which lets nobody else read
        fill(part)
        part.chmod(mode)
        _sync(part)
        part.replace(path)
        _sync(path.parent)  # the file's new name is stored there
    except (OSError, SafetensorError) as error:
        raise StudyError(f"{path}: cannot be written ({_reason(error)}), expected a writable place") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    """Say why a write failed. safetensors has the system's error number only in its text."""
    number = re.search(r"\(os error (\d+)\)", str(error))
    return os.strerror(int(number[1])) if number else getattr(error, "strerror", None) or short(str(error))


def _remove_leftovers(path: Path) -> None:
    """Remove the parts of this file that killed processes left behind."""
    for part in path.parent.glob(f".{path.name}.*.part"):
        try:
            os.kill(int(part.name.split(".")[-2]), 0)  # signal 0: only asks whether the process is alive
        except ProcessLookupError:
            part.unlink(missing_ok=True)
        except PermissionError:  # alive, of another user
            continue


def _sync(path: Path) -> None:
    """Put what is written to a file or a folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def save_json(path: Path, content: Any) -> None:
    """Write JSON, indented, as `write` does."""
    write(path, json.dumps(content, indent=2) + "\n")


def save_csv(path: Path, table: "DataFrame") -> None:
    """Write a table without its index, as `write` does."""
    write(path, table.to_csv(index=False, lineterminator="\n"))


def load_csv(path: Path, texts: Collection[str] = ()) -> "DataFrame":
    """Read a table. texts: the columns that hold text, so that a variant may be called `nan`.

    An empty cell is "" in a column of texts, and NaN in any other.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(texts, str), keep_default_na=False, na_values=[""])
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, ValueError, OverflowError) as error:
        raise _unreadable(path, error, "a table that this pipeline wrote") from None
    return table.fillna(dict.fromkeys(table.columns.intersection([*texts]), ""))


def save_arrays(path: Path, arrays: Arrays, header: dict[str, Any]) -> None:
    """Write arrays and a header as safetensors, with the sha256 of both.

    Header and sha256 are one JSON text: safetensors does not keep the order of several entries, so bytes would vary.
    """
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    sealed = {"header": header, "sha256": digest(contiguous, header)}
    metadata = {"elbowroom": json.dumps(sealed, sort_keys=True)}
    _write(path, lambda part: save_file(contiguous, part, metadata))  # copies nothing: arrays may fill the memory


def load_arrays(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """Read the arrays and the header that save_arrays wrote. Raises StudyError if they are not what was written."""
    try:
        with safe_open(path, framework="numpy") as file:
            sealed = json.loads((file.metadata() or {})["elbowroom"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        header = sealed["header"]
        sound = isinstance(header, dict) and sealed["sha256"] == digest(arrays, header)
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, SafetensorError, AttributeError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise _unreadable(path, error, "a safetensors file that this pipeline wrote") from None
    if not sound:
        raise StudyError(
            f"{path}: damaged (its sha256 differs from the one it states), expected a file as this pipeline wrote it"
        )
    return arrays, header


def digest(arrays: Arrays, header: dict[str, Any]) -> str:
    """Return the sha256 of a header and of contiguous arrays with their names, types and shapes."""
    hashed = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        hashed.update(f"{name} {array.dtype} {array.shape}".encode())
        hashed.update(array.data)
    return hashed.hexdigest()


def check_arrays(path: Path, arrays: Arrays, expected: dict[str, tuple[str, tuple[int, ...]]]) -> None:
    """Raise StudyError, naming the first wrong array, unless the arrays have these names, types and shapes.

    expected: name -> (type, shape).
    """
    for name in [*expected, *arrays]:
        found = f"{arrays[name].dtype} {arrays[name].shape}" if name in arrays else "nothing"
        wanted = " ".join(map(str, expected[name])) if name in expected else "nothing"
        if found != wanted:
            raise StudyError(f"{path}: {name}: found {found}, expected {wanted}")


def _missing(path: Path) -> StudyError:
    return StudyError(
        f"{path}: not found, expected from an earlier stage (`dvc repro` makes it, `dvc pull` downloads it)"
    )


def _unreadable(path: Path, error: Exception, expected: str) -> StudyError:
    reason = f"no {error} in it" if isinstance(error, KeyError) else getattr(error, "strerror", None) or str(error)
    return StudyError(f"{path}: damaged or unreadable ({short(reason.strip())}), expected {expected}")
