"""A table of layers, one per line, as a workload.

The first line names the columns, the fields of ``LayerShape`` in any order; only ``in_channels`` and
``out_channels`` are needed. Sizes are one number or ``rowsxcolumns`` (``32`` or ``32x28``); ``inputs`` are
names joined by ``+``; empty cells take the default; empty lines and lines that begin with ``#`` are skipped.
For example::

    name,op,in_channels,out_channels,in_size,kernel,padding,rate,steps,bits,neuron
    conv1,conv2d,3,64,32,3,1,0.5,1,8,yes
    fc,linear,64,10,,,,0.2,4,1,no
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from axbar.errors import DataError, UsageError, unknown_name
from axbar.workload._layers import LayerShape, build, shape_of
from axbar.workload._types import Workload

__all__ = ["COLUMNS", "from_csv"]

COLUMNS = ("name", "op", "in_channels", "out_channels", "in_size", "kernel", "stride", "padding", "groups",
"rate",
           "steps", "bits", "signed", "neuron", "inputs")  # fmt: skip
_PAIRS = ("in_size", "kernel", "stride", "padding")
_WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def from_csv(path: Path, *, name: str | None = None, steps: int | None = None) -> Workload:
    """Read the table at ``path``; see ``Workload.from_csv``."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"there is no table of layers '{path}'; check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"can't read the table of layers {path}: {error}.") from None
    lines = [
        (number, cells)
        for number, cells in enumerate(csv.reader(text.splitlines()), start=1)
        if any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith("#")
    ]
    if len(lines) < 2:
        raise DataError(f"{path} holds no layers; give a line of column names and one line per layer.")
    columns = _columns(lines[0][1], f"{path}:{lines[0][0]}")
    wheres = ((f"{path}:{number}", cells) for number, cells in lines[1:])
    shapes = [(where, _layer(columns, cells, where)) for where, cells in wheres]
    return build(shapes, name=name or path.stem, steps=steps)


def _columns(cells: list[str], where: str) -> list[str]:
    columns = [cell.strip() for cell in cells]
    for column in columns:
        if column not in COLUMNS:
            raise DataError(f"{where}: {unknown_name('column', column, COLUMNS)}")
        if columns.count(column) > 1:
            raise DataError(f"{where}: the column '{column}' is given twice.")
    return columns


def _layer(columns: list[str], cells: list[str], where: str) -> LayerShape:
    if len(cells) > len(columns):
        raise DataError(f"{where}: {len(cells)} cells, but there are {len(columns)} columns.")
    given = {column: cell.strip() for column, cell in zip(columns, cells, strict=False) if cell.strip()}
    return shape_of({column: _value(column, cell, where) for column, cell in given.items()}, where)


def _value(column: str, cell: str, where: str) -> Any:
    if column in ("name", "op"):
        return cell
    if column == "inputs":
        return tuple(part.strip() for part in cell.split("+"))
    if column in ("neuron", "signed"):
        if cell.lower() not in _WORDS:
            raise DataError(f"{where}: {column} is '{cell}'; allowed: yes, no.")
        return _WORDS[cell.lower()]
    try:
        if column == "rate":
            return float(cell)
        parts = [int(part) for part in cell.lower().replace("×", "x").split("x")]
    except ValueError:
        allowed = "a number" if column == "rate" else "a whole number"
        raise DataError(f"{where}: {column} is '{cell}'; allowed: {allowed}.") from None
    if len(parts) == 1:
        return parts[0]
    if column in _PAIRS and len(parts) == 2:
        return (parts[0], parts[1])
    allowed = "one number, or rows x columns" if column in _PAIRS else "one number"
    raise DataError(f"{where}: {column} is '{cell}'; allowed: {allowed}.")
