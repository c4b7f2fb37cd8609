"""Arrays of SRAM cells that hold operands of run time on a chip of whatever device (``run_time.unit``: sram).

Their cells are those of the registered device ``sram``, whatever the chip's own are: conductance, area and the energy
and time of a write. Where a layer has no such arrays, the chip's device holds.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from axbar.cost._types import Context, Floats
from axbar.cost.constants import Constant
from axbar.devices.sram import PRESET

__all__ = ["AREA_F2", "EVENTS", "ON_S", "WRITE_J", "WRITE_S", "cell_area_F2", "conductances"]

EVENTS: Final = ("sram_arrays",)


def _constant(field: str, name: str, unit: str) -> Constant:
    known = PRESET.sources[field]
    return Constant(
        f"device.sram.{name}",
        getattr(PRESET.spec, field),
        unit,
        known.source,
        known.confidence,
        note="cells that hold operands of run time",
    )


ON_S: Final = _constant("g_on_S", "conductance", "S")
AREA_F2: Final = _constant("cell_area_F2", "area", "F2/cell")
WRITE_J: Final = _constant("write_energy_J", "write_energy", "J/cell")
WRITE_S: Final = _constant("write_time_s", "write_time", "s")


def conductances(x: Context) -> tuple[Floats, Floats]:
    """Return the smallest and the largest conductance of a cell, ``[P]``, or ``[L, P]`` where layers differ."""
    arrays, off_S, on_S = x.n("sram_arrays"), x.p("device.g_off_S"), x.p("device.g_on_S")
    if not arrays.any():
        return off_S, on_S
    here = arrays > 0.0
    return np.where(here, PRESET.spec.g_off_S, off_S), np.where(here, x.c(ON_S), on_S)


def cell_area_F2(x: Context) -> Floats:
    """Return the area of a cell in squares of the node, ``[P]``, or ``[L, P]`` where layers differ."""
    arrays, area_F2 = x.n("sram_arrays"), x.p("device.cell_area_F2")
    return np.where(arrays > 0.0, x.c(AREA_F2), area_F2) if arrays.any() else area_F2
