"""The stage server: a stage run by it behaves, and ends, like one that runs by itself."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from elbowroom.scheduler.stage_client import ADDRESS
from elbowroom.scheduler.stage_server import stage_server
from tests.support import ROOT

SCRIPT = """
import json, os, signal, sys, time
from pathlib import Path

def interrupted(number, _):
    Path("signal").write_text(str(number))
    sys.exit(128 + number)

what = sys.argv[1]
print(json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "variable": os.environ["A_VARIABLE"]}), flush=True)
Path("pid").write_text(str(os.getpid()))
if what == "exit":
    sys.exit(int(sys.argv[2]))
if what == "say":
    sys.exit("error: found this, expected that")
if what == "raise":
    raise ValueError("a bug")
if what == "read":
    print(sys.stdin.read().upper())
if what == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if what == "wait":
    signal.signal(signal.SIGTERM, interrupted)
    Path("waiting").touch()
    time.sleep(60)
    Path("finished").touch()
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with stage_server(["json"]) as address:
        yield address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with stage scripts: `stages/__init__.py` as it is, and one that does what it is told."""
    (tmp_path / "stages").mkdir()
    (tmp_path / "src").symlink_to(ROOT / "src")
    (tmp_path / "stages/__init__.py").write_text((ROOT / "stages/__init__.py").read_text())
    (tmp_path / "stages/told.py").write_text(SCRIPT)
    return tmp_path


def start(folder: Path, address: str | None, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "A_VARIABLE": "a value"} | ({ADDRESS: address} if address else {})
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "stages.told", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(path: Path) -> None:
    limit = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < limit, f"no {path.name}"
        time.sleep(0.02)


def ended(pid: int) -> bool:
    """Whether a process has ended, or does so within some seconds."""
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(
    "arguments", [("exit", "0"), ("exit", "3"), ("say", 'it\'s "quoted" $HOME'), ("raise",), ("read",), ("killed",)]
)
def test_a_stage_ends_and_prints_as_it_does_by_itself(folder: Path, address: str, arguments: tuple[str, ...]) -> None:
    served, alone = (start(folder, where, *arguments) for where in (address, None))
    (said, errors), (said_alone, errors_alone) = (
        process.communicate("input", timeout=60) for process in (served, alone)
    )
    assert served.returncode == alone.returncode
    assert said == said_alone
    assert errors.splitlines()[-1:] == errors_alone.splitlines()[-1:]
    first = json.loads(said.splitlines()[0])
    assert first == {"arguments": [*arguments], "folder": str(folder), "variable": "a value"}


def test_a_stage_is_forked_from_the_server(folder: Path, address: str) -> None:
    process = start(folder, address, "exit", "0")
    process.communicate(timeout=60)
    assert int((folder / "pid").read_text()) != process.pid


def test_without_a_server_the_stage_runs_by_itself(folder: Path) -> None:
    process = start(folder, str(folder / "nobody"), "exit", "3")
    process.communicate(timeout=60)
    assert process.returncode == 3
    assert int((folder / "pid").read_text()) == process.pid


def test_a_signal_reaches_the_stage(folder: Path, address: str) -> None:
    process = start(folder, address, "wait")
    wait_for(folder / "waiting")
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert (folder / "signal").read_text() == str(int(signal.SIGTERM))


def test_a_stage_does_not_outlive_its_client(folder: Path, address: str) -> None:
    process = start(folder, address, "wait")
    wait_for(folder / "waiting")
    process.kill()
    assert ended(int((folder / "pid").read_text()))
    assert not (folder / "finished").exists()


def test_a_client_that_is_gone_before_it_has_called_harms_nobody(folder: Path, address: str) -> None:
    for said in (b"", b'{"module": "stages.to'):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(address)
            client.sendall(said)
    process = start(folder, address, "exit", "3")
    process.communicate(timeout=60)
    assert process.returncode == 3
    assert int((folder / "pid").read_text()) != process.pid


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills the children of a killed process")
def test_a_killed_server_takes_its_stages_along(folder: Path) -> None:
    with stage_server(["json"]) as address:
        process = start(folder, address, "wait")
        wait_for(folder / "waiting")
        stage = int((folder / "pid").read_text())
        server = int(Path(f"/proc/{stage}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(server, signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert errors == "error: the stage server ended before the stage did: run the same command again\n"
        assert ended(stage)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_server_and_its_stages_end_with_what_keeps_it(folder: Path) -> None:
    keeper = "from elbowroom.scheduler.stage_server import stage_server\nimport time\n"
    keeper += "with stage_server(['json']) as address:\n    print(address, flush=True)\n    time.sleep(60)\n"
    with subprocess.Popen([sys.executable, "-c", keeper], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout
        client = start(folder, process.stdout.readline().strip(), "wait")
        wait_for(folder / "waiting")
        stage = int((folder / "pid").read_text())
        server = int(Path(f"/proc/{stage}/stat").read_text().rpartition(")")[2].split()[1])
        process.kill()
    assert ended(server)
    assert ended(stage)
    client.communicate(timeout=60)
    assert client.returncode == 1


def test_a_long_path_for_temporary_files_is_no_hindrance(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket's path has at most 107 bytes, and a cluster may set a long TMPDIR for each job."""
    (long := tmp_path / ("job-" * 25)).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with stage_server(["json"]) as address:
        assert Path(address).is_socket()
        assert start(folder, address, "exit", "3").wait() == 3
    assert not Path(address).parent.exists()
