"""Current-controlled oscillator and counter: the column current sets a frequency, its cycles are the code.

A mirror copies the column current into a ring oscillator; a ripple counter counts its cycles during the pulse:

    E = V_DD * Q * m + n * (S C_stage + 2 C_FF) V_DD^2,       n = share of full scale * 2^bits,

Q the charge of the column during the pulse, m the ratio of the mirror (1, assumed), S the stages of the ring (5,
assumed) of one NAND2 each, and two flip-flop toggles per count (a ripple counter: 1 + 1/2 + 1/4 + ...). Area: two
counters (one per sign) of flip-flop and full adder per bit; the analog front end is in no open table.

The only silicon anchor is an upper bound: HERMES core (Khaddam-Aljameh et al., JSSC 2022, 14 nm) takes 48.8 pJ per
column and matrix-vector product for converter, array and drivers together. Front-end bias and calibration currents
are in no open table and left out, so expect this to be low.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from axbar.cost._types import Floats
from axbar.cost.constants import Constant

__all__ = ["MIRROR", "STAGES", "cco_area_m2", "cco_energy_J"]

MIRROR: Final = Constant(
    "adc.cco.mirror", 1.0, "1", "no source read: the column current is copied once, one to one", "assumed"
)
STAGES: Final = Constant(
    "adc.cco.stages", 5.0, "gates", "no source read: ring oscillator of five stages", "assumed"
)
_TOGGLES: Final = 2.0  # of a ripple counter, per count: 1 + 1/2 + 1/4 + ...


def cco_energy_J(
    charge_C: Floats, share: Floats, bits: Floats, stage_F: Floats, register_F: Floats, vdd_V: Floats
) -> Floats:
    """Return the energy of one conversion; arguments broadcast.

    Args:
        charge_C: what the column delivers during the pulse.
        share: mean code as a share of full scale.
        bits: of the counter.
        stage_F, register_F: one stage of the ring, one flip-flop.
        vdd_V: supply.
    """
    counts = share * np.exp2(bits)
    switched_F = STAGES.value * stage_F + _TOGGLES * register_F
    return MIRROR.value * vdd_V * charge_C + counts * switched_F * (vdd_V * vdd_V)


def cco_area_m2(bits: Floats, register_m2: Floats, adder_m2: Floats) -> Floats:
    """Return the counters' area of one converter; arguments broadcast."""
    return 2.0 * bits * (register_m2 + adder_m2)
