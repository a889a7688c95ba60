"""One writer at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from elbowroom.core.errors import StudyError


@contextmanager
def alone(path: Path, doing: str) -> Iterator[None]:
    """Hold the lock of a file, which the kernel takes from a process that dies.

    Where another process holds it, say for whom it is waited, and wait. Raises StudyError where there can be no lock.
    """
    with _locked(path, doing):
        yield


def _locked(path: Path, doing: str) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            tqdm.write(f"{path.parent}: process {file.read()} {doing}, waiting for it to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
    except OSError as error:
        raise StudyError(f"{path}: cannot be locked ({error.strerror}), expected a writable place") from None
    return file
