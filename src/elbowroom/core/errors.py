"""StudyError: a problem that the user can fix, told in one line."""

import operator
import reprlib
from typing import SupportsIndex


class StudyError(Exception):
    """A problem that the user can fix. Its message is one line: where, what was found, what was expected.

    Characters that would break the line or that do not print are escaped.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in message))


def whole(name: str, value: object, least: int) -> int:
    """Return a whole number, Python's or NumPy's. Raises StudyError, naming it, unless it is least to 2^31 - 1."""
    if isinstance(value, SupportsIndex) and not isinstance(value, bool) and least <= operator.index(value) < 2**31:
        return operator.index(value)
    raise StudyError(f"{name}: found {shown(value)}, expected a whole number, {least} or more")


def short(text: str) -> str:
    """Cut a text to at most 120 characters, for use in a message."""
    return text if len(text) <= 120 else text[:117] + "..."


def shown(value: object) -> str:
    """Show any value in at most 120 characters, for use in a message. YAML's aliases can make values without an end."""
    limits = reprlib.Repr()
    limits.maxlevel = 3
    limits.maxstring = limits.maxlong = limits.maxother = 120
    try:
        return short(limits.repr(value))
    except ValueError:  # an integer of thousands of digits
        return "an enormous number"
