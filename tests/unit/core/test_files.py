"""Files are written whole or not at all, the same content as the same bytes, and damage to them is noticed."""

import json
import os
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from elbowroom.core import files
from elbowroom.core.errors import StudyError
from tests.support import ROOT


def test_arrays_are_read_as_they_were_written(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6, dtype=np.uint8).reshape(2, 3).T, "b": np.float32([[1.5]]), "c": np.array(2.5)}
    files.save_arrays(tmp_path / "deep" / "x.safetensors", arrays, {"seed": 3, "names": ["p", "q"]})
    read, header = files.load_arrays(tmp_path / "deep" / "x.safetensors")
    assert header == {"seed": 3, "names": ["p", "q"]}
    assert list(read) == ["a", "b", "c"]
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert (read[name].dtype, read[name].shape) == (array.dtype, array.shape)


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    header = {str(key): key for key in range(20)}
    shuffled = dict(reversed(header.items()))
    files.save_arrays(tmp_path / "x", {"a": np.zeros(3)}, header)
    files.save_arrays(tmp_path / "y", {"a": np.zeros(3)}, shuffled)
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()


def test_a_failed_write_leaves_only_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    files.save_json(path, {"old": 1})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(StudyError, match=r"x.json: cannot be written \(No space left on device\)"):
        files.save_json(path, {"new": 2})
    assert json.loads(path.read_text()) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_content_is_synced_before_the_rename_and_the_folder_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def renamed(part: Path, path: Path) -> Path:
        steps.append(path.name)
        return replace(part, path)

    monkeypatch.setattr(files.os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    files.write(tmp_path / "x", "text")
    assert steps == ["file", "x", "folder"]


def test_a_write_beyond_the_size_limit_keeps_the_old_file(tmp_path: Path) -> None:
    """A limit on the size of a file stands in for a full disk."""
    path = tmp_path / "x.safetensors"
    files.save_arrays(path, {"a": np.zeros(3)}, {"old": True})
    code = """
import resource, sys
from pathlib import Path
import numpy as np
from safetensors.numpy import save

from elbowroom.core import files, stage
def main():
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    files.save_arrays(Path(sys.argv.pop()), {"a": np.zeros(10_000)}, {})
path = sys.argv.pop()
stage.run(lambda: (sys.argv.append(path), main()))
"""
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {path}: cannot be written (File too large), expected a writable place\n"
    assert files.load_arrays(path)[1] == {"old": True}
    assert list(tmp_path.iterdir()) == [path]


def test_leftovers_of_dead_writers_are_removed_and_those_of_living_ones_kept(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])  # noqa: S607
    dead.wait()
    for process in (dead.pid, os.getppid()):
        (tmp_path / f".table.csv.{process}.part").write_text("half")
    files.write(tmp_path / "table.csv", "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".table.csv.{os.getppid()}.part", "table.csv"]


def test_a_file_in_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "metrics").write_text("a file")
    with pytest.raises(
        StudyError, match=r"metrics/x.json: cannot be written \(File exists\), expected a writable place"
    ):
        files.save_json(tmp_path / "metrics/x.json", {})
    assert (tmp_path / "metrics").read_text() == "a file"


def test_a_folder_in_place_of_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.json/within").mkdir(parents=True)
    with pytest.raises(StudyError, match=r"x.json: cannot be written \(Is a directory\), expected a writable place"):
        files.save_json(tmp_path / "x.json", {})
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


