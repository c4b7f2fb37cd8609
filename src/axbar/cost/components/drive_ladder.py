"""Inputs as voltages from R-2R ladders, which draw current for as long as the operation lasts.

    E = ladders * u * V_DD^2 / (2 R) * t,

u the mean input as a share of full scale (1/2 for uniform data), R = 5 kohm the unit of Wang et al., VLSI 2022 (22
nm), in CiMLoop's model of it. At 1.0 V and 4.6 ns two ladders per input take 0.46 pJ, or 29 fJ per 8-bit product of
16 outputs; measured: 27 fJ (22 % of 122 fJ).
"""

from __future__ import annotations

from typing import Final

from axbar.cost._types import Floats
from axbar.cost.constants import Constant

__all__ = ["LADDER_OHM", "ladder_energy_J"]

LADDER_OHM: Final = Constant(
    "drive.ladder.resistance", 5000.0, "ohm",
    "unit of the R-2R ladder: mit-emze/cimloop wang_vlsi_2022/variables_free.yaml (MIT)", "code",
)  # fmt: skip


def ladder_energy_J(
    ladders: Floats, share: Floats, time_s: Floats, unit_ohm: Floats, vdd_V: Floats
) -> Floats:
    """Return the energy of ladders held for ``time_s``; arguments broadcast."""
    return ladders * share * (vdd_V * vdd_V) / (2.0 * unit_ohm) * time_s
