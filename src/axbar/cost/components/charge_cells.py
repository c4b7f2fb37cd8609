"""Cells that compute with charge, and the lines that carry it.

A charge-domain cell drives a capacitor with the product of its bit and its input; the capacitors of a column share
their top plates, so that the voltage of the column is the sum:

    E_cells = n * a * C * V_DD^2,        E_line = n * C_line * V_DD * dV,        C_line = N * (c_w * pitch + c_t),

with n cell reads, a the share of capacitors that swing in one pass, dV the swing of a line and c_t what one cell
adds to it. C = 1.2 fF is the metal capacitor of Jia et al., JSSC 2020 (CiMLoop takes 2 fF, parasitics included). A
C-2C ladder that weighs B bit cells switches 3 B C_u per product (Wang et al., VLSI 2022, C_u = 2 fF), so 3 C_u per
bit cell. A line that cells discharge by current (read bit line of an 8T SRAM) costs ``E_line`` too.

Capacitors do not shrink with the node. Checked against Jia at 0.85 V: the cells take 1.0 pJ per column of 2304 and
1-bit product, the whole column with its drivers was measured at 9.7 pJ; lines and drivers are terms of their own.
"""

from __future__ import annotations

from typing import Final

from axbar.cost._types import Floats
from axbar.cost.constants import Constant

__all__ = ["C2C_CELL_F", "CELL_F", "charge_energy_J", "line_F", "line_energy_J"]

CELL_F: Final = Constant(
    "array.charge_cell.capacitance", 1.2e-15, "F/cell",
    "Jia et al., JSSC 2020: 1.2 fF MOM capacitor per 8T1C cell, via a third-party digest", "sec",
)  # fmt: skip
C2C_CELL_F: Final = Constant(
    "array.c2c_cell.capacitance", 3 * 2e-15, "F/cell",
    "3 C_u per bit cell, C_u = 2 fF: mit-emze/cimloop wang_vlsi_2022/arch.yaml (MIT)", "code",
)  # fmt: skip


def charge_energy_J(cells: Floats, activity: Floats, cell_F: Floats, vdd_V: Floats) -> Floats:
    """Return the energy of switched cell capacitors; arguments broadcast.

    Args:
        cells: (cell, pass) pairs.
        activity: share of them that swing, 0..1.
        cell_F: capacitance per cell.
        vdd_V: supply.
    """
    return cells * activity * cell_F * (vdd_V * vdd_V)


def line_F(cells: Floats, pitch_m: Floats, wire_F_m: Floats, tap_F: Floats) -> Floats:
    """Return the capacitance of a line along ``cells`` cells, each adding ``tap_F``."""
    return cells * (wire_F_m * pitch_m + tap_F)


def line_energy_J(swings: Floats, capacitance_F: Floats, vdd_V: Floats, swing_V: Floats) -> Floats:
    """Return the energy of recharging lines from V_DD after a swing; arguments broadcast."""
    return swings * capacitance_F * vdd_V * swing_V
