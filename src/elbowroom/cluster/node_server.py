"""An actor for each node that keeps a stage server there, so that stages find their imports done.

Only the standard library and `core.sockets`, as workers get the code of both from the driver.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from elbowroom.core.sockets import socket_parent


class NodeServer:
    """Keeps a stage server (scheduler/stage_server.py) that imported PyTorch with a number of threads, which stays.

    The server ends with this process: its standard input closes.
    """

    def __init__(self, code: dict[str, bytes], libraries: list[str], threads: str) -> None:
        """code: what the server needs of the package, by its path in a sandbox."""
        # The server deletes it at its end.
        self.folder = Path(tempfile.mkdtemp(prefix="elbowroom-", dir=socket_parent()))
        for name, content in code.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(content)
        self.server = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "elbowroom.scheduler.stage_server", str(self.folder / "socket"), *libraries],
            stdin=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(self.folder / "src"), "OMP_NUM_THREADS": threads},
            start_new_session=True,
        )

    def address(self) -> str:
        """Wait until the server listens. Return its address; if it has ended, stages do without."""
        address = self.folder / "socket"
        while not address.exists() and self.server.poll() is None:
            time.sleep(0.02)
        return str(address)
