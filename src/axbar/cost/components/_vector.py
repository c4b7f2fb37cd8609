"""What the digital units between products share: the price of an operation, how many units, how long they take.

Operations work on values of w bits, the width of a partial sum:

    add, subtract, compare    w (E_add + C_FF V_DD^2)          an adder and a register per bit
    multiply                  E_8 (w / 8)^2.6                  both factors of w bits
    function of one value     E_look-up                        256 entries of 16 bits

Adder and multiplier are Horowitz's (ISSCC 2014, 45 nm); their growth with the width is that of SATA's kernels, in
which additions go with b and multiplications with b^2.6 between 4 and 32 bits. Horowitz's own 32-bit
multiplication lies 2.4 times lower than that. Checked against SATA (about 32 nm, 205 fJ at 8 bits, 1278 fJ at 16)
and Aladdin (40 nm, 12.7 pJ at 32 bits): within a factor of 2 and 3.

``units.per_tile`` units of each kind stand in every tile of a layer that needs them, none elsewhere; each
finishes one operation per clock.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Context, Floats
from axbar.cost.components import sram
from axbar.cost.constants import (
    ADDER_BIT_J,
    DFF_AREA_M2,
    DFF_F,
    FULL_ADDER_AREA_M2,
    Constant,
)

__all__ = [
    "ADD", "ADDER", "LOOKUP_J", "MULTIPLIER_AREA_M2", "MULTIPLY_J", "NOTHING_TO_DO", "PATHS", "add_J", "adder_m2",
    "busy", "clocks", "lookup_m2", "multiplier_m2", "multiply_J", "nothing", "units_where",
]  # fmt: skip

#: exponent of a multiplication's energy in the width
MULTIPLY_EXPONENT = 2.6
MULTIPLY_J = Constant(
    "digital.multiplier.energy",
    0.2e-12 / 8.0**MULTIPLY_EXPONENT,
    "J/bit^2.6",
    "M. Horowitz, ISSCC 2014, Fig. 1.1.9: int8 multiplication 0.2 pJ at 45 nm, 0.9 V; via stillwater-sc/universal",
    "sec",
    "digital energy",
    45e-9,
    0.9,
    note="growth with the width: RuokaiYin/SATA_Sim kernels of 4 to 32 bits",
)
MULTIPLIER_AREA_M2 = Constant(
    "digital.multiplier.area",
    441.504e-12 / 256.0,
    "m2/bit^2",
    "16-bit multiplier of RuokaiYin/SATA_Sim kernels (MIT); node inferred from its flip-flop area",
    "inf",
    "digital area",
    32e-9,
    note="quadratic in bits",
)
LOOKUP_J = Constant(
    "digital.lookup.energy",
    0.25e-12,
    "J/look-up",
    "own CACTI 7 fit: one 16-bit word of 512 B at 45 nm",
    "inf",
    "digital energy",
    45e-9,
    0.9,
    note="table of 256 values",
)
_TABLE_B = 512.0

#: what an addition and an adder rest on
ADD, ADDER = (ADDER_BIT_J, DFF_F), (FULL_ADDER_AREA_M2, DFF_AREA_M2)
PATHS = ("units.per_tile",)
#: of a layer that asks nothing of a unit; broadcasts
NOTHING_TO_DO: Floats = np.zeros((1, 1))
NOTHING_TO_DO.setflags(write=False)


def busy(x: Context, *events: str) -> bool:
    """Return whether any layer has any of these events; most networks need few of the units."""
    return bool(sum(int(x.n(event).any()) for event in events))


def nothing(x: Context) -> Floats:
    """Return what stands for no figure at all in a context, which sums leave out; for parts that most chips lack."""
    return NOTHING_TO_DO if x.zeros is None else x.zeros


def add_J(x: Context) -> Floats:
    """Return the energy of one bit of an addition or comparison."""
    vdd_V = x.p("technology.vdd_V")
    return x.c(ADDER_BIT_J) + x.c(DFF_F) * (vdd_V * vdd_V)


def multiply_J(x: Context, width: Floats) -> Floats:
    """Return the energy of one multiplication of two ``width``-bit values.

    >>> float(MULTIPLY_J.value * 8.0**2.6)
    2e-13
    """
    return x.c(MULTIPLY_J) * np.exp(MULTIPLY_EXPONENT * np.log(width))


def adder_m2(x: Context) -> Floats:
    """Return the area of one bit of an adder with its register."""
    return x.c(FULL_ADDER_AREA_M2) + x.c(DFF_AREA_M2)


def multiplier_m2(x: Context, width: Floats) -> Floats:
    """Return the area of a multiplier."""
    return x.c(MULTIPLIER_AREA_M2) * (width * width)


def lookup_m2(x: Context) -> Floats:
    """Return the area of a table: an SRAM of 512 B."""
    return 8.0 * _TABLE_B * sram.area_m2_per_bit(np.array([_TABLE_B]), x.p("technology.node_m"))


def units_where(x: Context, *events: str) -> Floats:
    """Return the units of layers that have any of these events, ``[L, P]``."""
    needed = x.n(events[0]) > 0.0
    for event in events[1:]:
        needed = needed | (x.n(event) > 0.0)
    return needed * (x.n("tiles") * x.p("units.per_tile"))


def clocks(x: Context, operations: Floats) -> Floats:
    """Return the clocks that the units of a layer's tiles take for its operations."""
    return np.ceil(operations / (x.n("tiles") * x.p("units.per_tile")))
