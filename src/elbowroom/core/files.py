"""How files are written and read: whole or not at all, the same bytes for the same content, no pickle."""

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from elbowroom.core.errors import StudyError, short

if TYPE_CHECKING:
    from pandas import DataFrame

Arrays = dict[str, np.ndarray]
TEXTS = [  # columns of tables that hold no numbers
    *("study", "dataset", "variant", "against", "quantity", "split", "label", "device", "torch"),
    *("baseline", "likelihood", "pixel_range", "metric", "result", "verdict", "claim", "numbers", "series"),
]


def write(path: Path, content: bytes | str) -> None:
    """Write a file atomically: readers see the old content or the new, never a part, also after a power cut.

    Raises StudyError where it cannot be written; then what was there is there still.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear(path)
        with part.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise StudyError(
            f"{path}: cannot be written ({error.strerror or short(str(error))}), expected a writable place"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _clear(path: Path) -> None:
    """Remove what processes that were killed left of the file."""
    for part in path.parent.glob(f".{path.name}.*.part"):
        try:
            os.kill(int(part.name.split(".")[-2]), 0)  # which sends nothing
        except ProcessLookupError:
            part.unlink(missing_ok=True)
        except PermissionError:  # another user's
            continue


def _sync_folder(folder: Path) -> None:
    """The new name is on the disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def save_json(path: Path, content: Any) -> None:
    write(path, json.dumps(content, indent=2) + "\n")


def save_csv(path: Path, table: "DataFrame") -> None:
    write(path, table.to_csv(index=False, lineterminator="\n"))


def load_csv(path: Path) -> "DataFrame":
    """A table. A name stays a name, be it `nan`; an empty cell is a missing number, or no text."""
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(TEXTS, str), keep_default_na=False, na_values=[""])
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, ValueError, OverflowError) as error:
        raise _unreadable(path, error, "a table as the pipeline wrote it") from None
    texts = table.columns.intersection(TEXTS)
    table[texts] = table[texts].fillna("")
    return table


def save_arrays(path: Path, arrays: Arrays, header: dict[str, Any]) -> None:
    """Write arrays and a header as safetensors, with the sha256 of both.

    They go in as one JSON text: safetensors does not keep the order of several entries, and with it the bytes.
    """
    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    sealed = {"header": header, "sha256": digest(contiguous, header)}
    write(path, save(contiguous, metadata={"elbowroom": json.dumps(sealed, sort_keys=True)}))


def load_arrays(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """Read what save_arrays wrote: the arrays and the header. Raises StudyError where they are not what was written."""
    try:
        with safe_open(path, framework="numpy") as file:
            sealed = json.loads((file.metadata() or {})["elbowroom"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        header, sha256 = sealed["header"], sealed["sha256"]
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise _unreadable(path, error, "a safetensors file written by this pipeline") from None
    if not isinstance(header, dict) or sha256 != digest(arrays, header):
        raise StudyError(f"{path}: damaged (found another sha256 than it states), expected what the pipeline wrote")
    return arrays, header


def digest(arrays: Arrays, header: dict[str, Any]) -> str:
    """The sha256 of contiguous arrays, with their names, types and shapes, and of a header."""
    found = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        found.update(array.data)
    return found.hexdigest()


def check_arrays(path: Path, arrays: Arrays, expected: dict[str, tuple[str, tuple[int, ...]]]) -> None:
    """Raise StudyError, which names the first of them, where arrays have not these names, types and shapes."""
    for name in [*expected, *arrays]:
        found = f"{arrays[name].dtype} {arrays[name].shape}" if name in arrays else "nothing"
        wanted = " ".join(map(str, expected[name])) if name in expected else "nothing"
        if found != wanted:
            raise StudyError(f"{path}: {name}: found {found}, expected {wanted}")


def _missing(path: Path) -> StudyError:
    return StudyError(
        f"{path}: not found, expected from an earlier stage (`dvc repro` makes it, or `dvc pull` brings it)"
    )


def _unreadable(path: Path, error: Exception, expected: str) -> StudyError:
    said = (
        f"no {error} in it" if isinstance(error, KeyError) else getattr(error, "strerror", None) or str(error).strip()
    )
    return StudyError(f"{path}: damaged or unreadable ({short(said)}), expected {expected}")
