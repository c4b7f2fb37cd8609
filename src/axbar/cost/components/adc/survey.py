"""Fit of the best published converters: Andrulis et al., arXiv 2404.06553, on Murmann's survey 1997-2023.

f samples/s, n node in nm, B = max(bits, 4), E in pJ, A in um2:

    FOM = min(213.78067 - 2.871903 ln f, 128.30683 + 3.2205115 ceil(B)) dB,     SNDR = 6.0206 B + 1.7609 dB,
    E = 1/2 10^((SNDR - FOM)/10) exp(26.049622 + 1.8800369 ln n - 2.8291256 ln B - 1.4702022),
    A = exp(1.3461916 + 0.99327947 ln n + 0.18071538 ln f + 0.29912426 ln E),     t = 1 / f.

It knows no supply and no kind, is nearly flat below 7 bits (so it can't rank the 1-5-bit readout of spiking
chips: use ``flash`` or ``sar`` there), and is 2.5-8x too large in area for column-pitch converters. Nine
published converters lie at a geometric mean of 0.76 with a spread of x/÷ 2.6 around it. The fit's own leakage
(20 % of conversion power, by assumption) is replaced by leakage per area.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Context, Floats, Parts, Term
from axbar.cost.components.adc import _common
from axbar.cost.constants import Constant

__all__ = ["PARTS", "survey_area_m2", "survey_energy_J"]

_ANDRULIS = "Andrulis et al., arXiv 2404.06553; Accelergy-Project/hwcomponents-adc model.yaml (MIT)"
_MIN_BITS = 4.0


def _coefficient(name: str, value: float, unit: str = "1") -> Constant:
    return Constant(f"adc.survey.{name}", value, unit, _ANDRULIS, "run")


FOM_RATE_0 = _coefficient("fom_rate_offset", 213.78067, "dB")
FOM_RATE_1 = _coefficient("fom_rate_slope", 2.871903, "dB")
FOM_BITS_0 = _coefficient("fom_bits_offset", 128.30683, "dB")
FOM_BITS_1 = _coefficient("fom_bits_slope", 3.2205115, "dB")
ENERGY_0 = _coefficient("energy_offset", 26.049622 - 1.4702022)
ENERGY_NODE = _coefficient("energy_node", 1.8800369)
ENERGY_BITS = _coefficient("energy_bits", 2.8291256)
AREA_0 = _coefficient("area_offset", 1.3461916)
AREA_NODE = _coefficient("area_node", 0.99327947)
AREA_RATE = _coefficient("area_rate", 0.18071538)
AREA_ENERGY = _coefficient("area_energy", 0.29912426)
_ENERGY = (FOM_RATE_0, FOM_RATE_1, FOM_BITS_0, FOM_BITS_1, ENERGY_0, ENERGY_NODE, ENERGY_BITS)
_AREA = (*_ENERGY, AREA_0, AREA_NODE, AREA_RATE, AREA_ENERGY)


def survey_energy_J(bits: Floats, sample_rate_Hz: Floats, node_m: Floats) -> Floats:
    """Return the energy per conversion of the best published converters; arguments broadcast.

    >>> e = survey_energy_J(np.array(8.0), np.array(1.2e9), np.array(32e-9))
    >>> round(float(e) * 1e12, 4)
    1.8486
    """
    b = np.maximum(bits, _MIN_BITS)
    by_rate = FOM_RATE_0.value - FOM_RATE_1.value * np.log(sample_rate_Hz)
    by_bits = FOM_BITS_0.value + FOM_BITS_1.value * np.ceil(b)
    sndr = 6.0206 * b + 1.7609
    size = np.exp(ENERGY_0.value + ENERGY_NODE.value * np.log(node_m * 1e9) - ENERGY_BITS.value * np.log(b))
    return 0.5e-12 * np.power(10.0, (sndr - np.minimum(by_rate, by_bits)) / 10.0) * size


def survey_area_m2(energy_J: Floats, sample_rate_Hz: Floats, node_m: Floats) -> Floats:
    """Return the area that goes with ``survey_energy_J``; arguments broadcast."""
    rate = AREA_RATE.value * np.log(sample_rate_Hz) + AREA_ENERGY.value * np.log(energy_J * 1e12)
    return 1e-12 * np.exp(AREA_0.value + AREA_NODE.value * np.log(node_m * 1e9) + rate)


def _conversion_J(x: Context) -> Floats:
    return survey_energy_J(x.p("adc.bits"), x.p("adc.sample_rate_Hz"), x.p("technology.node_m"))


def _energy(x: Context) -> Floats:
    return x.n("conversions") * _conversion_J(x)


def _area(x: Context) -> Floats:
    one = survey_area_m2(_conversion_J(x), x.p("adc.sample_rate_Hz"), x.p("technology.node_m"))
    return _common.converters(x) * one


_PATHS = ("adc.bits", "adc.sample_rate_Hz", "technology.node_m")

PARTS = Parts(
    energy_J=Term(
        "conversions · ½ · 10^((SNDR − FOM)/10) · exp(24.58 + 1.880 ln node − 2.829 ln B) pJ, "
        "B = max(bits, 4), SNDR = 6.02 B + 1.76, FOM = min(213.8 − 2.872 ln sample_rate, 128.3 + 3.221 ⌈B⌉)",
        _energy,
        ("conversions",),
        _PATHS,
        _ENERGY,
    ),
    latency_s=_common.AT_RATE,
    area_m2=Term(
        "converters · exp(1.346 + 0.9933 ln node + 0.1807 ln sample_rate + 0.2991 ln E) µm², "
        f"{_common.BUILT}",
        _area,
        _common.BUILT_EVENTS,
        (*_common.BUILT_PATHS, *_PATHS),
        _AREA,
    ),
    leakage_W=_common.LEAKAGE,
)
