"""Freed memory stays in the process."""

import ctypes
import subprocess
import sys

import pytest

from elbowroom.training import allocator
from tests.support import ROOT

STEPS = """
import ctypes, resource, sys
from elbowroom.training.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
c = ctypes.CDLL(None)
c.malloc.restype = ctypes.c_void_p
c.memset.argtypes, c.free.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t], [ctypes.c_void_p]
def step():
    blocks = [c.malloc(size * 2**20) for size in (24, 31, 17)]
    for block in blocks:
        c.memset(block, 1, 17 * 2**20)
    for block in blocks:
        c.free(block)
for _ in range(2):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="another C library than glibc")
def test_a_step_in_memory_that_was_kept_has_no_page_faults() -> None:
    """It uses 51 MiB, that is 13,056 pages."""

    def faults(how: str) -> int:
        command = [sys.executable, "-c", STEPS, how]
        done = subprocess.run(command, env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, check=True)  # noqa: S603
        return int(done.stdout)

    assert faults("kept") < 50
    assert faults("as it is") > 10_000


@pytest.mark.parametrize("error", [OSError, TypeError, AttributeError])
def test_another_c_library_is_left_alone(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: object) -> object:
        raise error

    monkeypatch.setattr(allocator.ctypes, "CDLL", missing)
    allocator.keep_freed_memory()
