"""Rows that were measured on cells: read from a CSV or a table of columns, and checked.

Columns: ``target_S``, ``read_S`` (or mS, uS, µS, nS, pS), ``cell``, and ``time_s`` (or ms, us, ns, min, h, d;
optional), in any order. Rows of one cell at one time are repeated reads. Empty lines and lines that begin with ``#``
are skipped; other columns are ignored and named.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.errors import DataError, UsageError, suggest

__all__ = ["Measurements", "as_measurements", "read_measurements"]

Floats = NDArray[np.float64]

#: units of a column in one SI unit; 100 / 1e6 is 1e-4 exactly rounded, 100 * 1e-6 is not
_PREFIXES = {"": 1.0, "m": 1e3, "u": 1e6, "µ": 1e6, "μ": 1e6, "n": 1e9, "p": 1e12}
#: quantity -> unit; the name of the column is ``quantity_<prefix>unit``
_QUANTITIES = {"target": "S", "read": "S", "time": "s"}
_LONG_TIMES_s = {"min": 60.0, "h": 3600.0, "d": 86_400.0}
_NAMES = ("target_S", "target_uS", "read_S", "read_uS", "time_s", "cell")
_EXAMPLE = "target_uS,read_uS,time_s,cell"
_LARGEST_S = 1e-2  # of device.g_on_S


@dataclass(frozen=True)
class Measurements:
    """Checked rows in SI units; all arrays ``[rows]``.

    Args:
        target_S, read_S: conductance asked for and read, >= 0.
        time_s: since programming; None where no time was recorded.
        cell: number of the cell in ``cells``.
        cells: names as given.
        name: file name, or what the table is called; never a path.
        digest: first 12 hex digits of the content's SHA-256.
        ignored: columns that were not used.
    """

    target_S: Floats
    read_S: Floats
    time_s: Floats | None
    cell: NDArray[np.int64]
    cells: tuple[str, ...]
    name: str
    digest: str
    ignored: tuple[str, ...] = ()


def read_measurements(path: str | os.PathLike[str]) -> Measurements:
    """Read and check a CSV file.

    Raises:
        UsageError: there is no such file.
        DataError: its content, a column or a value is wrong; with file, line, value and what is allowed.
    """
    file = Path(path)
    try:
        data = file.read_bytes()
        text = data.decode("utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"there is no file '{file}'; give a CSV with the columns {_EXAMPLE}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"can't read '{file}' as text: {error}; save it as CSV in UTF-8.") from None
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise DataError(f"{file} is empty; its first line names the columns, e.g. {_EXAMPLE}.")
    numbers = [number for number, _ in lines]
    delimiter = max(",;\t", key=lines[0][1].count)
    rows = list(csv.reader((line for _, line in lines), delimiter=delimiter))
    if len(rows) != len(lines):
        raise DataError(f"{file} holds a cell that runs over several lines; write one row per line.")
    header = [name.strip() for name in rows[0]]
    for number, row in zip(numbers, rows, strict=True):
        if len(row) != len(header):
            raise DataError(
                f"{file}:{number}: {len(row)} values, but the header names {len(header)} columns; "
                f"give every row one value per column."
            )
    columns = {name: [row[i].strip() for row in rows[1:]] for i, name in enumerate(header)}
    if len(columns) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise DataError(f"{file}:{numbers[0]}: the column '{twice}' is given twice; keep one.")
    wheres = [f"{file}:{number}" for number in numbers[1:]]
    digest = hashlib.sha256(data).hexdigest()[:12]
    return _checked(columns, wheres, f"{file}:{numbers[0]}", file.name, digest)


def as_measurements(table: Any, name: str = "table") -> Measurements:
    """Check a table of columns: a mapping of arrays, or anything with ``keys()`` and ``[column]``, as a data frame.

    Raises:
        DataError: as ``read_measurements``; rows count from 1.
    """
    if not hasattr(table, "keys"):
        raise DataError(
            f"the measurements are {type(table).__name__}; give a path, or a mapping of the columns {_EXAMPLE}."
        )
    columns: dict[str, Sequence[Any]] = {str(key): np.asarray(table[key]).tolist() for key in table.keys()}
    if any(not isinstance(column, list) for column in columns.values()):
        raise DataError(f"a column of '{name}' is one value; give arrays of equal length.")
    lengths = {key: len(column) for key, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"the columns of '{name}' differ in length: {lengths}; give one value per row.")
    count = next(iter(lengths.values()), 0)
    text = "\n".join(
        [",".join(columns), *(",".join(map(repr, row)) for row in zip(*columns.values(), strict=True))]
    )
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return _checked(columns, [f"{name}, row {i + 1}" for i in range(count)], name, name, digest)


def _checked(
    columns: Mapping[str, Sequence[Any]], wheres: Sequence[str], header: str, name: str, digest: str
) -> Measurements:
    found = {quantity: _column_of(columns, quantity, header) for quantity in _QUANTITIES}
    if "cell" not in columns:
        raise DataError(_missing(columns, "cell", header))
    used = {"cell", *(column for column, _ in found.values() if column)}
    ignored = tuple(column for column in columns if column not in used)
    for column in ignored:
        if hint := suggest(column, _NAMES):
            raise DataError(
                f"{header}: unknown column '{column}'{hint} Rename it if its unit is that one, convert it if not, or "
                "leave it out."
            )
    if not wheres:
        raise DataError(f"{header}: there are no rows below the header; give one row per read.")
    values = {
        quantity: _numbers(columns[column], column, wheres) / per_SI
        for quantity, (column, per_SI) in found.items()
        if column
    }
    for quantity in ("target", "read"):
        _refuse_too_large(values[quantity], columns[found[quantity][0]], found[quantity][0], wheres)
    cells = [str(cell).strip() for cell in columns["cell"]]
    if "" in cells:
        raise DataError(f"{wheres[cells.index('')]}: cell is empty; name the cell that was read.")
    names, codes = np.unique(cells, return_inverse=True)
    if "time" in values and len(np.unique(values["time"])) > 1 and not values["time"].min() > 0:
        at = int(values["time"].argmin())
        raise DataError(
            f"{wheres[at]}: {found['time'][0]} = {columns[found['time'][0]][at]}, but times since programming must be "
            "above 0 where there are several (drift runs with ln t); give the delay of the first read."
        )
    shown = "".join(c if c.isprintable() else "?" for c in name)
    return Measurements(
        values["target"], values["read"], values.get("time"), codes.astype(np.int64), tuple(names.tolist()),
        shown, digest, ignored,
    )  # fmt: skip


def _column_of(columns: Mapping[str, Any], quantity: str, header: str) -> tuple[str, float]:
    """Return the column of a quantity and its units per SI unit; an empty name for a time that is not there."""
    unit = _QUANTITIES[quantity]
    named = {f"{quantity}_{prefix}{unit}": per_SI for prefix, per_SI in _PREFIXES.items()}
    if quantity == "time":
        named |= {f"time_{word}": 1.0 / seconds for word, seconds in _LONG_TIMES_s.items()}
    given = [column for column in columns if column in named]
    if len(given) > 1:
        raise DataError(f"{header}: the columns {' and '.join(given)} say the same; keep one.")
    if given:
        return given[0], named[given[0]]
    if quantity == "time":
        return "", 1.0
    raise DataError(_missing(columns, f"{quantity}_{unit}", header))


def _missing(columns: Mapping[str, Any], column: str, header: str) -> str:
    unit = " (or mS, uS, nS, pS)" if column != "cell" else ""
    return (
        f"{header}: the column {column}{unit} is missing; found: {', '.join(columns) or 'none'}. "
        f"A header is for example {_EXAMPLE}."
    )


def _numbers(column: Sequence[Any], name: str, wheres: Sequence[str]) -> Floats:
    try:
        values = np.array([float(value) for value in column])
    except (TypeError, ValueError):
        at = next(i for i, value in enumerate(column) if not _is_number(value))
        raise DataError(
            f"{wheres[at]}: {name} = '{column[at]}' is no number; write for example 12.5."
        ) from None
    wrong = np.flatnonzero(~np.isfinite(values) | (values < 0))
    if wrong.size:
        at = int(wrong[0])
        more = f" ({wrong.size} such rows)" if wrong.size > 1 else ""
        raise DataError(
            f"{wheres[at]}: {name} = {column[at]} is not a finite number >= 0{more}; "
            "leave the row out or correct it."
        )
    return values


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _refuse_too_large(values_S: Floats, column: Sequence[Any], name: str, wheres: Sequence[str]) -> None:
    wrong = np.flatnonzero(values_S > _LARGEST_S)
    if wrong.size:
        at = int(wrong[0])
        raise DataError(
            f"{wheres[at]}: {name} = {column[at]} is {values_S[at]:.3g} S, allowed are 0 to 10 mS; "
            "name the unit in the header, e.g. target_uS and read_uS."
        )