@pytest.fixture
def nobody() -> Iterator[None]:
    """Let the test run as another user than root, who may write everywhere."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A folder with one result in it that other users can read, unlike those that pytest makes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        files.save_json(path / "x.json", {"old": 1})
        path.chmod(0o555)
        yield path
        path.chmod(0o755)


def test_a_read_only_folder_is_an_error(read_only: Path, nobody: None) -> None:
    with pytest.raises(StudyError, match=r"x.json: cannot be written \(Permission denied\), expected a writable place"):
        files.save_json(read_only / "x.json", {"new": 2})
    assert json.loads((read_only / "x.json").read_text()) == {"old": 1}
    assert [path.name for path in read_only.iterdir()] == ["x.json"]


def test_a_file_is_readable_by_whom_the_user_allows(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    files.write(tmp_path / "text", "x")
    files.save_arrays(tmp_path / "arrays", {"mu": np.zeros(3)}, {})
    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1


# --- damaged files -------------------------------------------------------------------------------------------------

ARRAYS = {"mu": np.arange(6, dtype=np.float16).reshape(2, 3), "sigma2": np.ones((), np.float32)}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "x.safetensors"
    files.save_arrays(path, ARRAYS, {"seed": 3})
    return path


def refused(path: Path, content: bytes) -> str:
    """Write other content into the file; return the one line of error that loading it raises."""
    path.write_bytes(content)
    with pytest.raises(StudyError) as error:
        files.load_arrays(path)
    message = str(error.value)
    assert message.startswith(f"{path}: damaged")
    assert "expected" in message
    assert message.isprintable()
    assert len(message) < 300 + len(str(path))
    return message


def test_a_flipped_bit_in_any_byte_is_noticed(saved: Path) -> None:
    content = saved.read_bytes()
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        refused(saved, bytes(flipped))


def test_a_file_cut_anywhere_is_noticed(saved: Path) -> None:
    content = saved.read_bytes()
    for length in range(len(content)):
        refused(saved, content[:length])
    refused(saved, content + b"\0")


@pytest.mark.parametrize("content", [b"not safetensors", b"\xff" * 64, bytes(500), b"<!DOCTYPE html><html></html>" * 9])
def test_other_formats_are_refused(saved: Path, content: bytes) -> None:
    refused(saved, content)


def with_header(path: Path, change: Callable[[dict], object]) -> bytes:
    """Return the content of the file with its JSON header changed."""
    content = path.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    change(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + size :]


HOSTILE: dict[str, Callable[[dict], object]] = {
    "a huge shape": lambda h: h["mu"].update(shape=[2**62, 2**62]),
    "a negative shape": lambda h: h["mu"].update(shape=[-1]),
    "huge offsets": lambda h: h["mu"].update(data_offsets=[0, 2**62]),
    "offsets that overlap": lambda h: h["mu"].update(data_offsets=h["sigma2"]["data_offsets"]),
    "another type": lambda h: h["mu"].update(dtype="I16"),
    "a type unknown to numpy": lambda h: h["mu"].update(dtype="F6_E2M3"),
    "a type that numpy has no name for": lambda h: h["mu"].update(dtype="F8_E4M3", shape=[2, 6]),
    "an unknown type": lambda h: h["mu"].update(dtype="x" * 9999),
    "no shape": lambda h: h["mu"].update(shape="x"),
    "an array by another name": lambda h: h.update(nu=h.pop("mu")),
    "a missing array": lambda h: h.pop("mu"),
    "no header of elbowroom": lambda h: h.pop("__metadata__"),
    "a list instead of a header": lambda h: h.update(__metadata__={"elbowroom": "[]"}),
    "a deep header": lambda h: h.update(__metadata__={"elbowroom": "[" * 100_000}),
    "an enormous number": lambda h: h.update(__metadata__={"elbowroom": "1" * 5000}),
    "no sha256": lambda h: h.update(__metadata__={"elbowroom": '{"header": {}}'}),
    "a number instead of a header": lambda h: h.update(__metadata__={"elbowroom": '{"header": 1, "sha256": 1}'}),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_header_is_refused(saved: Path, what: str) -> None:
    refused(saved, with_header(saved, HOSTILE[what]))


@pytest.mark.parametrize("size", [0, 1, 2**32, 2**63, 2**64 - 1])
def test_a_wrong_declared_header_size_is_refused(saved: Path, size: int) -> None:
    refused(saved, struct.pack("<Q", size) + saved.read_bytes()[8:])


def test_a_folder_cannot_be_loaded(tmp_path: Path) -> None:
    for load in (files.load_arrays, files.load_csv):
        with pytest.raises(StudyError, match=r"damaged or unreadable \([^\n]+\), expected a"):
            load(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "No columns to parse from file"),
        (b"\xff\xfe\0", "'utf-8' codec can't decode byte 0xff"),
        (b"a,b\n1,2,3\n1,2,3,4\n", "Expected 3 fields in line 3, saw 4"),
        (b'a,b\n1,"2\n', "EOF inside string"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(StudyError) as error:
        files.load_csv(path)
    assert str(error.value).startswith(f"{path}: damaged or unreadable (")
    assert said in str(error.value)
    assert str(error.value).isprintable()


def test_arrays_are_checked_by_name_type_and_shape(tmp_path: Path) -> None:
    expected = {"mu": ("float16", (2, 3)), "sigma2": ("float32", ())}
    files.check_arrays(tmp_path, ARRAYS, expected)
    for changed, said in (
        ({"mu": ARRAYS["mu"]}, "sigma2: found nothing, expected float32 ()"),
        (ARRAYS | {"mu": ARRAYS["mu"].T}, "mu: found float16 (3, 2), expected float16 (2, 3)"),
        (ARRAYS | {"mu": ARRAYS["mu"].astype(float)}, "mu: found float64 (2, 3), expected float16 (2, 3)"),
        (ARRAYS | {"nu": np.zeros(1)}, "nu: found float64 (1,), expected nothing"),
    ):
        with pytest.raises(StudyError) as error:
            files.check_arrays(tmp_path, changed, expected)
        assert str(error.value) == f"{tmp_path}: {said}"


@pytest.mark.parametrize("load", [files.load_arrays, files.load_csv])
def test_the_error_for_a_missing_file_tells_how_to_get_it(tmp_path: Path, load: object) -> None:
    with pytest.raises(StudyError, match=r"x: not found, expected from an earlier stage"):
        load(tmp_path / "x")  # type: ignore[operator]


def test_arrays_are_written_without_a_copy(tmp_path: Path) -> None:
    """They may fill half of the memory. In a process of its own, as the peak is of its whole life."""
    script = """
import resource, sys
from pathlib import Path
import numpy as np
from elbowroom.core import files
arrays = {"a": np.ones((200, 1000, 1000), np.uint8)}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
files.save_arrays(Path(sys.argv[1]), arrays, {})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "x")]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    grown = int(subprocess.check_output(command, env=environment))  # noqa: S603
    assert grown < 50_000  # KiB; the arrays are 200 MB
