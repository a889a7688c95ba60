"""Send this process's stage to the cluster that ELBOWROOM_CLUSTER names, and end as the stage ends.

The process that DVC started only holds the stage's lock and waits: a child, the driver, does the rest. So this imports
neither Ray nor PyTorch, and can say in one line if the driver ends without an answer, as Ray's does when the cluster's
head is lost.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from elbowroom.core.file_lock import locked
from elbowroom.core.paths import note_file
from elbowroom.core.pipeline import VARIANT_STAGES
from elbowroom.scheduler.stage_client import die_with_parent

CLUSTER = "ELBOWROOM_CLUSTER"  # the environment variable: auto, HOST:PORT, or local
SENT = ("judge", *VARIANT_STAGES)  # kinds of stages that go out
GRACE = 5  # seconds that the driver has to end after a signal
SRC = Path(__file__).parents[2]


def send_stage() -> None:
    """If this process is a stage that DVC runs and that goes out, run it on the cluster, then end. Else return."""
    stage = os.environ["DVC_STAGE"].rpartition(":")[2]
    if sys.orig_argv[1:2] != ["-m"] or not os.environ[CLUSTER]:
        return
    package, _, kind = sys.orig_argv[2].rpartition(".")
    if package not in ("stages", "elbowroom.stages") or kind not in SENT:
        return
    if "DVC_PID" in os.environ and sys.platform == "linux":
        die_with_parent(int(os.environ["DVC_PID"] or os.getppid()), signal.SIGTERM)
    note_file(stage, "error").unlink(missing_ok=True)  # of an earlier run
    with locked(note_file(stage, "lock"), f"runs {stage}"):
        sys.exit(_drive(stage, sys.orig_argv[2:]))


def _drive(stage: str, command: list[str]) -> int:
    """Run the driver. Return its exit status, or end this process if it ended without an answer."""
    answer, writer = os.pipe()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(SRC), os.environ.get("PYTHONPATH")]))}
    arguments = [str(os.getpid()), str(writer), os.environ[CLUSTER], *command]
    driver = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "elbowroom.cluster.driver", *arguments], pass_fds=[writer], env=environment
    )
    os.close(writer)
    signalled = 0

    def pass_on(number: int, _: object) -> None:
        nonlocal signalled
        signalled = number
        driver.send_signal(number)
        signal.alarm(GRACE)

    signal.signal(signal.SIGALRM, lambda *_: driver.kill())
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, pass_on)
    status = driver.wait()
    if os.read(answer, 1):
        return status
    if not signalled:
        _fail(
            stage, f"found no answer from the cluster at {os.environ[CLUSTER]} any more, expected its head to stay up"
        )
    return 128 + signalled


def _fail(stage: str, reason: str) -> NoReturn:
    """End with one line on standard error, and leave a note of it, as a stage does (core/stage.py)."""
    reason = f"{reason}: run the same command again"
    print(f"error: {reason}", file=sys.stderr)
    note_file(stage, "error").write_text(reason, encoding="utf-8")
    sys.exit(2)
