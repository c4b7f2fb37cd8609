"""A macro on many operating points at once: its numbers as arrays that broadcast, its open numbers filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from axbar.cost._types import Floats
from axbar.cost.components import charge_cells
from axbar.cost.constants import Constant
from axbar.cost.macro._macro import Macro
from axbar.errors import UsageError, unknown_name
from axbar.spec._base import number_type

__all__ = ["NUMBERS", "Points", "points"]

#: the fields of a macro that are numbers and may be given as columns
NUMBERS = tuple(
    name for name, f in Macro.model_fields.items() if number_type(f.annotation) is float
)  # bools, names and kinds are not


@dataclass(frozen=True)
class Points:
    """What the equations read.

    Args:
        macro: names and kinds.
        numbers: field -> array; all broadcast against each other.
    """

    macro: Macro
    numbers: Mapping[str, Floats]

    def __getitem__(self, field: str) -> Floats:
        """Return one number, an array."""
        return self.numbers[field]

    def c(self, constant: Constant) -> Floats:
        """Return a constant at this node and supply."""
        return constant.at(self["node_m"], self["vdd_V"])

    @property
    def macs(self) -> Floats:
        """Multiplications with addition per operation of one array."""
        return self["rows"] / self["rows_per_weight"] * self.outputs

    @property
    def outputs(self) -> Floats:
        """Sums per operation of one array."""
        return self["cols"] / self["cols_per_weight"]

    @property
    def passes(self) -> Floats:
        """How often the rows are driven per operation."""
        if self.macro.input != "serial":
            return np.ones_like(self["input_bits"])
        bits = self["input_bits"] - (1.0 if self.macro.signed_pulses else 0.0)
        return np.maximum(np.ceil(bits / self["bits_per_pass"]), 1.0)

    @property
    def conversions(self) -> Floats:
        """Conversions per operation of one array: after each pass, but for neurons that integrate over passes."""
        if self.macro.adc == "none":
            return np.zeros_like(self["cols"])
        passes = 1.0 if self.macro.adc == "charge-decrement" else self.passes
        return self["cols"] / self["cols_per_conversion"] * passes

    @property
    def time_s(self) -> Floats:
        """Time of one operation."""
        return self["op_time_s"]


def points(macro: Macro, columns: Mapping[str, ArrayLike] | None = None) -> Points:
    """Return a macro with some of its numbers replaced by columns.

    Raises:
        UsageError: a column is no number of a macro, or lies outside what the field allows.
    """
    given = {name: np.asarray(value, dtype=np.float64) for name, value in (columns or {}).items()}
    for name, column in given.items():
        _check(name, column)
    numbers: dict[str, Floats] = {}
    for name in NUMBERS:
        value = given.get(name, getattr(macro, name))
        if value is not None:
            numbers[name] = np.atleast_1d(np.asarray(value, dtype=np.float64))
    numbers.setdefault("cell_F", np.array([charge_cells.CELL_F.value]))
    numbers.setdefault("wordline_V", numbers["vdd_V"])
    numbers.setdefault("wordline_activity", numbers["input_activity"])
    if "op_time_s" not in numbers:
        passes = Points(macro, numbers).passes
        numbers["op_time_s"] = passes / numbers["clock_Hz"]
    return Points(macro, numbers)


def _check(name: str, column: Floats) -> None:
    if name not in NUMBERS:
        raise UsageError(unknown_name("number of a macro", name, NUMBERS))
    bounds = {key: value for m in Macro.model_fields[name].metadata for key, value in _bounds(m).items()}
    low, high = bounds.get("ge", bounds.get("gt", -np.inf)), bounds.get("le", np.inf)
    bad = ~np.isfinite(column) | (column < low) | (column > high) | (("gt" in bounds) & (column <= low))
    if bad.any():
        raise UsageError(
            f"{name} = {np.atleast_1d(column)[np.atleast_1d(bad)][0]:g} lies outside {low:g} to {high:g}; "
            "numbers are in SI units."
        )


def _bounds(mark: object) -> dict[str, float]:
    """Return the bounds that one of pydantic's marks sets."""
    return {key: float(getattr(mark, key)) for key in ("ge", "gt", "le") if hasattr(mark, key)}
