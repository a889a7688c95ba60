"""One short script per stage of dvc.yaml. Each runs the library in src/ beside it, never an installed copy.

In an installed package this is `elbowroom.stages`, and there is no src/ beside it: each runs that package.
"""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from elbowroom.scheduler import stage_client

if os.name != "posix":  # stages lock files and fork
    sys.exit(f"error: found {sys.platform}, expected Linux, macOS or WSL")
if "DVC_PID" in os.environ and sys.platform == "linux":  # so that a killed dvc leaves no stage behind that still writes
    stage_client.die_with_parent(int(os.environ["DVC_PID"] or os.getppid()), signal.SIGTERM)
if stage_client.ADDRESS in os.environ and sys.orig_argv[1:2] == ["-m"]:
    stage_client.hand_over(sys.orig_argv[2], sys.orig_argv[3:])
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # end quietly during imports; core.stage.run then takes over
