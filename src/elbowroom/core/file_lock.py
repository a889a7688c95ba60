"""Let one process at a time do something, by a lock on a file.

The kernel holds the lock (flock), and drops it when the process ends, however it ends. The file keeps the process id of
the last holder, so that whoever waits can say for whom.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from elbowroom.core.errors import StudyError


@contextmanager
def locked(path: Path, doing: str) -> Iterator[None]:
    """Hold the lock of a file. If another process holds it, print that process's id and wait.

    doing: what the holder does, as in "process 123 trains the same". Raises StudyError if the file cannot be locked.
    """
    with _lock(path, doing):
        yield


def _lock(path: Path, doing: str) -> TextIO:
    """Open a file and lock it. Closing it gives up the lock."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
        if not try_lock(file):
            file.seek(0)
            tqdm.write(f"{path.parent}: process {file.read()} {doing}, waiting for it to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
    except OSError as error:
        raise StudyError(f"{path}: cannot be locked ({error.strerror}), expected a writable place") from None
    return file


def try_lock(file: TextIO) -> bool:
    """Lock an open file, unless another process holds its lock. Return whether it is locked now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
