"""Where a result of the command line goes: a file, or standard output."""

import csv
import io
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from elbowroom.core import files
from elbowroom.core.errors import StudyError

STDOUT = "-"


def write(path: Path, content: bytes) -> None:
    """Write a file, or the one that a link leads to, as a whole or not at all. A pipe or a device stays what it is.

    Raises StudyError if it cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
    except OSError as error:
        raise StudyError(f"{path}: cannot be written ({error.strerror}), expected a writable place") from None
    files.write(Path(os.path.realpath(path)) if path.is_symlink() else path, content)


class Target(NamedTuple):
    """A file by its name, or "-" for standard output; and what to write there: png, npz or csv."""

    name: str
    format: str

    @classmethod
    def of(cls, name: str, chosen: str | None, formats: Sequence[str]) -> Self:
        """Take the format that was chosen, else that of the file's name. formats: those there are, the usual first."""
        suffix = Path(name).suffix.removeprefix(".").lower()
        format_ = chosen or (formats[0] if name == STDOUT else suffix)
        if format_ not in formats:
            either = " or ".join(f".{each}" for each in formats)
            raise StudyError(f"--output: found {name!r}, expected a name that ends in {either} (or --format)")
        return cls(name, format_)

    def write(self, content: bytes) -> int:
        """Write it, as a whole or not at all, and return the exit status."""
        if self.name != STDOUT:
            write(Path(self.name), content)
        elif self.format != "csv" and sys.stdout.isatty():
            raise StudyError(f"--output: found a terminal, expected a file or a pipe for {self.format}")
        else:
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        return 0

    def write_arrays(self, arrays: Mapping[str, np.ndarray]) -> int:
        """Write arrays as an NPZ."""
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]  # its members have no time: the same bytes each time
        return self.write(buffer.getvalue())

    def write_table(self, head: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
        """Write a CSV. A float is written with as many digits as give the same float again."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(head)
        writer.writerows([str(cell) for cell in row] for row in rows)
        return self.write(buffer.getvalue().encode())
