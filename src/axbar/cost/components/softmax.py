"""Softmax units: n comparisons, n subtractions, n exponentials, n - 1 additions, 1 reciprocal, n multiplications.

    E = values * (3 w (E_add + C_FF V_DD^2) + E_look-up + E_multiply(w))
        + vectors * (E_look-up + E_multiply(w) - w (E_add + C_FF V_DD^2)),

w the width of a partial sum; exponentials and reciprocals come from a table, the reciprocal is refined by one
multiplication. A unit passes three times over a vector (maximum; exponential and sum; scaling), one element per
clock. An int8 softmax costs some 1 pJ per element at 45 nm (derived from Horowitz's operations); this lies within
a factor of 2 of it for sums of 8 to 16 bits. Area: a synthesised unit, of which width and rate are not known.
"""

from __future__ import annotations

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components import _vector as v
from axbar.cost.components._digital import SUM_EVENTS, SUM_PATHS, logic_leakage, sum_bits
from axbar.cost.constants import Constant

__all__ = ["SOFTMAX"]

UNIT_AREA_M2 = Constant(
    "unit.softmax.area",
    942e-12,
    "m2",
    "arXiv 2604.23647, abstract: softmax unit synthesised at 28 nm",
    "abs",
    "digital area",
    28e-9,
    note="lanes and rate not stated; taken as one element per clock",
)
_PASSES = 3.0
_EVENTS = ("softmax_values", "softmax_vectors")


def _energy(x: Context) -> Floats:
    if not v.busy(x, *_EVENTS):
        return v.NOTHING_TO_DO
    width, values, vectors = sum_bits(x), x.n("softmax_values"), x.n("softmax_vectors")
    adds = (_PASSES * values - vectors) * (width * v.add_J(x))
    return adds + (values + vectors) * (x.c(v.LOOKUP_J) + v.multiply_J(x, width))


def _turns(x: Context) -> Floats:
    if not v.busy(x, *_EVENTS):
        return v.NOTHING_TO_DO
    return v.clocks(x, _PASSES * x.n("softmax_values") + x.n("softmax_vectors"))


def _latency(x: Context) -> Floats:
    return _turns(x) * (1.0 / x.p("clock_Hz"))


def _area(x: Context) -> Floats:
    if not v.busy(x, "softmax_values"):
        return v.NOTHING_TO_DO
    return v.units_where(x, "softmax_values") * x.c(UNIT_AREA_M2)


def _values(x: Context) -> Floats:
    return x.n("softmax_values")


def _units(x: Context) -> Floats:
    return v.units_where(x, "softmax_values")


SOFTMAX = Component(
    name="softmax",
    group="units",
    summary="softmax over vectors",
    parts={
        "": Parts(
            energy_J=Term(
                "(3 softmax_values − softmax_vectors) · w · (E_add + C_FF · V_DD²) + (softmax_values + "
                "softmax_vectors) · (E_look-up + E_8 · (w / 8)^2.6), w = adc.bits + carry_bits",
                _energy,
                (*_EVENTS, *SUM_EVENTS),
                ("technology.vdd_V", *SUM_PATHS),
                (v.LOOKUP_J, v.MULTIPLY_J, *v.ADD),
            ),
            latency_s=Term(
                "⌈(3 softmax_values + softmax_vectors) / (tiles · units.per_tile)⌉ / clock",
                _latency,
                (*_EVENTS, "tiles"),
                (*v.PATHS, "clock_Hz"),
            ),
            area_m2=Term(
                "tiles · units.per_tile · A_unit where there is a softmax",
                _area,
                ("softmax_values", "tiles"),
                v.PATHS,
                (UNIT_AREA_M2,),
            ),
            leakage_W=logic_leakage("softmax"),
        )
    },
    event=Count("one element", _values, ("softmax_values",)),
    turn=Count("one clock of all units", _turns, (*_EVENTS, "tiles"), v.PATHS),
    instance=Count("one softmax unit", _units, ("softmax_values", "tiles"), v.PATHS),
    spread=2.0,
)
