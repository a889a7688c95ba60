"""Drive a stage that runs elsewhere: send it, show what it prints, write its results.

usage: python -m elbowroom.cluster.driver PARENT PIPE ADDRESS MODULE ARGUMENTS... (client.py runs it). The last thing
that it does is to write a byte to the pipe: it ended by its own will.
"""

import contextlib
import os
import shutil
import signal
import sys
import traceback
from importlib import metadata
from pathlib import Path
from typing import NoReturn

from elbowroom.cluster.settings import load_settings
from elbowroom.cluster.stage_files import make_task
from elbowroom.cluster.task import Place, Resources, StageResult, StageTask
from elbowroom.core import files
from elbowroom.core.errors import StudyError
from elbowroom.core.paths import note_file
from elbowroom.scheduler.stage_client import die_with_parent


def find_place(address: str) -> Place:
    """Return where ELBOWROOM_CLUSTER says that stages run. A third place would be a line here."""
    if address == "local":
        from elbowroom.cluster.local_place import run_stage

        return run_stage
    try:
        from elbowroom.cluster.ray_place import connect  # Ray, which takes a while to import
    except ModuleNotFoundError as error:
        raise StudyError(
            f"ELBOWROOM_CLUSTER: found no {error.name}, expected the extra: pip install '.[cluster]' in a clone"
        ) from None

    return connect(address)


def stage_name() -> str:
    return os.environ["DVC_STAGE"].rpartition(":")[2]


def main(address: str, command: list[str]) -> int:
    """Run a stage elsewhere. Return its exit status."""
    stage = stage_name()
    settings = load_settings()
    resources = settings.resources(stage.partition("@")[0])
    task, large = make_task(stage, command)
    task = with_environment(task, resources, settings.checkpoints)
    place = find_place(address)
    _take_signals()  # again: Ray takes them
    result = place(task, resources, lambda sha: large[sha].read_bytes(), show)
    write(result)
    if result.status < 0:
        raise StudyError(f"{stage}: ended by {signal.Signals(-result.status).name} on its node, expected to be let run")
    return result.status


def with_environment(task: StageTask, resources: Resources, checkpoints: str | None) -> StageTask:
    """Add what the stage finds where it runs. It computes with as many threads as it has whole CPUs."""
    environment = {
        "DVC_STAGE": task.stage,
        "OMP_NUM_THREADS": str(max(1, int(resources.cpus))),
        "PYTHONDONTWRITEBYTECODE": "1",  # nobody runs from that folder again
    }
    if not resources.gpus:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    if device := os.environ.get("ELBOWROOM_DEVICE"):
        environment["ELBOWROOM_DEVICE"] = device
    columns = shutil.get_terminal_size().columns if sys.stderr.isatty() else None
    versions = {"torch": metadata.version("torch")}
    settings = {"environment": environment, "columns": columns, "checkpoints": checkpoints, "versions": versions}
    return StageTask(**vars(task) | settings)


def show(piece: bytes) -> None:
    """Print what a stage prints."""
    while piece:
        piece = piece[os.write(1, piece) :]


def write(result: StageResult) -> None:
    """Write what a stage left to where it would have written it here."""
    for name, content in result.files.items():
        files.write(Path(name), content)


def _keep_apart(log: Path) -> None:
    """Let Ray write what it has to say to a file. sys.stderr and the file descriptor 1 stay what they are."""
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout = log.open("w", buffering=1, encoding="utf-8")
    os.dup2(sys.stdout.fileno(), 2)


def _take_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def _interrupt(number: int, _: object) -> None:
    """End at once: an exception would have to come through Ray's compiled code."""
    text = f"interrupted by {signal.Signals(number).name}: run the same command to continue\n"
    with contextlib.suppress(OSError):  # the terminal may be gone
        sys.stderr.write(text)
    _end(128 + number)


def _end(status: int) -> NoReturn:
    """Say that this is the end, and end at once: the cluster stops what it ran for this process."""
    os.write(int(sys.argv[2]), b".")
    os._exit(status)


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]), signal.SIGKILL)
    _take_signals()
    _keep_apart(note_file(stage_name(), "cluster"))
    try:
        status = main(sys.argv[3], sys.argv[4:])
    except StudyError as error:
        print(f"error: {error}", file=sys.stderr)
        note_file(stage_name(), "error").write_text(str(error), encoding="utf-8")
        status = 2
    except Exception:
        traceback.print_exc()
        status = 1
    _end(status)
