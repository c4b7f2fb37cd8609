"""Flash converter: ``2^B - 1`` comparators decide at once.

    E = (2^B - 1) E_comparator,     A = (2^B - 1) A_comparator,     t = 1 / sample_rate,

with the comparator of TIMELY (41.7 fJ and 40 um2 at 65 nm, simulated; C ~ node, E = C V_DD^2; its supply is
not stated, the node's nominal 1.1 V is taken). The reference ladder is shared by the converters of a PE and
left out. With one bit it is the sense amplifier of comparator-read designs. Checked against FORMS: 4 bits at
32 nm give 0.23 pJ and 295 um2, FORMS reports 0.226 pJ and 284 um2.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Context, Floats, Parts, Term
from axbar.cost.components.adc import _common
from axbar.cost.constants import Constant

__all__ = ["PARTS", "flash_area_m2", "flash_energy_J"]

_TIMELY = "TIMELY, ISCA 2020, Table II: Accelergy-Project/hwcomponents-library timely (MIT)"
COMPARATOR_J = Constant(
    "adc.comparator.energy", 41.7e-15, "J/decision", _TIMELY, "code", "capacitor energy", 65e-9, 1.1,
    note="simulated; supply not stated, nominal 1.1 V taken",
)  # fmt: skip
COMPARATOR_AREA_M2 = Constant("adc.comparator.area", 40e-12, "m2", _TIMELY, "code", "analog area", 65e-9)


def flash_energy_J(bits: Floats, comparator_J: Floats) -> Floats:
    """Return the energy of one conversion; arguments broadcast."""
    return (np.exp2(bits) - 1.0) * comparator_J


def flash_area_m2(bits: Floats, comparator_m2: Floats) -> Floats:
    """Return the area of one converter; arguments broadcast."""
    return (np.exp2(bits) - 1.0) * comparator_m2


def _energy(x: Context) -> Floats:
    return x.n("conversions") * flash_energy_J(x.p("adc.bits"), x.c(COMPARATOR_J))


def _area(x: Context) -> Floats:
    return _common.converters(x) * flash_area_m2(x.p("adc.bits"), x.c(COMPARATOR_AREA_M2))


PARTS = Parts(
    energy_J=Term(
        "conversions · (2^bits − 1) · E_comparator", _energy, ("conversions",), ("adc.bits",), (COMPARATOR_J,)
    ),
    latency_s=_common.AT_RATE,
    area_m2=Term(
        f"converters · (2^bits − 1) · A_comparator, {_common.BUILT}",
        _area,
        _common.BUILT_EVENTS,
        (*_common.BUILT_PATHS, "adc.bits"),
        (COMPARATOR_AREA_M2,),
    ),
    leakage_W=_common.LEAKAGE,
)
