"""Run the command `elbowroom`, which is also `python -m elbowroom`."""

import errno
import os
import sys
from collections.abc import Sequence

from elbowroom.app.commands import parser
from elbowroom.core.errors import StudyError
from elbowroom.core.text import escape_unprintable

UNWRITABLE = {errno.EBADF, errno.EIO, errno.ENOSPC}  # what printing meets, and then names no file
POSIX_ONLY = {"fcntl", "pty", "resource", "termios"}  # modules of Python that Windows lacks


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit status.

    A StudyError is one line on standard error, and status 2; so is Windows, if the subcommand needs what it lacks.
    """
    escape_unprintable()
    options = parser().parse_args(arguments)
    try:
        if sys.stdout is None:
            raise StudyError("standard output: found it closed, expected a file, a pipe or a terminal")
        status: int = options.run(options)
        sys.stdout.flush()
    except StudyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name not in POSIX_ONLY:
            raise
        print(f"error: found {sys.platform} without {error.name}, expected Linux, macOS or WSL", file=sys.stderr)
        return 2
    except BrokenPipeError:  # what reads our output, as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.errno not in UNWRITABLE or error.filename is not None:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python would try again as it ends
        print(f"error: standard output: cannot be written ({error.strerror}), expected room for it", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
