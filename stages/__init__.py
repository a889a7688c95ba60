"""One thin script per stage of dvc.yaml. They run the library beside them, never an installed copy of it."""

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1  # of prctl(2)


def _end_with_dvc() -> None:
    """Have Linux end this process with its parent: a dvc that was killed leaves no stage that goes on writing."""
    parent = os.environ["DVC_PID"] or str(os.getppid())  # a shell may not know it
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if str(os.getppid()) != parent:  # gone already
        sys.exit(128 + signal.SIGTERM)


sys.path.insert(0, str(Path(__file__).parent.parent / "src"))
if "DVC_PID" in os.environ and sys.platform == "linux":
    _end_with_dvc()
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback of imports; cli.run has a better one
