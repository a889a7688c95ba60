"""One short script per stage of dvc.yaml. Each runs the library in src/ beside it, never an installed copy."""

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1  # of prctl(2)


def _end_with_dvc() -> None:
    """Have Linux end this process when its dvc ends, so that a killed dvc leaves no stage behind that still writes."""
    parent = os.environ["DVC_PID"] or str(os.getppid())  # empty if the shell does not know $PPID
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if str(os.getppid()) != parent:  # dvc has ended already
        sys.exit(128 + signal.SIGTERM)


sys.path.insert(0, str(Path(__file__).parent.parent / "src"))
if "DVC_PID" in os.environ and sys.platform == "linux":
    _end_with_dvc()
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # end quietly during imports; core.stage.run then takes over
