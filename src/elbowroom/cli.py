"""The thin shell that every stage shares: a name in, an exit status out."""

import argparse
import sys
from collections.abc import Callable

from elbowroom.config import StudyError


def run(main: Callable[..., None], argument: str | None = None) -> None:
    """Call main, with the command line's one argument (a variant's or dataset's name) if the stage takes one.

    A StudyError ends the process with one line on standard error and status 2. Any other exception is a bug and
    keeps its traceback.
    """
    parser = argparse.ArgumentParser(description=sys.modules[main.__module__].__doc__)
    if argument:
        parser.add_argument("name", metavar=argument.upper(), help=f"the {argument}, as params.yaml names it")
    names = vars(parser.parse_args()).values()
    try:
        main(*names)
    except StudyError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
