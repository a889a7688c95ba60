"""Files are whole or absent, and the same content is the same bytes."""

import json
from pathlib import Path

import numpy as np
import pytest

from elbowroom import artifacts
from elbowroom.config import StudyError


def test_arrays_come_back(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6, dtype=np.uint8).reshape(2, 3).T, "b": np.float32([[1.5]])}
    artifacts.save_arrays(tmp_path / "deep" / "x.safetensors", arrays, {"seed": 3, "names": ["p", "q"]})
    read, header = artifacts.load_arrays(tmp_path / "deep" / "x.safetensors")
    assert header == {"seed": 3, "names": ["p", "q"]}
    assert list(read) == ["a", "b"]
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype


def test_same_content_is_same_bytes(tmp_path: Path) -> None:
    header = {str(key): key for key in range(20)}
    shuffled = dict(reversed(header.items()))
    artifacts.save_arrays(tmp_path / "x", {"a": np.zeros(3)}, header)
    artifacts.save_arrays(tmp_path / "y", {"a": np.zeros(3)}, shuffled)
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"
    artifacts.save_json(path, {"old": 1})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifacts.os, "fsync", full)
    with pytest.raises(StudyError, match=r"x.json: cannot be written \(No space left on device\)"):
        artifacts.save_json(path, {"new": 2})
    assert json.loads(path.read_text()) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"not safetensors", b"\xff" * 64])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(StudyError, match=r"x.safetensors: damaged"):
        artifacts.load_arrays(path)


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    artifacts.save_arrays(path, {"a": np.zeros(100)}, {})
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StudyError, match=r"x.safetensors: damaged"):
        artifacts.load_arrays(path)


@pytest.mark.parametrize("load", [artifacts.load_arrays, artifacts.load_csv])
def test_a_missing_file_says_what_makes_it(tmp_path: Path, load: object) -> None:
    with pytest.raises(StudyError, match=r"x: not found, expected from an earlier stage"):
        load(tmp_path / "x")  # type: ignore[operator]
