"""Declare a table (its columns, its key, its rows) and read it back only if it is as declared."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_type_hints

import numpy as np
import pandas as pd

from elbowroom.core import files
from elbowroom.core.errors import StudyError

PLAIN = re.compile(r"(?!.*<[a-z/!])[^\x00-\x1f\x7f-\x9f]*", re.IGNORECASE)  # DVC writes cells into its page as they are


@dataclass(frozen=True)
class Column:
    """What a cell may hold: text (one of `choices`, if there are any) or a finite number from low to high.

    empty: a cell may also be empty.
    """

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
        """Return for each cell whether the column may hold it."""
        if self.kind == "text":
            fits = cells.isin(self.choices) if self.choices else cells.map(lambda text: bool(PLAIN.fullmatch(text)))
            return fits & (cells != "") | (cells == "") & self.empty
        numbers = cells if cells.dtype.kind in "iuf" else pd.to_numeric(cells.astype(str), errors="coerce")
        fits = np.isfinite(numbers) & numbers.between(self.low, self.high)
        if self.kind == "whole":
            fits &= numbers % 1 == 0
        return fits | (cells.isna() & self.empty)


NUMBER, MAYBE = Column(), Column(empty=True)
Expected = Mapping[str, Sequence[Any]]  # allowed values per column; exactly one row per combination


@dataclass(frozen=True)
class Table:
    """A table's columns by name, and what else is known of it.

    key: columns whose values, taken together, no two rows share. more: a pattern for the names of further columns, all
    of them of numbers or empty. since: columns that older tables lack, with the value to read there. A column that may
    be empty may also be missing as a whole: all of its cells are then empty. optional: older results lack the file; it
    is then read as a table without rows.
    """

    columns: Mapping[str, Column]
    key: Sequence[str]
    more: str = "$^"
    since: Mapping[str, float] = field(default_factory=dict)
    may_be_empty: bool = False
    optional: bool = False


def load_table(path: Path, table: Table, expected: Expected) -> pd.DataFrame:
    """Read a table. Raises StudyError unless its columns, cells and rows are as declared.

    The error is one line: file, what was found, what was expected.
    """
    if table.optional and not path.exists():
        kinds = {"text": str, "whole": int, "number": float}
        return pd.DataFrame({name: pd.Series(dtype=kinds[column.kind]) for name, column in table.columns.items()})
    found = files.load_csv(path, [name for name, column in table.columns.items() if column.kind == "text"])
    nothing = {name: "" if column.kind == "text" else np.nan for name, column in table.columns.items() if column.empty}
    for name, value in (nothing | dict(table.since)).items():
        if name not in found:
            found[name] = value
    for name in found.columns:
        if name not in table.columns and not re.fullmatch(table.more, str(name)):
            raise StudyError(f"{path}: found column {name!r}, expected {', '.join(table.columns)}, each once")
    if missing := [name for name in table.columns if name not in found]:
        raise StudyError(f"{path}: found no column {missing[0]!r}, expected {', '.join(table.columns)}")
    if not found.index.equals(pd.RangeIndex(len(found))):  # pandas took the first cells for an index
        raise StudyError(f"{path}: found rows with more cells than its {len(found.columns)} columns, expected as many")
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
        raise StudyError(f"{path}: found {_said(row)} more than once, expected one such row")
    if expected:
        _expect(path, found, expected)
    return found


def _expect(path: Path, found: pd.DataFrame, expected: Expected) -> None:
    """Raise StudyError unless the table has exactly one row per combination of the allowed values."""
    ours = set(found[[*expected]].itertuples(index=False, name=None))
    for row in sorted(ours):
        for name, value in zip(expected, row, strict=True):
            if value not in expected[name]:
                raise StudyError(f"{path}: found {name} {value}, expected {_several(expected[name])} (params.yaml)")
    for row in product(*expected.values()):
        if row not in ours:
            raise StudyError(f"{path}: found no row of {_said(dict(zip(expected, row, strict=True)))}, expected one")


def _said(values: Mapping[Any, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if not pd.isna(value))


def _several(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values)) if len(values) < 8 else f"{values[0]} to {values[-1]}"


# --- rows as dataclasses ---------------------------------------------------------------------------------------------

Row = TypeVar("Row")


def columns(kind: type[Row]) -> dict[str, Column]:
    """Return the columns of a table whose rows are this dataclass; each field is Annotated with its Column."""
    return {name: get_args(hint)[1] for name, hint in get_type_hints(kind, include_extras=True).items()}


def to_table(kind: type[Row], rows: Iterable[Row]) -> pd.DataFrame:
    """Return the table of these rows: a column for each field, also if there are no rows."""
    names = list(columns(kind))
    return pd.DataFrame([[getattr(row, name) for name in names] for row in rows], columns=names)


def without_empty(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Leave out a column if it has no filled cell; `load_table` reads it as empty."""
    return table.drop(columns=name) if name in table and table[name].isna().all() else table


def to_rows(kind: type[Row], table: pd.DataFrame) -> list[Row]:
    """Return the rows of a table as dataclasses, each cell in the type of its field. A missing column: its default."""
    types = {name: get_args(hint)[0] for name, hint in get_type_hints(kind, include_extras=True).items()}
    types = {name: of for name, of in types.items() if name in table}
    return [kind(**{name: of(record[name]) for name, of in types.items()}) for record in table.to_dict("records")]
