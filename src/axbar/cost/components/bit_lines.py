"""Bit lines: what it takes to charge the columns that are read.

A column is wire plus one transistor's junction per cell, over all rows of the array, used or not. Before it settles,
a read has to charge it; with s columns that swing,

    E = s * rows * (c_w * pitch + c_tx) * V * V_read,     pitch = sqrt(cell_area_F2) * F,

V the potential that the charge comes from: V_read, or V_DD with current-mode readout (``read.mode``). The swing is
taken as the whole read voltage: right for SRAM, whose bit lines are precharged to it, an upper bound where an
amplifier holds them at virtual ground. Columns of an array without an active row stay where they are:

    s = min(conversions, row_activations * used_columns),

for every active row makes at most the used columns of one array swing once. So silence costs nothing here, and few
spikes little. c_w = 0.2 fF/um at every node; the junction is taken as large as the gate on the word line, 1/4 of a
NAND2 input. A component of its own, for it is neither the cells (whose current does the product) nor the
multiplexer (whose switches it does not pass): it alone grows with the rows of an array. Wires take their area over
the cells and leak nothing; settling is part of the read pulse. Against silicon this is low: a magnetic column of
Jung et al., Nature 2022, has 2.1 fF per cell at 28 nm (third-party notes), ten times as much.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components import _sram_arrays as run_time
from axbar.cost.components.row_drivers import ACCESS_GATE_F
from axbar.cost.constants import WIRE_F_M

__all__ = ["BIT_LINES", "column_F"]

_EVENTS = ("conversions", "row_activations", "used_columns")
_SWINGS = (
    "swings = min(conversions, row_activations · used_columns), cell_area_F2 that of SRAM cells where there are "
    "sram_arrays"
)
_COLUMN = "rows · (c_wire · √cell_area_F2 · node + c_junction)"


def column_F(rows: Floats, pitch_m: Floats, wire_F_m: Floats, junction_F: Floats) -> Floats:
    """Return the capacitance of one column; arguments broadcast.

    >>> f"{float(column_F(np.array(64.0), np.array(1e-6), np.array(0.2e-9), np.array(0.3e-15))):.3g}"
    '3.2e-14'
    """
    return rows * (wire_F_m * pitch_m + junction_F)


def _swings(x: Context) -> Floats:
    return np.minimum(x.n("conversions"), x.n("row_activations") * x.n("used_columns"))


def _charge_C(x: Context) -> Floats:
    pitch_m = np.sqrt(run_time.cell_area_F2(x)) * x.p("technology.node_m")
    column = column_F(x.p("crossbar.rows"), pitch_m, x.c(WIRE_F_M), x.c(ACCESS_GATE_F))
    return _swings(x) * (column * x.p("read.v_read_V"))


def _from_read(x: Context) -> Floats:
    return _charge_C(x) * x.p("read.v_read_V")


def _from_supply(x: Context) -> Floats:
    return _charge_C(x) * x.p("technology.vdd_V")


_PATHS = ("crossbar.rows", "device.cell_area_F2", "technology.node_m", "read.v_read_V")
_READ = (*_EVENTS, *run_time.EVENTS)
_CONSTANTS = (WIRE_F_M, ACCESS_GATE_F, run_time.AREA_F2)

BIT_LINES = Component(
    name="bit_lines",
    group="array",
    summary="bit lines: charging the columns of arrays with active rows",
    parts={
        "voltage": Parts(
            energy_J=Term(f"swings · {_COLUMN} · V_read², {_SWINGS}", _from_read, _READ, _PATHS, _CONSTANTS)
        ),
        "current": Parts(
            energy_J=Term(
                f"swings · {_COLUMN} · V_DD · V_read, {_SWINGS}",
                _from_supply,
                _READ,
                (*_PATHS, "technology.vdd_V"),
                _CONSTANTS,
            )
        ),
    },
    event=Count("one column that swings", _swings, _EVENTS),
    turn=None,
    instance=None,
    spread=2.0,
    choose="read.mode",
)
