"""Ramp (single-slope) converter: one ramp for all converters of an array, a counter and a comparator in each.

Every column is compared with a ramp that rises by one step per count; its counter runs until the ramp passes it, over
half of the range on average. B bits, m converters of an array at work:

    E = E_ramp / m + 2^B E_count / 2 + E_cmp,    E_ramp = I_ramp V_DD t,    E_count = 2 C_FF V_DD^2,
    A = A_ramp / (converters of an array) + A_cmp + B A_FF,             t = 2^B / clock.

The counter runs at the chip's clock. A binary counter toggles 2 - 2^(1-B) of its flip-flops per count, two at most:
that is E_count (28 nm gates; the carry logic is left out). Comparator: TIMELY's, as in ``flash``, one decision per
conversion, although it watches the ramp all the time; the bias of a continuous one is left out. The ramp is a DAC
behind a counter, as large as the one of ``dac`` at B bits; what its buffer draws is *assumed*. m counts the
converters at work, used columns / columns that take turns: a ramp rises in full however few columns it is for. A
conversion takes ``max(1 / sample_rate, t)``.

Checked against two simulated designs of 8 bits at 65 nm: 1.5 pJ for counter and comparator, between the 0.145 pJ of
TIMELY's time-to-digital converter (ISCA 2020, delay lines instead of counters) and the 2.39 pJ of a hybrid of SAR and
single slope (Fan et al., ISCAS 2022). Measured time-domain readout can take ten times more (HERMES: 48.8 pJ per
column at 14 nm, of which no split was read).
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Context, Floats, Parts, Term
from axbar.cost.components.adc import _common
from axbar.cost.components.adc.flash import COMPARATOR_AREA_M2, COMPARATOR_J
from axbar.cost.components.dac import DAC_AREA_M2, dac_area_m2
from axbar.cost.constants import DFF_AREA_M2, DFF_F, Constant

__all__ = ["PARTS", "ramp_energy_J", "ramp_time_s"]

RAMP_A = Constant(
    "adc.ramp.bias",
    10e-6,
    "A",
    "what the buffer of a ramp draws while it rises: no source read, 10 uA taken",
    "assumed",
    note="one ramp per array",
)
_TOGGLES = 2.0  # of a binary counter per count, at most


def ramp_time_s(bits: Floats, count_Hz: Floats) -> Floats:
    """Return the time of one ramp.

    >>> float(ramp_time_s(np.array(5.0), np.array(250e6)))
    1.28e-07
    """
    return np.exp2(bits) / count_Hz


def ramp_energy_J(bits: Floats, sharers: Floats, ramp_J: Floats, count_J: Floats, cmp_J: Floats) -> Floats:
    """Return the energy of one conversion; arguments broadcast.

    Args:
        bits: resolution.
        sharers: converters that share the ramp.
        ramp_J: one ramp.
        count_J: one count of one counter.
        cmp_J: one decision of a comparator.
    """
    return ramp_J / sharers + np.exp2(bits) * count_J * 0.5 + cmp_J


def _sharers(x: Context) -> Floats:
    return np.maximum(1.0, x.n("used_columns") / x.p("adc.cols_per_adc"))


def _energy(x: Context) -> Floats:
    bits, vdd_V = x.p("adc.bits"), x.p("technology.vdd_V")
    ramp_J = x.c(RAMP_A) * vdd_V * ramp_time_s(bits, x.p("clock_Hz"))
    count_J = _TOGGLES * x.c(DFF_F) * (vdd_V * vdd_V)
    return x.n("conversions") * ramp_energy_J(bits, _sharers(x), ramp_J, count_J, x.c(COMPARATOR_J))


def _latency(x: Context) -> Floats:
    own = ramp_time_s(x.p("adc.bits"), x.p("clock_Hz"))
    return _common.turns(x) * np.maximum(1.0 / x.p("adc.sample_rate_Hz"), own)


def _area(x: Context) -> Floats:
    bits = x.p("adc.bits")
    each = x.c(COMPARATOR_AREA_M2) + bits * x.c(DFF_AREA_M2)
    return _common.converters(x) * each + x.n("arrays_built") * dac_area_m2(bits, x.c(DAC_AREA_M2))


PARTS = Parts(
    energy_J=Term(
        "conversions · (I_ramp · V_DD · 2^bits / clock / max(1, used_columns / cols_per_adc) + ½ · 2^bits · "
        "2 C_FF V_DD² + E_comparator)",
        _energy,
        ("conversions", "used_columns"),
        ("adc.bits", "adc.cols_per_adc", "clock_Hz", "technology.vdd_V"),
        (RAMP_A, DFF_F, COMPARATOR_J),
    ),
    latency_s=Term(
        f"{_common.TURN} · max(1 / sample_rate, 2^bits / clock)",
        _latency,
        _common.TURN_EVENTS,
        (*_common.TURN_PATHS, "adc.bits", "adc.sample_rate_Hz", "clock_Hz"),
    ),
    area_m2=Term(
        "converters · (A_comparator + bits · A_FF) + arrays_built · A_8 · (2^bits − 2) / 254, "
        f"{_common.BUILT}",
        _area,
        _common.BUILT_EVENTS,
        (*_common.BUILT_PATHS, "adc.bits"),
        (COMPARATOR_AREA_M2, DFF_AREA_M2, DAC_AREA_M2),
    ),
    leakage_W=_common.LEAKAGE,
)
