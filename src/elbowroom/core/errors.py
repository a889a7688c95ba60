"""What the user can mend, in one line."""

import reprlib


class StudyError(Exception):
    """Something the user can mend, said in one line: what, where, and what was expected.

    What would not print as a part of that line comes out escaped.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in message))


def short(text: str) -> str:
    """A text of any length, as a part of such a line."""
    return text if len(text) <= 120 else text[:117] + "..."


def shown(value: object) -> str:
    """A value of any kind and size, as a part of such a line. YAML's aliases make endless ones."""
    limits = reprlib.Repr()
    limits.maxlevel = 3
    limits.maxstring = limits.maxlong = limits.maxother = 120
    try:
        return short(limits.repr(value))
    except ValueError:  # of whole numbers of thousands of digits
        return "an enormous number"
