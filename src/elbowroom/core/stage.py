"""Run a stage script: take a name from the command line, end with an exit status."""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

from elbowroom.core.errors import StudyError
from elbowroom.core.file_lock import locked
from elbowroom.core.paths import note_file
from elbowroom.core.stage_digests import check_code


def run(main: Callable[..., None], *arguments: str) -> None:
    """Call main with the names on the command line. DVC gives a name with its stage, as train@mnist-z128.

    These end the process with one line on standard error: a StudyError or too little memory, with status 2; SIGINT and
    SIGTERM, with status 128 plus their number. Any other exception is a bug and keeps its traceback. If DVC runs the
    stage, first check that code/<stage>.json is of the code that runs.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # ignored in the background: leave it so
            signal.signal(number, _interrupt)
    parser = argparse.ArgumentParser(description=sys.modules[main.__module__].__doc__)
    for argument in arguments:
        parser.add_argument(argument, metavar=argument.upper(), help="its name in params.yaml")
    names = [name.rpartition("@")[2] for name in vars(parser.parse_args()).values()]
    try:
        with _stage_lock():
            main(*names)
    except StudyError as error:
        _fail(str(error))
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        reason = str(error).partition("\n")[0]
        _fail(f"found too little memory ({reason}), expected smaller channels, latent_dim or batch_size")
    except _Interrupted as interrupted:
        number = signal.Signals(interrupted.args[0])
        with contextlib.suppress(OSError):  # the terminal may be gone
            print(f"interrupted by {number.name}: run the same command to continue", file=sys.stderr)
        sys.exit(128 + number)


@contextlib.contextmanager
def _stage_lock() -> Iterator[None]:
    """If DVC runs this stage, let no second process run it, not even one that a killed DVC left behind.

    Check that it is the code that DVC knows of. Leave a note of the seconds that the stage took, for the report.
    """
    if not (stage := os.environ.get("DVC_STAGE")):
        yield
        return
    with locked(note_file(stage, "lock"), f"runs {stage}"):
        check_code(stage)
        begun = time.monotonic()
        yield
        with contextlib.suppress(OSError):  # do without the note
            note_file(stage, "seconds").write_text(f"{time.monotonic() - begun:.1f}")


def _fail(reason: str) -> NoReturn:
    """End the process with one line on standard error. Leave a note of it, for what runs stages side by side."""
    print(f"error: {reason}", file=sys.stderr)
    if stage := os.environ.get("DVC_STAGE"):
        with contextlib.suppress(OSError):  # do without the note
            note_file(stage, "error").write_text(reason, encoding="utf-8")
    sys.exit(2)


def _is_out_of_memory(error: Exception) -> bool:
    """Recognise errors of Python and CUDA by their class, and those of PyTorch on the CPU, which have none, by text."""
    marks = ("can't allocate memory", "Storage size calculation overflowed")
    return type(error).__name__ in ("MemoryError", "OutOfMemoryError") or any(mark in str(error) for mark in marks)


class _Interrupted(BaseException):
    """A signal asked the stage to end. args: its number."""


def _interrupt(number: int, _: object) -> None:
    signal.signal(number, signal.SIG_DFL)  # the second signal ends the process at once
    raise _Interrupted(number)
