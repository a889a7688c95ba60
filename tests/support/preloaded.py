"""A `python` and a `dvc` that start fast, for tests that run many short stages.

`python preloaded.py SOCKET` imports torch and the other slow libraries once. For each call it forks a process that runs
the called module as `python -m` would, in the caller's folder and with the caller's environment and streams. It imports
nothing of elbowroom beforehand, so that each call runs the code that is on disk.
"""

import contextlib
import gc
import importlib
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

SLOW = (  # the libraries that stages and DVC import
    "PIL.GifImagePlugin",
    "PIL.WebPImagePlugin",
    "altair",
    "dvc.cli.parser",
    "dvc.data_cloud",
    "dvc.lock",
    "dvc.repo.metrics",
    "dvc.repo.plots",
    "dvc.repo.reproduce",
    "ipykernel.ipkernel",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "nbclient",
    "networkx",
    "pandas",
    "pydantic.functional_validators",
    "pydantic.main",
    "ruamel.yaml",
    "safetensors.numpy",
    "safetensors.torch",
    "scmrepo.git",
    "sklearn.linear_model",
    "sklearn.neighbors",
    "torch._dynamo",
    "torchvision.datasets",
    "yaml",
)
CLIENT = """#!{python} -SE
import os, signal, socket, sys
if sys.argv[1:2] != ["-m"]:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
if sys.argv[2] == "ipykernel_launcher":  # nbclient interrupts it before it kills it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
call = [os.getcwd(), *sys.argv[2:], *(f"{{k}}={{v}}" for k, v in os.environ.items())]
socket.send_fds(server, [f"{{len(sys.argv) - 1}} ".encode() + "\\0".join(call).encode() + b"\\1"], [0, 1, 2])
sys.exit(int(server.recv(9) or b"1"))
"""


@contextlib.contextmanager
def preloaded_python(folder: Path) -> Iterator[Path]:
    """Provide a folder for PATH with such a `python` and `dvc` in it, which work inside the context."""
    address = str(folder / "python.socket")
    (folder / "bin").mkdir()
    client = folder / "bin/python"
    client.write_text(CLIENT.format(python=sys.executable, address=address))
    dvc = folder / "bin/dvc"
    dvc.write_text(f'#!/bin/sh\nexec "{client}" -m dvc "$@"\n')
    for file in (client, dvc):
        file.chmod(0o755)
    server = subprocess.Popen([sys.executable, __file__, address])  # noqa: S603
    try:
        while not Path(address).exists():
            assert server.poll() is None
            time.sleep(0.1)
        yield folder / "bin"
    finally:
        server.terminate()
        server.wait()


def serve(address: str) -> None:
    """Import the slow libraries, then answer calls until terminated."""
    for name in SLOW:
        importlib.import_module(name)
    gc.freeze()  # else every collection in a forked process goes through all that was imported here

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # finished calls leave no zombies
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    while True:
        call, _ = listener.accept()
        if os.fork() == 0:
            sys.executable = str(Path(address).with_name("bin") / "python")  # for a notebook's kernel
            status = answer(call)
            call.send(str(status).encode())
            os._exit(0)
        call.close()


def answer(call: socket.socket) -> int:
    """Run the module that was called, in this forked process. Return its exit status."""
    message, streams, *_ = socket.recv_fds(call, 1 << 16, 3)
    while not message.endswith(b"\1"):
        message += call.recv(1 << 16)
    count, _, text = message[:-1].decode().partition(" ")
    folder, *words = text.split("\0")
    arguments, variables = words[: int(count) - 1], words[int(count) - 1 :]
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variable.split("=", 1) for variable in variables)
    os.environ.pop("DVC_PID", None)  # that DVC is not the parent of this process
    sys.argv = arguments
    sys.path[0] = folder
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if arguments[0] == "ipykernel_launcher":  # nbclient kills the caller: end with it
        threading.Thread(target=lambda: call.recv(1) or os._exit(1), daemon=True).start()
    try:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
        return 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
