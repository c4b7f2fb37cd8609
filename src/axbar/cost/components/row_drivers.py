"""Row drivers: what it takes to select one row of one array.

An active row's word line swings to V_DD. Its capacitance is wire plus one access-transistor gate per cell,
over all columns of the array, used or not; the bit that selects it is latched in a row register:

    E = a * [ cols * (c_w * pitch + m c_tx) + C_FF ] * V_DD^2,     pitch = sqrt(cell_area_F2) * F,

c_w = 0.2 fF/um at every node; c_tx = 1/4 of a NAND2 input, half of what a 6T SRAM row puts on its word line
per cell (zigzag-imc); m access transistors per cell: two of a volatile device, an SRAM cell, one of others. Rows
that stay off cost nothing. Area per row: a flip-flop and the 1-bit driver of ISAAC. Against silicon this
underestimates (NeuRRAM: word lines 18.9 of 43.5 fJ per operation); high-voltage level shifters of the programming
path are not included.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components import _sram_arrays as run_time
from axbar.cost.components._digital import logic_leakage
from axbar.cost.constants import DFF_AREA_M2, DFF_F, WIRE_F_M, Constant

__all__ = ["ROW_DRIVERS", "row_energy_J"]

ACCESS_GATE_F = Constant(
    "driver.access_gate.capacitance",
    0.175e-15,
    "F/cell",
    "half of 0.35 fF per cell on a 6T word line at 28 nm: KULeuven-MICAS/zigzag-imc imc_unit.py (BSD-3)",
    "code",
    "gate capacitance",
    28e-9,
    note="per access transistor: one per cell (1T1R), two in a 6T cell",
)
DRIVER_AREA_M2 = Constant(
    "driver.row.area",
    0.166e-12,
    "m2/row",
    "ISAAC 1-bit DAC, 32 nm: Accelergy-Project/hwcomponents-library isaac (MIT)",
    "code",
    "digital area",
    32e-9,
)


def row_energy_J(
    cols: Floats, pitch_m: Floats, wire_F_m: Floats, gate_F: Floats, register_F: Floats, vdd_V: Floats
) -> Floats:
    """Return the energy of selecting one row of one array, ``gate_F`` per cell; arguments broadcast."""
    return (cols * (wire_F_m * pitch_m + gate_F) + register_F) * (vdd_V * vdd_V)


def _energy(x: Context) -> Floats:
    pitch_m = np.sqrt(run_time.cell_area_F2(x)) * x.p("technology.node_m")
    volatile, built = x.n("volatile_cells"), x.n("built_cells")
    # one device for all layers, so the first one tells: a sweep then takes [P] and not [L, P] numbers
    if built[0].all() and not x.n("sram_arrays").any():
        volatile, built = volatile[:1], built[:1]
    gates = 1.0 + volatile / np.maximum(built, 1.0)
    gate_F, register_F = gates * x.c(ACCESS_GATE_F), x.c(DFF_F)
    return x.n("row_activations") * row_energy_J(
        x.p("crossbar.cols"), pitch_m, x.c(WIRE_F_M), gate_F, register_F, x.p("technology.vdd_V")
    )


def _rows(x: Context) -> Floats:
    return x.n("arrays_built") * x.p("crossbar.rows")


def _area(x: Context) -> Floats:
    return _rows(x) * (x.c(DFF_AREA_M2) + x.c(DRIVER_AREA_M2))


def _activations(x: Context) -> Floats:
    return x.n("row_activations")


ROW_DRIVERS = Component(
    name="row_drivers",
    group="array",
    summary="row drivers: word lines of active rows",
    parts={
        "": Parts(
            energy_J=Term(
                "row_activations · (cols · (c_wire · pitch + gates · c_gate) + C_FF) · V_DD², "
                "pitch = √cell_area_F2 · node (that of SRAM cells where there are sram_arrays), gates = 1 + "
                "volatile_cells / built_cells",
                _energy,
                events=("row_activations", "volatile_cells", "built_cells", *run_time.EVENTS),
                paths=("crossbar.cols", "device.cell_area_F2", "technology.node_m", "technology.vdd_V"),
                constants=(WIRE_F_M, ACCESS_GATE_F, DFF_F, run_time.AREA_F2),
            ),
            area_m2=Term(
                "arrays_built · rows · (A_FF + A_driver)",
                _area,
                events=("arrays_built",),
                paths=("crossbar.rows",),
                constants=(DFF_AREA_M2, DRIVER_AREA_M2),
            ),
            leakage_W=logic_leakage("row_drivers"),
        )
    },
    event=Count("one active row of one array", _activations, events=("row_activations",)),
    turn=None,
    instance=Count("one row driver", _rows, events=("arrays_built",), paths=("crossbar.rows",)),
    spread=2.0,
)
