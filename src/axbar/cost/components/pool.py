"""Pooling units: maximum, average or sum over windows, over positions, or over a whole map.

    E = ors * E_or + (wide * w + bits) * (E_add + C_FF V_DD^2),       w the width of a partial sum.

The maximum of spikes is their OR: two gates of NAND2 size and a register per OR. The maximum of sums is a chain of
comparisons, an average a chain of additions whose result has log2 of the window more bits (its division is a
shift, or belongs to the next layer's scale). A unit takes one sum per clock, or one buffer word of spikes. Area:
an adder with its register where a layer pools sums, OR gates for a word where it pools spikes.
"""

from __future__ import annotations

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components import _vector as v
from axbar.cost.components._digital import SUM_EVENTS, SUM_PATHS, logic_leakage, sum_bits
from axbar.cost.constants import DFF_AREA_M2, DFF_F, NAND2_AREA_M2, Constant

__all__ = ["POOL"]

OR2_F = Constant(
    "gate.or2.capacitance",
    1.4e-15,
    "F",
    "twice NAND2 of the 28 nm gate parameters of KULeuven-MICAS/zigzag-imc, imc_unit.py (BSD-3)",
    "inf",
    "gate capacitance",
    28e-9,
    note="a NOR and its inverter",
)
_NAND2_PER_OR = 2.0  # a NOR and its inverter

_OPERATIONS = ("pool_ors", "pool_operations")


def _energy(x: Context) -> Floats:
    if not v.busy(x, *_OPERATIONS):
        return v.NOTHING_TO_DO
    vdd_V = x.p("technology.vdd_V")
    one = (x.c(OR2_F) + x.c(DFF_F)) * (vdd_V * vdd_V)
    return x.n("pool_ors") * one + (x.n("pool_wide") * sum_bits(x) + x.n("pool_bits")) * v.add_J(x)


def _turns(x: Context) -> Floats:
    if not v.busy(x, *_OPERATIONS):
        return v.NOTHING_TO_DO
    return v.clocks(x, x.n("pool_ors") / x.p("buffer.word_bits") + x.n("pool_operations"))


def _latency(x: Context) -> Floats:
    return _turns(x) * (1.0 / x.p("clock_Hz"))


def _area(x: Context) -> Floats:
    if not v.busy(x, *_OPERATIONS):
        return v.NOTHING_TO_DO
    gate = _NAND2_PER_OR * x.c(NAND2_AREA_M2) + x.c(DFF_AREA_M2)
    ors = v.units_where(x, "pool_ors") * (x.p("buffer.word_bits") * gate)
    return ors + v.units_where(x, "pool_operations") * (sum_bits(x) * v.adder_m2(x))


def _events(x: Context) -> Floats:
    return x.n("pool_ors") + x.n("pool_operations")


def _units(x: Context) -> Floats:
    return v.units_where(x, *_OPERATIONS)


_TURN_EVENTS, _TURN_PATHS = (*_OPERATIONS, "tiles"), (*v.PATHS, "buffer.word_bits")

POOL = Component(
    name="pool",
    group="units",
    summary="maximum, average and sum over windows",
    parts={
        "": Parts(
            energy_J=Term(
                "pool_ors · (C_OR + C_FF) · V_DD² + (pool_wide · w + pool_bits) · (E_add + C_FF · V_DD²), "
                "w = adc.bits + carry_bits",
                _energy,
                (*_OPERATIONS, "pool_wide", "pool_bits", *SUM_EVENTS),
                ("technology.vdd_V", *SUM_PATHS),
                (OR2_F, *v.ADD),
            ),
            latency_s=Term(
                "⌈(pool_ors / word_bits + pool_operations) / (tiles · units.per_tile)⌉ / clock",
                _latency,
                _TURN_EVENTS,
                (*_TURN_PATHS, "clock_Hz"),
            ),
            area_m2=Term(
                "tiles · units.per_tile · (word_bits · (2 A_NAND2 + A_FF) where spikes are pooled, w · (A_full_adder "
                "+ A_FF) where sums are)",
                _area,
                (*_TURN_EVENTS, *SUM_EVENTS),
                (*_TURN_PATHS, *SUM_PATHS),
                (NAND2_AREA_M2, *v.ADDER),
            ),
            leakage_W=logic_leakage("pool"),
        )
    },
    event=Count("one OR, comparison or addition", _events, _OPERATIONS),
    turn=Count("one clock of all units", _turns, _TURN_EVENTS, _TURN_PATHS),
    instance=Count("one pooling unit", _units, _TURN_EVENTS, v.PATHS),
    spread=1.5,
)
