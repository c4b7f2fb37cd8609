"""Accumulators: subtract the minus column from the plus column, add the row tiles of a layer.

    E = (subtractions * (adc.bits + 1) + accumulations * w) * (E_add + C_FF V_DD^2),

w the width of a partial sum; per bit an adder and a register. Each read of each array subtracts once per slice
and output; outputs that span R row tiles add R partial sums (R - 1 additions); a real input with negative values
is read in two phases, joined by one more addition. Adder: Horowitz, ISSCC 2014, linear in bits (other sources
lie up to 2.6 times higher); register and area: 28 nm gates, one full adder and one flip-flop per bit. Latency
per read: one clock for the subtraction and one per level of the adder tree over row tiles.
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
from axbar.cost.constants import ADDER_BIT_J, DFF_AREA_M2, DFF_F, FULL_ADDER_AREA_M2

__all__ = ["ACCUMULATORS"]


def _bits(x: Context) -> Floats:
    return x.n("subtractions") * (x.p("adc.bits") + 1.0) + x.n("accumulations") * sum_bits(x)


def _energy(x: Context) -> Floats:
    vdd_V = x.p("technology.vdd_V")
    return _bits(x) * (x.c(ADDER_BIT_J) + x.c(DFF_F) * (vdd_V * vdd_V))


def _latency(x: Context) -> Floats:
    return x.n("reads") * (1.0 + x.n("adder_levels")) * (1.0 / x.p("clock_Hz"))


def _area(x: Context) -> Floats:
    return units(x) * (sum_bits(x) * (x.c(FULL_ADDER_AREA_M2) + x.c(DFF_AREA_M2)))


def _operations(x: Context) -> Floats:
    return x.n("subtractions") + x.n("accumulations")


_WIDTH = "w = adc.bits + carry_bits"

ACCUMULATORS = Component(
    name="accumulators",
    group="digital",
    summary="plus/minus subtraction and addition over row tiles",
    parts={
        "": Parts(
            energy_J=Term(
                f"(subtractions · (adc.bits + 1) + accumulations · w) · (E_add + C_FF · V_DD²), {_WIDTH}",
                _energy,
                ("subtractions", "accumulations", *SUM_EVENTS),
                ("technology.vdd_V", *SUM_PATHS),
                (ADDER_BIT_J, DFF_F),
            ),
            latency_s=Term(
                "reads · (1 + adder_levels) / clock", _latency, ("reads", "adder_levels"), ("clock_Hz",)
            ),
            area_m2=Term(
                f"units · w · (A_full_adder + A_FF), {_WIDTH}, {UNITS}",
                _area,
                (*UNITS_EVENTS, *SUM_EVENTS),
                (*UNITS_PATHS, *SUM_PATHS),
                (FULL_ADDER_AREA_M2, DFF_AREA_M2),
            ),
            leakage_W=logic_leakage("accumulators"),
        )
    },
    event=Count("one addition or subtraction", _operations, events=("subtractions", "accumulations")),
    turn=Count("one array read", reads, events=("reads",)),
    instance=Count("one accumulator", units, UNITS_EVENTS, UNITS_PATHS),
    spread=1.5,
)
