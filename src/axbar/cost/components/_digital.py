"""What the digital parts share: the width of a partial sum, how many units there are, the leakage of logic.

A partial sum is as wide as it can get: the converter's bits, one for the sign of the plus/minus difference,
the shift of the highest slice, the carries of the row tiles and the shifts of the input's digits; all but
the first are the event ``carry_bits``, counted from the mapping.

Arithmetic keeps pace with the converters: an array with A converters gets
``ceil(A * min(1, sample_rate / clock))`` shift-adders and as many accumulators, one operation per clock each.

Logic leaks in proportion to its area: 3 nW/um2, x/÷ 4 between low-leakage and fast libraries.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Context, Floats, Term
from axbar.cost.constants import LOGIC_LEAKAGE_W_M2

__all__ = [
    "SUM_EVENTS",
    "SUM_PATHS",
    "UNITS",
    "UNITS_EVENTS",
    "UNITS_PATHS",
    "logic_leakage",
    "reads",
    "sum_bits",
    "units",
]

SUM_EVENTS, SUM_PATHS = ("carry_bits",), ("adc.bits",)


def sum_bits(x: Context) -> Floats:
    """Return the width of a partial sum in bits, ``[L, P]``."""
    return x.p("adc.bits") + x.n("carry_bits")


#: what ``units`` reads, and its formula
UNITS_EVENTS = ("arrays_built",)
UNITS_PATHS = ("crossbar.cols", "adc.cols_per_adc", "adc.sample_rate_Hz", "clock_Hz")
UNITS = "units = arrays_built · ⌈⌈cols / cols_per_adc⌉ · min(1, sample_rate / clock)⌉"


def units(x: Context) -> Floats:
    """Return the number of shift-adders, and of accumulators, ``[L, P]``."""
    per_array = np.ceil(x.p("crossbar.cols") / x.p("adc.cols_per_adc"))
    return x.n("arrays_built") * np.ceil(
        per_array * np.minimum(1.0, x.p("adc.sample_rate_Hz") / x.p("clock_Hz"))
    )


def reads(x: Context) -> Floats:
    """Return the array reads that a layer makes one after the other, ``[L, P]``."""
    return x.n("reads")


def logic_leakage(component: str) -> Term:
    """Return the leakage term of a component made of logic: its area times the leakage per area."""

    def value(x: Context) -> Floats:
        return x.results["area_m2"][component] * x.c(LOGIC_LEAKAGE_W_M2)

    return Term(
        "area · leakage per area of logic",
        value,
        constants=(LOGIC_LEAKAGE_W_M2,),
        uses=((component, "area_m2"),),
    )
