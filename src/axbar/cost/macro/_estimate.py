"""What one operation of a macro takes, by kind of component, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from axbar.cost._types import Floats, add_up
from axbar.cost.macro import _area, _energy
from axbar.cost.macro._macro import Macro
from axbar.cost.macro._points import Points, points

__all__ = ["MacroEstimate", "estimate_macro", "kinds"]


@dataclass(frozen=True)
class MacroEstimate:
    """Costs of one operation of one array, ``[P]`` each.

    Args:
        energy_J, area_m2: by kind of component: ``array``, ``adc.KIND``, ``drivers``, ``digital``, ``leakage``.
        macs: multiplications with addition.
        op_time_s: time.
    """

    energy_J: Mapping[str, Floats]
    area_m2: Mapping[str, Floats]
    macs: Floats
    op_time_s: Floats
    macros: Floats

    @property
    def total_J(self) -> Floats:
        """Energy of one operation, the sum over kinds."""
        return add_up(np.array(list(self.energy_J.values())))

    @property
    def energy_per_mac_J(self) -> Floats:
        """Energy per multiplication with addition."""
        return self.total_J / self.macs

    @property
    def total_area_m2(self) -> Floats:
        """Area of all arrays with their periphery."""
        return add_up(np.array(list(self.area_m2.values()))) * self.macros

    @property
    def tops(self) -> Floats:
        """Operations per second of all arrays, two per multiplication with addition, in 10^12."""
        return 2e-12 * self.macs * self.macros / self.op_time_s

    @property
    def tops_per_W(self) -> Floats:
        """Operations per joule, in 10^12."""
        return 2e-12 / self.energy_per_mac_J

    @property
    def tops_per_mm2(self) -> Floats:
        """Operations per second and area."""
        return self.tops / (self.total_area_m2 * 1e6)

    def calibrated(self, factors: Mapping[str, float]) -> MacroEstimate:
        """Return the same with the energy of each kind multiplied; kinds that are not named keep theirs."""
        energy = {kind: value * factors.get(kind, 1.0) for kind, value in self.energy_J.items()}
        return MacroEstimate(energy, self.area_m2, self.macs, self.op_time_s, self.macros)


def kinds(macro: Macro) -> tuple[str, ...]:
    """Return the kinds of component that a macro has."""
    own = () if macro.adc == "none" else (f"adc.{macro.adc}",)
    array = () if macro.array.startswith("digital") else ("array",)
    return (*array, *own, "drivers", "digital", "leakage")


def estimate_macro(
    macro: Macro,
    columns: Mapping[str, ArrayLike] | None = None,
    *,
    factors: Mapping[str, float] | None = None,
) -> MacroEstimate:
    """Return the costs of one operation on one operating point or many.

    Args:
        macro: the chip.
        columns: numbers of the macro to replace, ``{"vdd_V": [0.8, 1.0]}``; they broadcast.
        factors: calibration by kind, as ``calibration()`` returns; none by default, which leaves all at 1.

    Raises:
        UsageError: a column is no number of a macro, or lies outside what it allows.

    Example:
        >>> jia = Macro(array="charge", node_m=65e-9, vdd_V=0.85, rows=2304, cols=256, input="serial", adc="sar",
        ...             adc_bits=8)
        >>> float(estimate_macro(jia, {"vdd_V": [0.85, 1.2]}).macs[0])
        589824.0
    """
    x = points(macro, columns)
    energy, area = _shaped(x, _energy_of(x)), _shaped(x, _area_of(x))
    shape = np.broadcast_shapes(*(v.shape for v in x.numbers.values()))
    macs, time, many = (np.broadcast_to(v, shape) for v in (x.macs, x.time_s, x["macros"]))
    result = MacroEstimate(energy, area, macs, time, many)
    return result if factors is None else result.calibrated(factors)


def _energy_of(x: Points) -> dict[str, Floats]:
    law = {"array": _energy.array_J, "drivers": _energy.drivers_J, "digital": _energy.digital_J,
           "leakage": _energy.leakage_J}  # fmt: skip
    return {kind: law.get(kind, _energy.adc_J)(x) for kind in kinds(x.macro)}


def _area_of(x: Points) -> dict[str, Floats]:
    area = {"array": _area.array_m2(x), "drivers": _area.drivers_m2(x), "digital": _area.digital_m2(x)}
    return area if x.macro.adc == "none" else {**area, f"adc.{x.macro.adc}": _area.adc_m2(x)}


def _shaped(x: Points, values: Mapping[str, Floats]) -> dict[str, Floats]:
    shape = np.broadcast_shapes(*(v.shape for v in x.numbers.values()))
    return {kind: np.broadcast_to(value, shape) for kind, value in values.items()}
