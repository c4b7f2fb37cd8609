"""Norm units: batch norms that were not folded into weights, layer norms and their kin.

    E = multiplies * E_multiply(w) + adds * w (E_add + C_FF V_DD^2) + roots * (E_look-up + E_multiply(w)),

w the width of a partial sum. A norm by recorded statistics is one multiply-add per element; one that computes
mean and variance takes 3 multiplications and 4 additions per element, and an inverse root (look-up and one
multiplication) per vector. A unit makes one multiply-add per clock. An int8 layer norm of 1.5 pJ per element at 45
nm (two 16-bit multiplications and four 24-bit additions of Horowitz's) lies between this at 8 bits (0.8 pJ) and at
16 (4 pJ). Area: a multiplier and two adders; a synthesised layer-norm unit of unknown width and rate takes 1199
um2 at 28 nm (arXiv 2604.23647), twice this at 16 bits.
"""

from __future__ import annotations

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components import _vector as v
from axbar.cost.components._digital import SUM_EVENTS, SUM_PATHS, logic_leakage, sum_bits

__all__ = ["NORM"]

_EVENTS = ("norm_multiplies", "norm_adds", "norm_roots")


def _energy(x: Context) -> Floats:
    if not v.busy(x, *_EVENTS):
        return v.NOTHING_TO_DO
    width = sum_bits(x)
    products = (x.n("norm_multiplies") + x.n("norm_roots")) * v.multiply_J(x, width)
    return products + x.n("norm_adds") * (width * v.add_J(x)) + x.n("norm_roots") * x.c(v.LOOKUP_J)


def _operations(x: Context) -> Floats:
    return x.n("norm_multiplies") + x.n("norm_roots")


def _turns(x: Context) -> Floats:
    if not v.busy(x, "norm_multiplies"):
        return v.NOTHING_TO_DO
    return v.clocks(x, _operations(x))


def _latency(x: Context) -> Floats:
    return _turns(x) * (1.0 / x.p("clock_Hz"))


def _area(x: Context) -> Floats:
    if not v.busy(x, "norm_multiplies"):
        return v.NOTHING_TO_DO
    width = sum_bits(x)
    return v.units_where(x, "norm_multiplies") * (v.multiplier_m2(x, width) + 2.0 * width * v.adder_m2(x))


def _units(x: Context) -> Floats:
    return v.units_where(x, "norm_multiplies")


_OPERATIONS = ("norm_multiplies", "norm_roots")

NORM = Component(
    name="norm",
    group="units",
    summary="norms that are not folded into weights",
    parts={
        "": Parts(
            energy_J=Term(
                "(norm_multiplies + norm_roots) · E_8 · (w / 8)^2.6 + norm_adds · w · (E_add + C_FF · V_DD²) + "
                "norm_roots · E_look-up, w = adc.bits + carry_bits",
                _energy,
                (*_EVENTS, *SUM_EVENTS),
                ("technology.vdd_V", *SUM_PATHS),
                (v.MULTIPLY_J, v.LOOKUP_J, *v.ADD),
            ),
            latency_s=Term(
                "⌈(norm_multiplies + norm_roots) / (tiles · units.per_tile)⌉ / clock",
                _latency,
                (*_OPERATIONS, "tiles"),
                (*v.PATHS, "clock_Hz"),
            ),
            area_m2=Term(
                "tiles · units.per_tile · (w² · A_multiplier + 2 w · (A_full_adder + A_FF)) where there is a norm",
                _area,
                ("norm_multiplies", "tiles", *SUM_EVENTS),
                (*v.PATHS, *SUM_PATHS),
                (v.MULTIPLIER_AREA_M2, *v.ADDER),
            ),
            leakage_W=logic_leakage("norm"),
        )
    },
    event=Count("one multiplication with its additions", _operations, _OPERATIONS),
    turn=Count("one clock of all units", _turns, (*_OPERATIONS, "tiles"), v.PATHS),
    instance=Count("one norm unit", _units, ("norm_multiplies", "tiles"), v.PATHS),
    spread=2.0,
)
