"""A sandbox: what is in it, what comes back, and what is left of it."""

import hashlib
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from elbowroom.cluster import sandbox
from elbowroom.cluster.task import StageTask

LARGE = bytes(range(256)) * 10
SHA = hashlib.sha256(LARGE).hexdigest()
SCRIPT = """
import os, sys
from pathlib import Path
print(sys.stdin.isatty(), os.get_terminal_size().columns if sys.stdin.isatty() else 0, os.environ["SAID"])
Path("sheets/made").write_bytes(Path("data/large").read_bytes()[:3])
Path(".checkpoints/kept").touch()
Path("note").touch()
sys.exit(int(sys.argv[1]))
"""
TASK = StageTask(
    stage="explore@a",
    command=["script.py", "0"],
    files={"script.py": SCRIPT.encode()},
    large={"data/large": SHA},
    links={"sheets": "explorer"},
    outputs=["sheets"],
    notes=["note"],
    environment={"SAID": "hello"},
)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ELBOWROOM_NODE_FOLDER", str(tmp_path))
    return tmp_path


def refused(sha: str) -> bytes:
    raise AssertionError(f"{sha} was asked for")


def test_a_stage_gets_its_files_and_a_terminal_and_gives_back_its_results(node: Path) -> None:
    printed: list[bytes] = []
    result = sandbox.run_stage(replace(TASK, columns=77), {SHA: LARGE}.__getitem__, printed.append)
    assert b"".join(printed) == b"True 77 hello\r\n"
    assert (result.status, result.files) == (0, {"note": b"", "sheets/made": LARGE[:3]})
    assert (node / "checkpoints/kept").exists()
    assert [*(node / "sandboxes").iterdir()] == []
    assert [path.name for path in (node / "files").iterdir()] == [SHA]
    printed.clear()
    sandbox.run_stage(TASK, refused, printed.append)  # the node has the large file by now
    assert b"".join(printed) == b"False 0 hello\n"


def test_a_stage_that_fails_gives_back_its_notes_only(node: Path) -> None:
    result = sandbox.run_stage(replace(TASK, command=["script.py", "3"]), lambda _: LARGE, lambda _: None)
    assert (result.status, result.files) == (3, {"note": b""})


def test_other_bytes_than_were_sent_are_an_error(node: Path) -> None:
    with pytest.raises(OSError, match="found other bytes than its sha256 says"):
        sandbox.run_stage(TASK, lambda _: LARGE[1:], lambda _: None)
    assert [*(node / "files").iterdir()] == [*(node / "sandboxes").iterdir()] == []


def test_another_version_is_an_error(node: Path) -> None:
    with pytest.raises(OSError, match=r"found pytest \d.*, expected 0.1, as where DVC runs"):
        sandbox.run_stage(replace(TASK, versions={"pytest": "0.1"}), lambda _: LARGE, lambda _: None)


def test_what_killed_processes_left_is_deleted_and_what_runs_is_not(node: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from elbowroom.cluster.sandbox import sandbox
with sandbox(Path({str(node)!r})):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL  # noqa: S603
    assert len([*node.iterdir()]) == 2
    with sandbox.sandbox(node) as first, sandbox.sandbox(node) as second:
        assert {*node.iterdir()} == {first, second, Path(f"{first}.lock"), Path(f"{second}.lock")}


def test_large_files_that_were_not_used_for_longest_make_room(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "KEPT", 2 * len(LARGE))
    contents = [LARGE + bytes([number]) * number for number in range(3)]
    named = {hashlib.sha256(content).hexdigest(): content for content in contents}
    for age, sha in enumerate([*named][:2]):
        sandbox.fill(node, replace(TASK, links={}, large={f"large-{age}": sha}), node / "files", named.__getitem__)
        os.utime(node / "files" / sha, (age, age))
    sandbox.fill(node, replace(TASK, links={}, large={"large-2": [*named][2]}), node / "files", named.__getitem__)
    assert [path.name for path in (node / "files").iterdir()] == [[*named][2]]
    assert (node / "large-0").read_bytes() == contents[0]
