"""The thin shell that every stage shares: a name in, an exit status out."""

import argparse
import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator

from elbowroom.core.errors import StudyError
from elbowroom.core.file_lock import alone
from elbowroom.core.paths import NOTES


def run(main: Callable[..., None], *arguments: str) -> None:
    """Call main with the command line's arguments: names of variants or datasets, or DVC's of their stages, STAGE@NAME.

    A StudyError or too little memory ends the process with one line on standard error and status 2; so do SIGINT and
    SIGTERM, with 128 more than their number. Any other exception is a bug and keeps its traceback.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as it is in the background
            signal.signal(number, _interrupt)
    parser = argparse.ArgumentParser(description=sys.modules[main.__module__].__doc__)
    for argument in arguments:
        parser.add_argument(argument, metavar=argument.upper(), help="its name in params.yaml")
    names = [name.rpartition("@")[2] for name in vars(parser.parse_args()).values()]
    try:
        with _alone():
            main(*names)
    except StudyError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except (MemoryError, RuntimeError) as error:
        if not _is_of_memory(error):
            raise
        said = str(error).partition("\n")[0]
        print(
            f"error: found too little memory ({said}), expected smaller channels, latent_dim or batch_size",
            file=sys.stderr,
        )
        sys.exit(2)
    except _Interrupted as interrupted:
        number = signal.Signals(interrupted.args[0])
        with contextlib.suppress(OSError):  # nobody may be there to read it
            print(f"interrupted by {number.name}: the same command goes on from here", file=sys.stderr)
        sys.exit(128 + number)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Until a stage that DVC runs ends, no other process runs it: not even one that outlived another DVC.

    The seconds that it took are noted beside the lock, for the report.
    """
    if not (stage := os.environ.get("DVC_STAGE")):
        yield
        return
    name = re.sub(r"[^\w@-]", "_", stage)
    with alone(NOTES / f"{name}.lock", f"runs {name}"):
        begun = time.monotonic()
        yield
        with contextlib.suppress(OSError):  # a note, no result
            (NOTES / f"{name}.seconds").write_text(f"{time.monotonic() - begun:.1f}")


def _is_of_memory(error: Exception) -> bool:
    """Is it Python's, a card's, or one of PyTorch's on the CPU, which have no class of their own?"""
    marks = ("can't allocate memory", "Storage size calculation overflowed")
    return type(error).__name__ in ("MemoryError", "OutOfMemoryError") or any(mark in str(error) for mark in marks)


class _Interrupted(BaseException):
    """By the signal of this number."""


def _interrupt(number: int, _: object) -> None:
    signal.signal(number, signal.SIG_DFL)  # a second one ends it at once
    raise _Interrupted(number)
