"""Let one run at a time work in a study's folder: two would share logs, and DVC's files."""

import os
import time
from pathlib import Path
from typing import TextIO

from elbowroom.core.errors import StudyError
from elbowroom.core.file_lock import try_lock
from elbowroom.scheduler.dvc_job import LOGS
from elbowroom.scheduler.repair import PATIENCE, is_alive

MAKE = "MAKE_PID"  # the environment variable in which `make repro` gives its process id: a run ends with its make
LOCK = LOGS / "lock"  # its holder's process id, then that of its make, if there is one


def only_run(patience: float = PATIENCE) -> TextIO:
    """Lock this study's folder. Closing the returned file gives the lock up; so does the end of this process.

    Raises StudyError at once if another run has it, but waits for one whose make was killed: it is about to end.
    """
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    file = LOCK.open("a+")
    limit = time.monotonic() + patience
    while not try_lock(file):
        file.seek(0)
        holder, *make = file.read().split() or ["unknown"]
        if not make or is_alive(int(make[0])) or time.monotonic() > limit:
            file.close()
            raise StudyError(f"{Path.cwd()}: found another run at work (process {holder}), expected one at a time")
        time.sleep(0.1)
    file.truncate(0)
    file.write(f"{os.getpid()} {os.environ.get(MAKE, '')}")
    file.flush()
    return file
