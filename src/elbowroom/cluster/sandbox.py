"""Run a stage's command in a folder of its own. Only the standard library, as in task.py.

A node keeps large files by their sha256 and hard-links them into the sandboxes. Its folder is the one that the
environment variable ELBOWROOM_NODE_FOLDER names, else one in the user's cache.
"""

import contextlib
import fcntl
import hashlib
import os
import pty
import shutil
import socket
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from elbowroom.cluster.task import Content, Show, StageResult, StageTask

KEPT = 20 << 30  # bytes of large files that a node keeps at most


def run_stage(task: StageTask, content: Content, show: Show) -> StageResult:
    """Run a stage here. Raises OSError if the sandbox cannot be made, as on a full disk, or if a version is another."""
    for package, expected in task.versions.items():
        if (found := metadata.version(package)) != expected:
            raise OSError(f"{socket.gethostname()}: found {package} {found}, expected {expected}, as where DVC runs")
    node = Path(os.environ.get("ELBOWROOM_NODE_FOLDER") or Path.home() / ".cache/elbowroom/node")
    with sandbox(node / "sandboxes") as folder:
        fill(folder, task, node / "files", content)
        checkpoints = Path(task.checkpoints or node / "checkpoints")
        checkpoints.mkdir(parents=True, exist_ok=True)
        (folder / ".checkpoints").symlink_to(checkpoints)
        status = run_command(task, folder, show)
        return StageResult(status, collect(folder, task.notes + (task.outputs if status == 0 else [])))


@contextlib.contextmanager
def sandbox(parent: Path) -> Iterator[Path]:
    """Yield a new folder, and delete it at the end. Delete those, too, whose processes were killed."""
    parent.mkdir(parents=True, exist_ok=True)
    for lock in parent.glob("*.lock"):
        with contextlib.suppress(OSError), lock.open("a") as file:  # another process may be as quick
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink()
    folder = Path(tempfile.mkdtemp(dir=parent))
    with Path(f"{folder}.new").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        Path(file.name).rename(f"{folder}.lock")  # only now may others see it
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            Path(f"{folder}.lock").unlink(missing_ok=True)


def fill(folder: Path, task: StageTask, kept: Path, content: Content) -> None:
    """Put a task's files and links into a folder."""
    for path, target in task.links.items():
        (folder / path).symlink_to(target)
        (folder / target).mkdir(parents=True, exist_ok=True)
    for path, data in task.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    kept.mkdir(parents=True, exist_ok=True)
    for path, sha in task.large.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if not _link(kept / sha, folder / path):
            _keep(kept / sha, content(sha))
            if not _link(kept / sha, folder / path):
                raise OSError(f"{kept}: found no room for {path}, expected {KEPT >> 30} GiB for large files")


def _link(kept: Path, path: Path) -> bool:
    """Link to a kept file, if it is there, and note that it was used."""
    with contextlib.suppress(FileNotFoundError):
        os.link(kept, path)
        os.utime(kept)
        return True
    return False


def _keep(path: Path, data: bytes) -> None:
    """Keep a large file. Delete those that were not used for longest, until all have room."""
    if hashlib.sha256(data).hexdigest() != path.name:
        raise OSError(f"{path.name}: found other bytes than its sha256 says, expected those that were sent")
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix="part-", delete=False) as part:
        part.write(data)
    Path(part.name).rename(path)
    with contextlib.suppress(FileNotFoundError):  # another process deletes, too
        files = sorted(path.parent.iterdir(), key=lambda file: file.stat().st_mtime)
        total = sum(file.stat().st_size for file in files)
        for old in files[:-1]:
            if total <= KEPT:
                break
            total -= old.stat().st_size
            old.unlink()


def run_command(task: StageTask, folder: Path, show: Show) -> int:
    """Run the command in a folder, on a terminal if the task has one. Return the exit status.

    With DVC_PID the stage ends with this process, as it ends with DVC elsewhere (stages/__init__.py). Without
    ELBOWROOM_CLUSTER it is not sent to a cluster once more.
    """
    here = {name: value for name, value in os.environ.items() if name != "ELBOWROOM_CLUSTER"}
    environment = here | task.environment | {"PYTHONPATH": str(folder / "src"), "DVC_PID": str(os.getpid())}
    ours, theirs = pty.openpty() if task.columns else os.pipe()
    if task.columns:
        termios.tcsetwinsize(theirs, (24, task.columns))
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, *task.command],
        cwd=folder,
        env=environment,
        stdin=theirs if task.columns else subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        with contextlib.suppress(OSError):  # at its end, Linux raises an error from a terminal
            while piece := os.read(ours, 65536):
                show(piece)
        return process.wait()
    finally:
        os.close(ours)
        if process.poll() is None:
            process.kill()


def collect(folder: Path, paths: list[str]) -> dict[str, bytes]:
    """Read these files, and all files in these folders, as far as they are there: path -> content."""
    found = {}
    for name in paths:
        path = folder / name
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file():
                found[str(file.relative_to(folder))] = file.read_bytes()
    return found
