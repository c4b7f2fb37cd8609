"""Digital multipliers: products of two operands of run time, on no array (``run_time.unit``: digital).

    E = products * (E_8 (b_l b_r)^1.3 / 8^2.6 + w (E_add + C_FF V_DD^2)),     w = b_l + b_r + ceil(log2 K),

b_l and b_r the magnitude bits of the factors and w the width of the sum of K products: a multiplier of two widths is
taken as one of their geometric mean, signs are joined by one gate, which is not counted. ``units.per_tile`` units stand
in every tile of such a layer, one tile per group, and each finishes one product per clock, zero or not. Sums
leave as wide as arrays of one-bit cells would hand them on (``carry_bits``). Energy and area of multiplier and adder:
see ``_vector``.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components import _vector as v
from axbar.cost.constants import LOGIC_LEAKAGE_W_M2

__all__ = ["CLOCKS", "CLOCK_EVENTS", "MULTIPLIERS", "clocks"]

_WIDTHS = ("left_width", "right_width", "carries")
CLOCK_EVENTS = ("products", "tiles")
CLOCKS = "⌈products / (tiles · units.per_tile)⌉"


def clocks(x: Context) -> Floats:
    """Return the clocks in which the units of a layer make its products, ``[L, P]``."""
    return v.clocks(x, x.n("products")) if v.busy(x, "products") else v.nothing(x)


def _sum_bits(x: Context) -> Floats:
    return x.n("left_width") + x.n("right_width") + x.n("carries")


def _factor_bits(x: Context) -> Floats:
    """Geometric mean of the widths of both factors, 1 where there are none."""
    return np.sqrt(np.maximum(1.0, x.n("left_width") * x.n("right_width")))


def _energy(x: Context) -> Floats:
    if not v.busy(x, "products"):
        return v.nothing(x)
    each = v.multiply_J(x, _factor_bits(x)) + _sum_bits(x) * v.add_J(x)
    return x.n("products") * each


def _latency(x: Context) -> Floats:
    return clocks(x) * (1.0 / x.p("clock_Hz"))


def _units(x: Context) -> Floats:
    return v.units_where(x, "products")


def _area(x: Context) -> Floats:
    if not v.busy(x, "products"):
        return v.nothing(x)
    return _units(x) * (v.multiplier_m2(x, _factor_bits(x)) + _sum_bits(x) * v.adder_m2(x))


def _leakage(x: Context) -> Floats:
    if not v.busy(x, "products"):
        return v.nothing(x)
    return x.results["area_m2"]["multipliers"] * x.c(LOGIC_LEAKAGE_W_M2)


def _products(x: Context) -> Floats:
    return x.n("products")


_W = "w = left_width + right_width + carries"

MULTIPLIERS = Component(
    name="multipliers",
    group="units",
    summary="digital multiply-accumulate units for products of operands of run time",
    parts={
        "": Parts(
            energy_J=Term(
                f"products · (E_8 · (left_width · right_width)^1.3 / 8^2.6 + w · (E_add + C_FF · V_DD²)), {_W}",
                _energy,
                ("products", *_WIDTHS),
                ("technology.vdd_V",),
                (v.MULTIPLY_J, *v.ADD),
            ),
            latency_s=Term(f"{CLOCKS} / clock", _latency, CLOCK_EVENTS, (*v.PATHS, "clock_Hz")),
            area_m2=Term(
                "tiles · units.per_tile · (left_width · right_width · A_multiplier + w · (A_full_adder + A_FF)) where "
                f"products are made, {_W}",
                _area,
                (*CLOCK_EVENTS, *_WIDTHS),
                v.PATHS,
                (v.MULTIPLIER_AREA_M2, *v.ADDER),
            ),
            leakage_W=Term(
                "area · leakage per area of logic",
                _leakage,
                ("products",),
                constants=(LOGIC_LEAKAGE_W_M2,),
                uses=(("multipliers", "area_m2"),),
            ),
        )
    },
    event=Count("one product", _products, ("products",)),
    turn=Count("one clock of all units", clocks, CLOCK_EVENTS, v.PATHS),
    instance=Count("one multiplier", _units, CLOCK_EVENTS, v.PATHS),
    spread=1.5,
)
