"""Tables of text, and how they and other text become Markdown that nothing in them can break."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

DASH = "\N{EN DASH}"  # in a cell that has nothing to show


@dataclass(frozen=True)
class TextTable:
    """A table of text.

    texts: how many columns hold text; the others have numbers. fixed: how many rows stay last when it is sorted.
    """

    header: list[str]
    rows: list[list[str]]
    texts: int = 1
    fixed: int = 0

    @classmethod
    def of(cls, header: Sequence[str], rows: Sequence[Mapping[str, str]], texts: int = 1, fixed: int = 0) -> Self:
        """Return the table of rows by column, with a dash in each cell that a row has nothing for."""
        return cls(list(header), [[row.get(name, DASH) for name in header] for row in rows], texts, fixed)


def to_markdown(table: TextTable, linked: Collection[str] = (), page: str = "") -> str:
    """Return a table as GitHub draws it. A first cell that is one of `linked` links to that section of a page."""
    names = [escape_markdown(first) for first, *_ in table.rows]
    rows = [
        [f"[{name}]({page}#{first})" if first in linked else name, *map(escape_markdown, others)]
        for name, (first, *others) in zip(names, table.rows, strict=True)
    ]
    lines = [f"| {' | '.join(row)} |" for row in ([escape_markdown(cell) for cell in table.header], *rows)]
    lines.insert(1, f"|{'---|' * table.texts}{'--:|' * (len(table.header) - table.texts)}")
    return "\n".join([*lines, ""])


def escape_markdown(text: str) -> str:
    """Return text on one line that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|~$&])", r"\\\1", one_line(text))


def one_line(text: str) -> str:
    """Return text without line ends and invisible characters that act: controls, changes of direction."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+", " ", text).strip()
