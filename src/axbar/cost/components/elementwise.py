"""Element-wise units: residual additions, ReLU and other activations, scaling.

    E = adds * w (E_add + C_FF V_DD^2) + multiplies * E_multiply(w) + lookups * E_look-up,

w the width of a partial sum. Additions, comparisons (ReLU, clamping) and selections cost an addition; functions
without a cheaper form (GELU, sigmoid, ...) are a table of 256 values, interpolated by a multiply-add; a quotient
is a reciprocal from the table and a product. A unit finishes one element per clock. Area: an adder with its
register, and a multiplier and a table only where a layer needs them.
"""

from __future__ import annotations

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components import _vector as v
from axbar.cost.components import sram
from axbar.cost.components._digital import SUM_EVENTS, SUM_PATHS, logic_leakage, sum_bits

__all__ = ["ELEMENTWISE"]

_KINDS = ("element_adds", "element_multiplies", "element_lookups")
_EVENTS = ("element_operations",)


def _energy(x: Context) -> Floats:
    if not v.busy(x, *_KINDS):
        return v.NOTHING_TO_DO
    width = sum_bits(x)
    total = x.n("element_adds") * (width * v.add_J(x))
    if v.busy(x, *_KINDS[1:]):
        total = total + x.n("element_multiplies") * v.multiply_J(x, width)
        total = total + x.n("element_lookups") * x.c(v.LOOKUP_J)
    return total


def _turns(x: Context) -> Floats:
    if not v.busy(x, *_EVENTS):
        return v.NOTHING_TO_DO
    return v.clocks(x, x.n("element_operations"))


def _latency(x: Context) -> Floats:
    return _turns(x) * (1.0 / x.p("clock_Hz"))


def _area(x: Context) -> Floats:
    if not v.busy(x, *_EVENTS):
        return v.NOTHING_TO_DO
    width = sum_bits(x)
    total = v.units_where(x, *_EVENTS) * (width * v.adder_m2(x))
    if v.busy(x, *_KINDS[1:]):
        total = total + v.units_where(x, "element_multiplies") * v.multiplier_m2(x, width)
        total = total + v.units_where(x, "element_lookups") * v.lookup_m2(x)
    return total


def _operations(x: Context) -> Floats:
    return x.n("element_operations")


def _units(x: Context) -> Floats:
    return v.units_where(x, *_EVENTS)


ELEMENTWISE = Component(
    name="elementwise",
    group="units",
    summary="additions, activations and scaling, element by element",
    parts={
        "": Parts(
            energy_J=Term(
                "element_adds · w · (E_add + C_FF · V_DD²) + element_multiplies · E_8 · (w / 8)^2.6 + "
                "element_lookups · E_look-up, w = adc.bits + carry_bits",
                _energy,
                (*_KINDS, *SUM_EVENTS),
                ("technology.vdd_V", *SUM_PATHS),
                (v.MULTIPLY_J, v.LOOKUP_J, *v.ADD),
            ),
            latency_s=Term(
                "⌈element_operations / (tiles · units.per_tile)⌉ / clock",
                _latency,
                (*_EVENTS, "tiles"),
                (*v.PATHS, "clock_Hz"),
            ),
            area_m2=Term(
                "tiles · units.per_tile · (w · (A_full_adder + A_FF), + w² · A_multiplier where elements are "
                "multiplied, + 512 B of SRAM where they are looked up)",
                _area,
                (*_EVENTS, *_KINDS[1:], "tiles", *SUM_EVENTS),
                (*v.PATHS, *SUM_PATHS, "technology.node_m"),
                (v.MULTIPLIER_AREA_M2, *v.ADDER, *sram.AREA),
            ),
            leakage_W=logic_leakage("elementwise"),
        )
    },
    event=Count("one element", _operations, _EVENTS),
    turn=Count("one clock of all units", _turns, (*_EVENTS, "tiles"), v.PATHS),
    instance=Count("one element-wise unit", _units, (*_EVENTS, "tiles"), v.PATHS),
    spread=1.5,
)
