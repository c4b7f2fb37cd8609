"""Inputs in time: a value becomes a pulse of that width.

    E = E_8 2^b / 2^8,     A = A_8 2^b / 2^8        per row and conversion of b bits,

with the digital-to-time converter of TIMELY (ISCA 2020, Table II: 37.5 fJ and 240 um2 at 8 bits, 65 nm, simulated;
C ~ node, E = C V_DD^2; its supply is not stated, the node's nominal 1.1 V is taken). The word line that the pulse
drives is charged by ``row_drivers.row_energy_J``, once per pulse whatever its width.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from axbar.cost._types import Floats
from axbar.cost.constants import Constant

__all__ = ["DTC_AREA_M2", "DTC_J", "by_levels"]

_TIMELY: Final = "TIMELY, ISCA 2020, Table II: Accelergy-Project/hwcomponents-library timely (MIT)"
DTC_J: Final = Constant(
    "drive.pwm.energy", 37.5e-15, "J/conversion at 8 bits", _TIMELY, "code", "capacitor energy", 65e-9, 1.1,
    note="simulated; supply not stated, nominal 1.1 V taken",
)  # fmt: skip
DTC_AREA_M2: Final = Constant(
    "drive.pwm.area", 240e-12, "m2/row at 8 bits", _TIMELY, "code", "analog area", 65e-9
)


def by_levels(bits: Floats, at_8_bits: Floats) -> Floats:
    """Return energy or area of a converter of ``bits`` bits: in proportion to its levels.

    >>> float(by_levels(np.array(6.0), np.array(4.0)))
    1.0
    """
    return at_8_bits * np.exp2(bits - 8.0)
