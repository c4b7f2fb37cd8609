"""Charge-decrement neuron of NeuRRAM: sample, integrate by significance, then remove charge step by step.

An input of m magnitude bits comes in m phases. Each is sampled once and integrated 2^k times by its weight; the
charge is then taken off until the comparator flips, once per output bit:

    E = m E_sample + (2^m - 1) E_integrate + B E_step + E_shift.

Constants: Wan et al., Nature 608 (2022), 130 nm, 1.8 V, as in Accelergy's neurram component; they come from the very
chip that is compared with, so its converter tests the law and not the numbers. Above six input bits the measured
energy grows more slowly than 2^m. Area: 1270 um2 per neuron, activation included.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from axbar.cost._types import Floats
from axbar.cost.constants import Constant

__all__ = ["AREA_M2", "INTEGRATE_J", "SAMPLE_J", "SHIFT_J", "STEP_J", "charge_decrement_energy_J"]

_WAN: Final = (
    "Wan et al., Nature 2022: Accelergy-Project/hwcomponents-library neurram.py (MIT), 130 nm, 1.8 V"
)


def _energy(name: str, value: float, unit: str) -> Constant:
    scaling = "digital energy"
    return Constant(f"adc.charge_decrement.{name}", value, unit, _WAN, "code", scaling, 130e-9, 1.8)


SAMPLE_J: Final = _energy("sample", 1.2e-12, "J/phase")
INTEGRATE_J: Final = _energy("integrate", 0.25e-12, "J/step")
STEP_J: Final = _energy("step", 0.3e-12, "J/bit")
SHIFT_J: Final = _energy("shift", 0.1e-12, "J/conversion")
AREA_M2: Final = Constant(
    "adc.charge_decrement.area", 1270e-12, "m2",
    "Wan et al., Nature 2022, Fig. 11(f), via mit-emze/cimloop wan_nature_2022/_tests.py (MIT)", "code",
    "analog area", 130e-9,
)  # fmt: skip


def charge_decrement_energy_J(
    phases: Floats, bits: Floats, sample_J: Floats, integrate_J: Floats, step_J: Floats, shift_J: Floats
) -> Floats:
    """Return the energy of one conversion; arguments broadcast.

    >>> law = (np.array(v) for v in (1.2, 0.25, 0.3, 0.1))
    >>> round(float(charge_decrement_energy_J(np.array(3.0), np.array(6.0), *law)), 3)
    7.25
    """
    return phases * sample_J + (np.exp2(phases) - 1.0) * integrate_J + bits * step_J + shift_J
