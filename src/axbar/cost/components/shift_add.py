"""Shift-adders: merge the slices of a weight and the digits (at one bit each: bit planes) of a real-valued input.

    E = shift_adds * E_16 * w / 16,     A = units * A_16 * w / 16,     w the width of a partial sum.

Slice s of a weight counts 2^(s * cell_bits), so each output of each array needs ``n_slices - 1`` shift-adds
per read; digit j of an input counts 2^(j * dac_bits), so each output needs ``digits - 1`` more per vector. Networks of
one slice and spiking inputs need none; the units are still there. Source: ISAAC's 16-bit shift-and-add at 32
nm (0.021 pJ, 60 um2; at ISAAC's 1.0 V). Latency: one clock per read, the last shift-add after the last
conversion; the others hide behind conversions.
"""

from __future__ import annotations

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components._digital import (
    SUM_EVENTS,
    SUM_PATHS,
    UNITS,
    UNITS_EVENTS,
    UNITS_PATHS,
    logic_leakage,
    reads,
    sum_bits,
    units,
)
from axbar.cost.constants import Constant

__all__ = ["SHIFT_ADD"]

_ISAAC = "ISAAC 16-bit shift-and-add, 32 nm: Accelergy-Project/hwcomponents-library isaac (MIT)"
SHIFT_ADD_J = Constant(
    "shift_add.energy",
    0.021e-12 / 16,
    "J/bit",
    _ISAAC,
    "code",
    "digital energy",
    32e-9,
    1.0,
    note="linear in bits",
)
SHIFT_ADD_AREA_M2 = Constant(
    "shift_add.area", 60e-12 / 16, "m2/bit", _ISAAC, "code", "digital area", 32e-9, note="linear in bits"
)


def _energy(x: Context) -> Floats:
    return x.n("shift_adds") * (sum_bits(x) * x.c(SHIFT_ADD_J))


def _latency(x: Context) -> Floats:
    return x.n("reads") * (1.0 / x.p("clock_Hz"))


def _area(x: Context) -> Floats:
    return units(x) * (sum_bits(x) * x.c(SHIFT_ADD_AREA_M2))


def _operations(x: Context) -> Floats:
    return x.n("shift_adds")


_WIDTH = "w = adc.bits + carry_bits"

SHIFT_ADD = Component(
    name="shift_add",
    group="digital",
    summary="shift-adders over weight slices and input digits",
    parts={
        "": Parts(
            energy_J=Term(
                f"shift_adds · w · E_bit, {_WIDTH}",
                _energy,
                ("shift_adds", *SUM_EVENTS),
                SUM_PATHS,
                (SHIFT_ADD_J,),
            ),
            latency_s=Term("reads / clock", _latency, ("reads",), ("clock_Hz",)),
            area_m2=Term(
                f"units · w · A_bit, {_WIDTH}, {UNITS}",
                _area,
                (*UNITS_EVENTS, *SUM_EVENTS),
                (*UNITS_PATHS, *SUM_PATHS),
                (SHIFT_ADD_AREA_M2,),
            ),
            leakage_W=logic_leakage("shift_add"),
        )
    },
    event=Count("one shift-add", _operations, events=("shift_adds",)),
    turn=Count("one array read", reads, events=("reads",)),
    instance=Count("one shift-adder", units, UNITS_EVENTS, UNITS_PATHS),
    spread=1.5,
)
