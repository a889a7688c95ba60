"""A Ray cluster of several nodes on this machine: each `ray start --block` in a session of its own."""

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.support.checkout import Checkout

RAY = Path(sys.executable).with_name("ray")
STORE = f"--object-store-memory={100 << 20}"
SYSTEM = {
    "automatic_object_spilling_enabled": False,
    "local_fs_capacity_threshold": 0.001,  # every disk counts as full
    "health_check_period_ms": 1000,  # a lost node is noticed after three seconds, not after fifteen
    "health_check_failure_threshold": 3,
}
RECONNECT = 5  # seconds that nodes and drivers wait for a lost head; Ray's own setting is 60


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_until(is_so: Callable[[], object], what: str, seconds: float = 150) -> None:
    limit = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < limit, what
        time.sleep(0.05)


class Cluster:
    """A head without CPUs, which submits, and nodes: node-0, node-1 and so on.

    address: of the head. environment: what every process needs to join. folder: of the nodes' files. cpus: of a node.
    hurried: whether the loss of a node or the head is noticed in seconds, and every disk counts as full.
    """

    def __init__(self, folder: Path, cpus: int = 2, hurried: bool = True) -> None:
        self.folder, self.cpus, self.hurried = folder, cpus, hurried
        (folder / "token").write_text(os.urandom(16).hex())
        self.environment = os.environ | {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
            "OMP_NUM_THREADS": "1",
        }
        if hurried:
            self.environment |= {"RAY_gcs_rpc_server_reconnect_timeout_s": str(RECONNECT)}
        self.nodes: dict[str, subprocess.Popen[bytes]] = {}
        self.temporary: Path | None = None

    def make_whole(self, nodes: int) -> None:
        """Start what is not running. One after the other: nodes that start at once may take each other's ports."""
        if "head" not in self.nodes:
            self.end()
            self.temporary = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # short: it is part of a socket's path
            self.address = f"127.0.0.1:{free_port()}"
            where = [f"--port={self.address.partition(':')[2]}", f"--temp-dir={self.temporary}", "--num-cpus=0"]
            system = f"--system-config={json.dumps(SYSTEM if self.hurried else {})}"
            self._start("head", "--head", *where, system, "--include-dashboard=false")
        free = (name for number in range(nodes) if (name := f"node-{number}") not in self.nodes)
        while len(self.nodes) < 1 + nodes:
            self._start(next(free), f"--address={self.address}", f"--num-cpus={self.cpus}")

    def _start(self, name: str, *options: str) -> None:
        command = [str(RAY), "start", "--block", "--disable-usage-stats", STORE, *options]
        environment = self.environment | {"ELBOWROOM_NODE_FOLDER": str(self.folder / name)}
        output = self.folder / f"{name}.log"
        with output.open("wb") as log:
            self.nodes[name] = subprocess.Popen(  # noqa: S603
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(lambda: b"Ray runtime started" in output.read_bytes(), f"{name} does not start, see {output}")

    def kill(self, name: str) -> None:
        """Kill all processes of a node at once, the stages that it runs, too."""
        process = self.nodes.pop(name)
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended by itself
            for member in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
        process.wait()

    def end(self) -> None:
        for name in [*self.nodes]:
            self.kill(name)
        if self.temporary:
            shutil.rmtree(self.temporary, ignore_errors=True)


def slow_python(programs: Path, python: Path) -> None:
    """Make a folder for PATH with a `dvc` that starts fast, and the `python` as it is: a stage that goes out is one."""
    programs.mkdir()
    (programs / "dvc").symlink_to(python / "dvc")
    (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (programs / "python").chmod(0o755)


def contents(tiny: Checkout) -> dict[str, str]:
    """The digests of all results that do not depend on speed."""
    files = [path for name in ("explorer", "metrics", "models", "plots") for path in (tiny.path / name).rglob("*.*")]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.name != "cost.csv"}
