"""Input converters: what a row needs to be driven with more than one bit per pulse.

A row driven bit by bit needs a switch alone (``row_drivers``); nothing is added for ``input.dac_bits`` = 1. From
d = 2 bits on every row has a converter that turns a digit into one of 2^d voltages and holds it for the read:

    E = conversions * k_0 * d * V_DD^2,     A = rows * A_8 * (2^d - 2) / (2^8 - 2).

Energy: zigzag-imc's law with k_0 = 50 fF at every node. It gives 0.32 pJ at 8 bits and 0.9 V; the 8-bit converter
of BRAHMS takes 0.29 pJ at 40 nm. Area: that converter's, as one of 2^d - 1 equal unit elements, less the one that
is the switch. Rows whose digit is zero convert nothing, spikes bypass the converter. Settling hides in the
read pulse.

Spread: x/÷ 4. The time-domain converter of TIMELY (8 bits, 65 nm) takes 0.04 pJ and 240 um2, and 2^d copies of
ISAAC's 1-bit driver would fill a tenth of the area assumed here.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components._digital import logic_leakage
from axbar.cost.constants import Constant

__all__ = ["DAC", "dac_area_m2", "dac_energy_J"]

DAC_F = Constant(
    "dac.capacitance",
    50e-15,
    "F/bit",
    "k0 = 50 fF of KULeuven-MICAS/zigzag-imc aimc_cost_model.py (BSD-3), fitted in that tool",
    "code",
    note="the same at every node",
)
DAC_AREA_M2 = Constant(
    "dac.area",
    438e-12,
    "m2/row at 8 bits",
    "BRAHMS 8-bit DAC, 40 nm: Accelergy-Project/hwcomponents-library brahms (MIT)",
    "code",
    "analog area",
    40e-9,
    note="unit elements: grows with 2^bits",
)
_ELEMENTS = 2.0**8 - 2.0


def dac_energy_J(bits: Floats, capacitance_F: Floats, vdd_V: Floats) -> Floats:
    """Return the energy of one conversion of ``bits`` bits; arguments broadcast."""
    return capacitance_F * bits * (vdd_V * vdd_V)


def dac_area_m2(bits: Floats, area_8_m2: Floats) -> Floats:
    """Return the area that a converter adds to the driver of one row; arguments broadcast.

    >>> dac_area_m2(np.array([1.0, 8.0]), np.array(438.0)).tolist()
    [0.0, 438.0]
    """
    return area_8_m2 * ((np.exp2(bits) - 2.0) / _ELEMENTS)


def _energy(x: Context) -> Floats:
    each = dac_energy_J(x.p("input.dac_bits"), x.c(DAC_F), x.p("technology.vdd_V"))
    return x.n("dac_conversions") * each


def _converters(x: Context) -> Floats:
    rows = x.n("arrays_built") * x.p("crossbar.rows")
    return np.where(x.p("input.dac_bits") > 1.0, rows, 0.0)


def _area(x: Context) -> Floats:
    return _converters(x) * dac_area_m2(x.p("input.dac_bits"), x.c(DAC_AREA_M2))


def _conversions(x: Context) -> Floats:
    return x.n("dac_conversions")


DAC = Component(
    name="dac",
    group="conversion",
    summary="input converters: rows driven with several bits per pulse; none at one bit",
    parts={
        "": Parts(
            energy_J=Term(
                "dac_conversions · C · dac_bits · V_DD²",
                _energy,
                events=("dac_conversions",),
                paths=("input.dac_bits", "technology.vdd_V"),
                constants=(DAC_F,),
            ),
            area_m2=Term(
                "arrays_built · rows · A_8 · (2^dac_bits − 2) / 254",
                _area,
                events=("arrays_built",),
                paths=("crossbar.rows", "input.dac_bits"),
                constants=(DAC_AREA_M2,),
            ),
            leakage_W=logic_leakage("dac"),
        )
    },
    event=Count("one conversion of a digit", _conversions, events=("dac_conversions",)),
    turn=None,
    instance=Count(
        "one input converter", _converters, ("arrays_built",), ("crossbar.rows", "input.dac_bits")
    ),
    spread=4.0,
)
