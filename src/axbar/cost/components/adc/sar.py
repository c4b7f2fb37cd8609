"""SAR converter: charge redistribution over a binary capacitor array.

Capacitive bound of zigzag-imc (28 nm), B bits:

    E = (k1 B + k2 4^B) V_DD^2, k1 = 100 fF, k2 = 1 aF,
    A = 10^(1.206 - 0.0369 B) 2^B um2,
    t = B (0.00653 rows + 0.640) ns, bit-line settling included.

Capacitors do not shrink: energy does not scale with the node, area goes with the node (not its square), time
with the gate delay. Capacitors do not leak either: leakage is that of the control, two flip-flops per bit.
Low by 2-3x against measured column converters (0.63 pJ against 1.79 pJ of Jia et al., JSSC 2020, 8 bits, 0.85
V). A conversion takes ``max(1 / sample_rate, t)``.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Context, Floats, Parts, Term
from axbar.cost.components.adc import _common
from axbar.cost.constants import DFF_AREA_M2, LOGIC_LEAKAGE_W_M2, Constant

__all__ = ["PARTS", "sar_area_m2", "sar_energy_J", "sar_time_s"]

_ZIGZAG = "KULeuven-MICAS/zigzag-imc imc_model_validation/aimc_validation, aimc_cost_model.py (BSD-3), 28 nm"
LOGIC_F = Constant("adc.sar.k1", 100e-15, "F/bit", _ZIGZAG, "code")
ARRAY_F = Constant("adc.sar.k2", 1e-18, "F/4^bit", _ZIGZAG, "code")
AREA_M2 = Constant(
    "adc.sar.area", 1e-12, "m2", _ZIGZAG, "code", "analog area", 28e-9, note="· 10^(1.206 − 0.0369 B) · 2^B"
)
SETTLE_S = Constant("adc.sar.time_per_bit", 0.640e-9, "s/bit", _ZIGZAG, "code", "digital delay", 28e-9)
ROW_S = Constant(
    "adc.sar.time_per_bit_row", 0.00653e-9, "s/(bit·row)", _ZIGZAG, "code", "digital delay", 28e-9
)
_FLIP_FLOPS_PER_BIT = 2.0  # one in the sequencer, one in the code register


def sar_energy_J(bits: Floats, vdd_V: Floats) -> Floats:
    """Return the energy of one conversion; arguments broadcast.

    >>> round(float(sar_energy_J(np.array(8.0), np.array(0.85))) * 1e12, 3)
    0.625
    """
    return (LOGIC_F.value * bits + ARRAY_F.value * np.exp2(2.0 * bits)) * (vdd_V * vdd_V)


def sar_area_m2(bits: Floats, unit_m2: Floats) -> Floats:
    """Return the area of one converter; ``unit_m2`` is 1 um2, scaled to the node."""
    return unit_m2 * np.power(10.0, 1.206 - 0.0369 * bits) * np.exp2(bits)


def sar_time_s(bits: Floats, rows: Floats, settle_s: Floats, per_row_s: Floats) -> Floats:
    """Return the time that one conversion needs by itself."""
    return bits * (per_row_s * rows + settle_s)


def _energy(x: Context) -> Floats:
    return x.n("conversions") * sar_energy_J(x.p("adc.bits"), x.p("technology.vdd_V"))


def _latency(x: Context) -> Floats:
    own = sar_time_s(x.p("adc.bits"), x.p("crossbar.rows"), x.c(SETTLE_S), x.c(ROW_S))
    return _common.turns(x) * np.maximum(1.0 / x.p("adc.sample_rate_Hz"), own)


def _area(x: Context) -> Floats:
    return _common.converters(x) * sar_area_m2(x.p("adc.bits"), x.c(AREA_M2))


def _leakage(x: Context) -> Floats:
    control_m2 = _FLIP_FLOPS_PER_BIT * x.p("adc.bits") * x.c(DFF_AREA_M2)
    return _common.converters(x) * (control_m2 * x.c(LOGIC_LEAKAGE_W_M2))


PARTS = Parts(
    energy_J=Term(
        "conversions · (k1 · bits + k2 · 4^bits) · V_DD²",
        _energy,
        ("conversions",),
        ("adc.bits", "technology.vdd_V"),
        (LOGIC_F, ARRAY_F),
    ),
    latency_s=Term(
        f"{_common.TURN} · max(1 / sample_rate, bits · (t_row · rows + t_bit))",
        _latency,
        _common.TURN_EVENTS,
        (*_common.TURN_PATHS, "adc.bits", "adc.sample_rate_Hz", "crossbar.rows"),
        (SETTLE_S, ROW_S),
    ),
    area_m2=Term(
        f"converters · 1 µm² · 10^(1.206 − 0.0369 bits) · 2^bits · node / 28 nm, {_common.BUILT}",
        _area,
        _common.BUILT_EVENTS,
        (*_common.BUILT_PATHS, "adc.bits"),
        (AREA_M2,),
    ),
    leakage_W=Term(
        f"converters · 2 · bits · A_FF · leakage per area of logic, {_common.BUILT}",
        _leakage,
        _common.BUILT_EVENTS,
        (*_common.BUILT_PATHS, "adc.bits"),
        (DFF_AREA_M2, LOGIC_LEAKAGE_W_M2),
    ),
)
