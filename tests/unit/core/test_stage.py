"""A stage ends with one line for a problem that the user can fix, and with a traceback for a bug."""

import subprocess
import sys

import pytest

from tests.support import ROOT

CODE = """
import signal, sys
sys.path.insert(0, {src!r})
from elbowroom.core.stage import run
from elbowroom.core.errors import StudyError
def main(name):
    {body}
sys.argv = ["stage", "train@mnist-z128"]
run(main, "variant")
"""


def run_stage(body: str) -> tuple[int, str, str]:
    code = CODE.format(src=str(ROOT / "src"), body=body)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)  # noqa: S603
    return done.returncode, done.stdout, done.stderr


def test_the_name_is_taken_from_dvc_s_name_of_the_stage() -> None:
    assert run_stage("print(name)") == (0, "mnist-z128\n", "")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("raise StudyError('x: found y, expected z')", 2, "error: x: found y, expected z\n"),
        ("signal.raise_signal(signal.SIGTERM)", 143, "interrupted by SIGTERM: run the same command to continue\n"),
        ("signal.raise_signal(signal.SIGINT)", 130, "interrupted by SIGINT: run the same command to continue\n"),
    ],
)
def test_a_problem_that_the_user_can_fix_is_one_line(body: str, status: int, said: str) -> None:
    assert run_stage(body) == (status, "", said)


@pytest.mark.parametrize(
    "body", ["import torch; torch.empty(10**14)", "import torch; torch.empty(2**62)", "raise MemoryError('of 9 GB')"]
)
def test_too_little_memory_is_one_line(body: str) -> None:
    status, _, said = run_stage(body)
    assert status == 2
    assert said.startswith("error: found too little memory (")
    assert said.endswith("), expected smaller channels, latent_dim or batch_size\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize("body", ["raise RuntimeError('size mismatch')", "raise KeyError('x')"])
def test_a_bug_is_a_traceback(body: str) -> None:
    status, _, said = run_stage(body)
    assert status == 1
    assert said.startswith("Traceback")
