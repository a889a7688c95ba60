"""What all tests share. Data is real: from ELBOWROOM_MIRROR, or downloaded once to the user's cache folder."""

import contextlib
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.preloaded import preloaded_python

if TYPE_CHECKING:
    from elbowroom.datasets.images import Images

if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background, and so by what tests start


MEMORY = Path("/dev/shm")  # noqa: S108  a disk in memory, on Linux
ROOM = 8 * 2**30  # bytes that all tests need


def pytest_configure(config: pytest.Config) -> None:
    """Before torch: more threads than cores slow each other down. Workers of pytest find what is set here.

    Temporary folders are in memory: DVC and its databases wait for a disk after every stage.
    """
    workers = config.getoption("numprocesses", None) or os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(workers))))
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes first, so that no worker is left alone with it.

    Of that, what needs no grown study comes first: one worker then makes it, and the others need not wait.
    """
    items.sort(key=lambda item: ("dvc" not in item.keywords, "grown" in getattr(item, "fixturenames", ())))


@pytest.fixture(autouse=True)
def _where_the_last_test_began() -> Iterator[None]:
    """Return from the study's folder that a command went to, which is deleted after the test."""
    with contextlib.chdir("."):
        yield


@pytest.fixture(scope="session", autouse=True)
def _state_of_dvc(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What DVC knows of files, by their times, is in memory too, and not left behind in /var/tmp."""
    os.environ["DVC_SITE_CACHE_DIR"] = str(tmp_path_factory.mktemp("dvc"))


@pytest.fixture(scope="session")
def published() -> "dict[str, Images]":
    """Both datasets, whole, as prepare makes them."""
    from tests.support.images import published_images  # torch, and only tests of images wait for it

    return published_images()


@pytest.fixture(scope="session")
def small(published: "dict[str, Images]") -> "dict[str, Images]":
    """The first images of both: 300 to train, 130 to test, so that last batches are smaller."""
    from tests.support.images import first_images

    return {name: first_images(images, 300, 130) for name, images in published.items()}


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a `python` that starts fast."""
    with preloaded_python(tmp_path_factory.mktemp("python")) as folder:
        yield folder
