"""A tiny study of real images, that DVC has run; tests work in copies of it."""

import fcntl
import json
import os
from pathlib import Path

import pytest

from tests.support.checkout import Checkout, Grown, grow


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Grown:
    """A checkout whose studies/quickstart is tiny: 96 real images of a dataset, one epoch.

    Tests work in copies of it. Of pytest's workers the first that needs it makes it, and the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    steps = shared / "grown.json"
    with (shared / "grown.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        checkout = Checkout(shared / "grown/studies/quickstart", python)
        if not steps.is_file():
            ran_then = [sorted(stages) for stages in grow(checkout)]
            steps.write_text(json.dumps(ran_then))
    return Grown(checkout, [set(stages) for stages in json.loads(steps.read_text())])


@pytest.fixture
def tiny(grown: Grown, tmp_path: Path) -> Checkout:
    """A copy of the grown study for one test, which may do with it as it likes."""
    return grown.checkout.copy(tmp_path)
