"""Links between dies: what a layer on the next die costs.

    E = (die_bits + die_values * w) * E_bit,     t = ceil((die_bits + die_values * w) / width_bits) / clock,

w the width of a partial sum. E_bit = 1 pJ: the order of short links inside a package. The one figure that
could be read in an open project, 0.2 pJ per bit of ISAAC's HyperTransport (hwcomponents-library), lies below what
such a link takes on a board and is not used. A link keeps pace with one link of the chip's own network,
``interconnect.width_bits`` per clock. Drivers and their area, and idle power, are not modelled.

Spread: x/÷ 10.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components._digital import SUM_EVENTS, SUM_PATHS, sum_bits
from axbar.cost.constants import Constant

__all__ = ["DIE_LINK"]

LINK_J = Constant(
    "die_link.energy", 1e-12, "J/bit", "no source that we could read; the order of links inside a package", "assumed",
    note="links on a board take 10 to 100 times as much",
)  # fmt: skip


def _bits(x: Context) -> Floats:
    return x.n("die_bits") + x.n("die_values") * sum_bits(x)


def _energy(x: Context) -> Floats:
    return _bits(x) * x.c(LINK_J)


def _transfers(x: Context) -> Floats:
    return np.ceil(_bits(x) / x.p("interconnect.width_bits"))


def _latency(x: Context) -> Floats:
    return _transfers(x) * (1.0 / x.p("clock_Hz"))


_EVENTS = ("die_bits", "die_values", *SUM_EVENTS)
_WIDTH = "interconnect.width_bits"

DIE_LINK = Component(
    name="die_link",
    group="interconnect",
    summary="links between dies",
    parts={
        "": Parts(
            energy_J=Term(
                "(die_bits + die_values · w) · E_bit, w = adc.bits + carry_bits",
                _energy,
                _EVENTS,
                SUM_PATHS,
                (LINK_J,),
            ),
            latency_s=Term(
                "⌈(die_bits + die_values · w) / width_bits⌉ / clock",
                _latency,
                _EVENTS,
                (_WIDTH, "clock_Hz", *SUM_PATHS),
            ),
        )
    },
    event=Count("one bit that changes dies", _bits, _EVENTS, SUM_PATHS),
    turn=Count("one link transfer of width_bits", _transfers, _EVENTS, (_WIDTH, *SUM_PATHS)),
    instance=None,
    spread=10.0,
)
