"""The thin shell that every stage shares: a name in, an exit status out."""

import argparse
import sys
from collections.abc import Callable

from elbowroom.config import StudyError


def run(main: Callable[..., None], *arguments: str) -> None:
    """Call main with the command line's arguments: names of variants or datasets.

    A StudyError ends the process with one line on standard error and status 2. Any other exception is a bug and
    keeps its traceback.
    """
    parser = argparse.ArgumentParser(description=sys.modules[main.__module__].__doc__)
    for argument in arguments:
        parser.add_argument(argument, metavar=argument.upper(), help="its name in params.yaml")
    names = vars(parser.parse_args()).values()
    try:
        main(*names)
    except StudyError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
