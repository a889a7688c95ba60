"""What a table may hold, and reading one as it was declared: columns, what may stand in a cell, the key, the rows."""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from elbowroom.core import files
from elbowroom.core.errors import StudyError

PLAIN = re.compile(r"(?!.*<[a-z/!])[^\x00-\x1f\x7f-\x9f]*", re.IGNORECASE)  # DVC writes cells into its page as they are


class Column(NamedTuple):
    """What may stand in a cell: a text (of choices, if any) or a finite number from low to high; if empty, nothing."""

    kind: Literal["text", "number", "whole"] = "number"
    low: float = -np.inf
    high: float = np.inf
    empty: bool = False
    choices: Sequence[str] = ()

    def __str__(self) -> str:
        if self.kind == "text":
            said = f"one of {', '.join(self.choices)}" if self.choices else "plain text"
        else:
            said = "a number" if self.kind == "number" else "a whole number"
            said += f" from {self.low:g}" if self.low > -np.inf else ""
            said += f" to {self.high:g}" if self.high < np.inf else ""
        return said + (" or nothing" if self.empty else "")

    def allows(self, cells: "pd.Series[Any]") -> "pd.Series[bool]":
        """Which cells are as declared."""
        if self.kind == "text":
            fits = cells.isin(self.choices) if self.choices else cells.map(lambda text: bool(PLAIN.fullmatch(text)))
            return fits & ((cells != "") | self.empty)
        numbers = cells if cells.dtype.kind in "iuf" else pd.to_numeric(cells.astype(str), errors="coerce")
        fits = np.isfinite(numbers) & numbers.between(self.low, self.high)
        if self.kind == "whole":
            fits &= numbers % 1 == 0
        return fits | (cells.isna() & self.empty)


Rows = Mapping[str, Sequence[Any]]  # values of columns, in whose combinations rows are expected, and in no others


class Table(NamedTuple):
    """more: what else columns may be called (all of numbers, or empty). since: columns that came later -> their value
    in a table from before. key: what no two rows have in common.
    """

    columns: Mapping[str, Column]
    key: Sequence[str]
    more: str = "$^"
    since: Mapping[str, float] = {}
    may_be_empty: bool = False


def load(path: Path, table: Table, rows: Rows) -> pd.DataFrame:
    """Read a table as declared, with the rows expected.

    Raises StudyError with one line: file, what was found, what was expected.
    """
    found = files.load_csv(path, [name for name, column in table.columns.items() if column.kind == "text"])
    for name, value in table.since.items():
        if name not in found:
            found[name] = value
    for name in found.columns:
        if name not in table.columns and not re.fullmatch(table.more, str(name)):
            raise StudyError(f"{path}: found column {name!r}, expected {', '.join(table.columns)}, each once")
    if missing := [name for name in table.columns if name not in found]:
        raise StudyError(f"{path}: found no column {missing[0]!r}, expected {', '.join(table.columns)}")
    if not found.index.equals(pd.RangeIndex(len(found))):  # pandas took the first cells for one
        raise StudyError(f"{path}: found rows of more cells than its {len(found.columns)} columns, expected as many")
    for name in found.columns:
        column = table.columns.get(name, Column(empty=True))
        for place in np.flatnonzero(~column.allows(found[name]))[:1]:
            cell = found[name].iloc[place]
            said = "nothing" if pd.isna(cell) or cell == "" else repr(cell[:80]) if isinstance(cell, str) else f"{cell}"
            raise StudyError(f"{path}: row {place + 1}, column {name}: found {said}, expected {column}")
        if column.kind != "text" and found[name].dtype.kind not in "iuf":  # no rows, or whole numbers beyond 64 bits
            found[name] = found[name].astype(float)
        if column.kind == "whole" and not column.empty:
            found[name] = found[name].astype(int)
    if found.empty and not table.may_be_empty:
        raise StudyError(f"{path}: found no rows, expected some")
    if table.key and (again := found.duplicated(table.key)).any():
        row = found[again].iloc[0][[*table.key]].to_dict()
        raise StudyError(f"{path}: found {_said(row)} more than once, expected one row of it")
    if rows:
        _expect(path, found, rows)
    return found


def _expect(path: Path, found: pd.DataFrame, rows: Rows) -> None:
    ours = set(found[[*rows]].itertuples(index=False, name=None))
    for row in sorted(ours):
        for name, value in zip(rows, row, strict=True):
            if value not in rows[name]:
                raise StudyError(f"{path}: found {name} {value}, expected {_several(rows[name])} (params.yaml)")
    for row in product(*rows.values()):
        if row not in ours:
            raise StudyError(f"{path}: found no row of {_said(dict(zip(rows, row, strict=True)))}, expected one")


def _said(values: Mapping[Any, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if not pd.isna(value))


def _several(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values)) if len(values) < 8 else f"{values[0]} to {values[-1]}"
