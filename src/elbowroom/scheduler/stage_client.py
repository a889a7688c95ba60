"""Let a stage server (stage_server.py) run this process's stage, and end as the stage ends. Imports nothing slow."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

ADDRESS = "ELBOWROOM_STAGE_SERVER"  # the environment variable with the address of the server, a Unix socket
END_OF_CALL = b"\0"  # of a call
PR_SET_PDEATHSIG = 1  # of prctl(2)


def hand_over(module: str, arguments: Sequence[str]) -> None:
    """Have the server run a module as `python -m` would, then end with its exit status. Return if no server listens."""
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect(os.environ[ADDRESS])
    except OSError:
        return
    call = {"module": module, "arguments": arguments, "folder": str(Path.cwd()), "environment": dict(os.environ)}
    message = json.dumps(call).encode() + END_OF_CALL
    sent = socket.send_fds(server, [message], [0, 1, 2])
    if rest := message[sent:]:  # sending nothing fails, too, once a short stage has ended
        server.sendall(rest)

    def pass_on(number: int, _: object) -> None:
        with contextlib.suppress(OSError):  # the server is gone, which the next line finds out
            server.send(bytes([number]))

    for number in (signal.SIGINT, signal.SIGTERM):  # only now: what the server reads first is the call
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, pass_on)
    status = server.recv(16)
    if not status:
        sys.exit("error: the stage server ended before the stage did: run the same command again")
    if int(status) < 0:  # the signal that ended the stage ends this process, too
        with contextlib.suppress(OSError):  # SIGKILL has no handler
            signal.signal(-int(status), signal.SIG_DFL)
        os.kill(os.getpid(), -int(status))
    sys.exit(int(status))


def die_with_parent(parent: int, number: signal.Signals) -> None:
    """Have Linux send this process a signal when its parent ends. End at once if `parent` is no longer the parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        sys.exit(128 + number)
