"""The compiled kernel of the page is what its source says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

COMPILER = Path(sys.prefix) / "asc/node_modules/.bin/asc"
TEMPLATES = ROOT / "src/elbowroom/report/templates"


@pytest.mark.skipif(not COMPILER.exists(), reason="no AssemblyScript: `make .venv/asc` installs it")
def test_the_compiled_kernel_is_that_of_the_source(tmp_path: Path) -> None:
    (options,) = re.findall(r"^ASC := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    command = [COMPILER, TEMPLATES / "kernel.ts", *options.split(), "--outFile", tmp_path / "kernel.wasm"]
    subprocess.run(command, check=True)  # noqa: S603
    assert (tmp_path / "kernel.wasm").read_bytes() == (TEMPLATES / "kernel.wasm").read_bytes()
