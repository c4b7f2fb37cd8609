"""A table of measurements of one macro: conditions, energies, areas; one row per operating point.

Columns that are numbers of a macro (``vdd_V``, ``input_bits``, ...) replace those of its description. Measured are
``energy_per_op_J`` (one operation of one array) or ``tops_per_W``; optional ``area_m2`` (all arrays) or
``tops_per_mm2``, and energies of one operation by component: ``array_energy_J``, ``adc_energy_J``, ... Cells hold SI
numbers or texts with a unit (``9.7 pJ``); an empty cell is not measured. ``use`` says ``calibrate`` or ``test``,
``name`` what to call a row.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from axbar.cost.macro._points import NUMBERS
from axbar.errors import DataError, UsageError, suggest
from axbar.units import parse_quantity, unit_of

__all__ = ["COMPONENTS", "Measured", "read_measured"]

#: column -> component; ``adc`` stands for whatever converter the macro has
COMPONENTS = {f"{name}_energy_J": name for name in ("array", "adc", "drivers", "digital", "leakage")}
_TOTALS = ("energy_per_op_J", "tops_per_W")
_AREAS = ("area_m2", "tops_per_mm2")
_KNOWN = (*_TOTALS, *_AREAS, *COMPONENTS, "use", "name", *NUMBERS)
_USES = ("calibrate", "test")
_MAX_BYTES = 10_000_000


@dataclass(frozen=True)
class Measured:
    """One row.

    Args:
        name: what to call it.
        use: ``calibrate``, ``test`` or nothing.
        conditions: numbers of the macro that differ.
        values: measured columns that are filled.
    """

    name: str
    use: str
    conditions: Mapping[str, float]
    values: Mapping[str, float]


def read_measured(path: str | Path) -> tuple[Measured, ...]:
    """Return the rows of a table.

    Raises:
        UsageError: there is no such file.
        DataError: it can't be read, a column is unknown or missing, or a cell is no positive number.
    """
    reader = csv.reader(io.StringIO(_text(Path(path))))
    lines = [(reader.line_num, line) for line in reader if any(cell.strip() for cell in line)]
    if len(lines) < 2:
        raise DataError(f"{path}: holds no measurements; write a line of column names and a line per point.")
    heads = [head.strip() for head in lines[0][1]]
    _check_heads(heads, str(path))
    rows = tuple(_row(heads, cells, f"{path}:{number}", number) for number, cells in lines[1:])
    if "use" in heads and not any(row.use == "calibrate" for row in rows):
        raise DataError(
            f"{path}: column 'use' marks no row to calibrate on; write calibrate in some rows and test in others, or "
            "leave the column out."
        )
    return rows


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DataError(f"{path}: too large for a table of measurements (at most {_MAX_BYTES:,} bytes).")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"there is no file '{path}'; give a CSV with the column {_TOTALS[0]}.") from None
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: is no UTF-8 text; save the table as CSV in UTF-8.") from None


def _check_heads(heads: Sequence[str], path: str) -> None:
    for head in heads:
        if ";" in head:
            raise DataError(
                f"{path}: '{head}' holds a semicolon; separate cells by commas, and write decimals with a point "
                "(in a spreadsheet: save as CSV, separator comma)."
            )
        if head not in _KNOWN:
            raise DataError(
                f"{path}: unknown column '{head}'{suggest(head, _KNOWN) or '.'} Measured: "
                f"{', '.join((*_TOTALS, *_AREAS, *COMPONENTS))}; conditions: numbers of the macro such as vdd_V; "
                "and use, name."
            )
        if heads.count(head) > 1:
            raise DataError(f"{path}: column '{head}' is given twice; remove one.")
    for pair in (_TOTALS, _AREAS):
        if all(name in heads for name in pair):
            raise DataError(f"{path}: columns '{pair[0]}' and '{pair[1]}' say the same; keep one.")
    if not any(name in heads for name in _TOTALS):
        raise DataError(
            f"{path}: missing column: {_TOTALS[0]} (joules per operation of one array) or {_TOTALS[1]}."
        )


def _row(heads: Sequence[str], cells: Sequence[str], where: str, number: int) -> Measured:
    if len(cells) != len(heads):
        raise DataError(f"{where}: {len(cells)} cells under {len(heads)} columns; fill or remove some.")
    filled = {head: cell.strip() for head, cell in zip(heads, cells, strict=True) if cell.strip()}
    use, name = filled.pop("use", ""), filled.pop("name", f"line {number}")
    if "use" in heads and use not in _USES:
        raise DataError(
            f"{where}: use = '{use}' is not one of {', '.join(_USES)}{suggest(use, _USES) or '.'}"
        )
    values = {head: _number(head, cell, where) for head, cell in filled.items()}
    conditions = {head: value for head, value in values.items() if head in NUMBERS}
    measured = {head: value for head, value in values.items() if head not in NUMBERS}
    for head, value in measured.items():
        if value <= 0.0:
            raise DataError(
                f"{where}: {head} = {value:g} is not positive, as a measured cost is; write SI numbers or "
                "units, and leave the cell empty where nothing was measured."
            )
    if not any(total in measured for total in _TOTALS):
        raise DataError(
            f"{where}: no total is measured; fill {' or '.join(t for t in _TOTALS if t in heads)}."
        )
    return Measured(name, use, conditions, measured)


def _number(head: str, cell: str, where: str) -> float:
    unit = unit_of(head)
    try:
        value = parse_quantity(cell, "" if head in _TOTALS[1:] + _AREAS[1:] else unit)
    except ValueError as error:
        raise DataError(
            f"{where}: {head}: {error}; write an SI number or one with its unit, e.g. '9.7 pJ'."
        ) from None
    if not math.isfinite(value):
        raise DataError(f"{where}: {head} = {cell} is no finite number; write an SI number.")
    return value
