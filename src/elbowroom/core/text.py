"""How numbers stand in sentences, and how text gets through to any terminal."""

import io
import sys


def counted(number: int, what: str) -> str:
    """Return a number with its noun: 1 stage, 2 stages."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def escape_unprintable() -> None:
    """Have `print` escape the characters that the output's encoding lacks, as in a path. Otherwise it would fail."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
