"""Sense amplifier: one bit per column, as in designs without converters that read spikes with a comparator.

    E = E_cmp + C_FF V_DD^2,     A = A_cmp + A_FF,     t = 1 / sample_rate,

TIMELY's comparator (41.7 fJ and 40 um2 at 65 nm, simulated; see ``flash``) and a flip-flop that holds its decision.
It decides one bit, so ``adc.bits`` must be 1. Checked against other figures for the same decision: a dynamic latch is
quoted at 10 to 200 fJ at 65 nm, the sense amplifier of an SRAM in MNSIM-2.0 at 1.6 fJ (28 nm, 0.8 V; bit-line swing
excluded), a sixth of this comparator there. The swing of the bit line is the component ``bit_lines``.
"""

from __future__ import annotations

from axbar.cost._types import Context, Floats, Parts, Term
from axbar.cost.components.adc import _common
from axbar.cost.components.adc.flash import COMPARATOR_AREA_M2, COMPARATOR_J
from axbar.cost.constants import DFF_AREA_M2, DFF_F

__all__ = ["PARTS", "sense_energy_J"]


def sense_energy_J(comparator_J: Floats, latch_F: Floats, vdd_V: Floats) -> Floats:
    """Return the energy of one decision; arguments broadcast."""
    return comparator_J + latch_F * (vdd_V * vdd_V)


def _energy(x: Context) -> Floats:
    return x.n("conversions") * sense_energy_J(x.c(COMPARATOR_J), x.c(DFF_F), x.p("technology.vdd_V"))


def _area(x: Context) -> Floats:
    return _common.converters(x) * (x.c(COMPARATOR_AREA_M2) + x.c(DFF_AREA_M2))


PARTS = Parts(
    energy_J=Term(
        "conversions · (E_comparator + C_FF · V_DD²)",
        _energy,
        ("conversions",),
        ("technology.vdd_V",),
        (COMPARATOR_J, DFF_F),
    ),
    latency_s=_common.AT_RATE,
    area_m2=Term(
        f"converters · (A_comparator + A_FF), {_common.BUILT}",
        _area,
        _common.BUILT_EVENTS,
        _common.BUILT_PATHS,
        (COMPARATOR_AREA_M2, DFF_AREA_M2),
    ),
    leakage_W=_common.LEAKAGE,
)
