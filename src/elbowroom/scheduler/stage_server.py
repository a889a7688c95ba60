"""A process that has imported what stages import, and forks to run each: imports are paid once, not once a stage.

`make repro` keeps one while it runs. It puts the server's address into ELBOWROOM_STAGE_SERVER; stages/__init__.py finds
it there and hands the stage over (stage_client.py). Without the variable a stage runs as it is. Each stage imports
elbowroom itself, so it runs the code that is on disk.

A call is a connection. The client sends its folder, arguments, environment and standard streams, then a byte for each
signal that it gets; the server answers with the exit status. A stage ends with its client: if the connection closes,
the server kills the stage. If the server itself is killed, Linux kills its stages. If what keeps the server ends, its
standard input closes, and it stops.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from elbowroom.core.sockets import socket_parent
from elbowroom.scheduler.stage_client import ADDRESS, END_OF_CALL, die_with_parent

LIBRARIES = (  # what stages import and takes long
    "altair",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "nbclient",
    "pandas",
    "PIL.GifImagePlugin",
    "PIL.WebPImagePlugin",
    "pydantic.main",
    "ruamel.yaml",
    "safetensors.torch",
    "sklearn.linear_model",
    "sklearn.mixture",
    "sklearn.neighbors",
    "torch",
    "torch._dynamo",  # which torch.optim imports when it is first used
    "yaml",
)


@dataclass(frozen=True)
class StageCall:
    """What a client asks for. streams: its standard input, output and error, as open here."""

    streams: Sequence[int]
    module: str
    arguments: list[str]
    folder: str
    environment: dict[str, str]


@contextlib.contextmanager
def stage_server(libraries: Sequence[str] = LIBRARIES) -> Iterator[str]:
    """Keep a server while the context lasts. Yields its address. Calls wait for its imports."""
    with tempfile.TemporaryDirectory(prefix="elbowroom-", dir=socket_parent()) as folder:  # only this user may enter
        address = Path(folder) / "socket"
        command = [sys.executable, "-m", "elbowroom.scheduler.stage_server", str(address), *libraries]
        with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as server:  # noqa: S603
            try:
                while not address.exists() and server.poll() is None:  # without a server, stages run by themselves
                    time.sleep(0.02)
                yield str(address)
            finally:
                server.terminate()


def serve(address: str, libraries: Sequence[str]) -> None:
    """Listen, import the libraries, then run what clients ask for, until standard input closes."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{address}.new")
    listener.listen()
    Path(f"{address}.new").rename(address)  # only now is it there
    for name in libraries:
        if select.select([sys.stdin], [], [], 0)[0]:
            return
        importlib.import_module(name)
    gc.freeze()  # else every collection in a forked process goes through all that was imported here
    woken, waker = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)  # which wakes the loop
    calls: dict[int, socket.socket] = {}  # process id of a stage -> its client
    with selectors.DefaultSelector() as selector:
        for source in (sys.stdin, listener, woken):
            selector.register(source, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is sys.stdin:
                    return
                if key.fileobj is listener:
                    client, _ = listener.accept()
                    if not (call := _receive(client)):
                        client.close()
                    else:
                        pid = _fork(call, [listener, woken, waker, client, *calls.values()])
                        calls[pid] = client
                        selector.register(client, selectors.EVENT_READ, pid)
                elif key.fileobj is woken:
                    woken.recv(4096)
                    for pid, status in _ended(calls):
                        client = calls.pop(pid)
                        selector.unregister(client)
                        with contextlib.suppress(OSError), client:
                            client.sendall(f"{status}".encode())
                elif key.data in calls:
                    _pass_on(calls[key.data], key.data)


def _receive(client: socket.socket) -> StageCall | None:
    """Read what a client asks for; None if it is gone before it has said it."""
    message, streams = b"", list[int]()
    try:
        message, streams, *_ = socket.recv_fds(client, 1 << 16, 3)
        while not message.endswith(END_OF_CALL) and (piece := client.recv(1 << 16)):
            message += piece
    except ConnectionError:
        message = b""
    if message.endswith(END_OF_CALL):
        return StageCall(streams, **json.loads(message.removesuffix(END_OF_CALL)))
    for stream in streams:
        os.close(stream)
    return None


def _ended(calls: dict[int, socket.socket]) -> Iterator[tuple[int, int]]:
    """Yield the process id and the exit status of each stage that has ended: minus the signal that ended it, if any."""
    for pid in [*calls]:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            yield pid, os.waitstatus_to_exitcode(status)


def _pass_on(client: socket.socket, pid: int) -> None:
    """Send a stage the signals that its client got, or kill it if the client is gone."""
    try:
        signals = client.recv(64)
    except ConnectionError:
        signals = b""
    for number in signals or [signal.SIGKILL]:
        os.kill(pid, number)


def _fork(call: StageCall, others: Sequence[socket.socket]) -> int:
    """Fork a process that runs what a client asks for. Return its process id."""
    server = os.getpid()
    if pid := os.fork():
        for stream in call.streams:
            os.close(stream)
        return pid
    status = 1
    try:
        die_with_parent(server, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        for other in others:
            other.close()
        status = _run(call)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _run(call: StageCall) -> int:
    """Run a module as `python -m` does, with the client's folder, environment and streams. Return the exit status."""
    for number, stream in enumerate(call.streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(call.folder)
    os.environ.clear()
    os.environ.update(call.environment)
    for ours in (ADDRESS, "DVC_PID", "MAKE_PID"):  # this process runs the module itself, and neither is its parent
        os.environ.pop(ours, None)
    for name in [name for name in sys.modules if name.partition(".")[0] == "elbowroom"]:
        del sys.modules[name]  # the server's own, maybe of another checkout than the stage's
    sys.argv = ["-m", *call.arguments]
    sys.path[:1] = [call.folder, *filter(None, call.environment.get("PYTHONPATH", "").split(os.pathsep))]
    try:
        runpy.run_module(call.module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2:])
    shutil.rmtree(Path(sys.argv[1]).parent, ignore_errors=True)  # what kept the server was killed, and left it behind
    os._exit(0)  # else triton, which PyTorch imports, prints all that is in memory still
