"""Time drivers: what keeps a row on from the spike of its input to the end of the window.

A row that reads the time of a first spike as one pulse (``input.time_read``: pulse) has a converter from the time's b
bits to the width of the pulse, 2^b - 1 slots at most; rows whose input stays silent convert nothing:

    E = time_conversions * E_8 2^b / 2^8,     A = rows * A_8 2^b / 2^8        (``drive_pwm``: the converter of TIMELY).

Only arrays of layers that read times have them; one read per slot (``time_read``: slots) needs none.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Component, Context, Count, Floats, Parts, Term
from axbar.cost.components._digital import logic_leakage
from axbar.cost.components.drive_pwm import DTC_AREA_M2, DTC_J, by_levels

__all__ = ["TIME_DRIVERS"]


def _energy(x: Context) -> Floats:
    return x.n("time_conversions") * by_levels(x.p("input.time_bits"), x.c(DTC_J))


def _converters(x: Context) -> Floats:
    return np.where(x.n("slot_reads") > 0.0, x.n("arrays_built"), 0.0) * x.p("crossbar.rows")


def _area(x: Context) -> Floats:
    return _converters(x) * by_levels(x.p("input.time_bits"), x.c(DTC_AREA_M2))


def _conversions(x: Context) -> Floats:
    return x.n("time_conversions")


TIME_DRIVERS = Component(
    name="time_drivers",
    group="conversion",
    summary="time drivers: rows that are on for as long as a first spike says; none for other inputs",
    parts={
        "": Parts(
            energy_J=Term(
                "time_conversions · E_8 · 2^(time_bits − 8)",
                _energy,
                events=("time_conversions",),
                paths=("input.time_bits",),
                constants=(DTC_J,),
            ),
            area_m2=Term(
                "arrays_built · rows · A_8 · 2^(time_bits − 8), of layers that read times",
                _area,
                events=("arrays_built", "slot_reads"),
                paths=("crossbar.rows", "input.time_bits"),
                constants=(DTC_AREA_M2,),
            ),
            leakage_W=logic_leakage("time_drivers"),
        )
    },
    event=Count("one time turned into a pulse", _conversions, events=("time_conversions",)),
    turn=None,
    instance=Count("one converter of a row", _converters, ("arrays_built", "slot_reads"), ("crossbar.rows",)),
    spread=4.0,
)
