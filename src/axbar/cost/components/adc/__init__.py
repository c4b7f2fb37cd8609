"""Analog-to-digital converters at the foot of the columns; one file per kind.

``adc.cols_per_adc`` columns take turns on one converter; columns that hold no weight are not converted. The
kind decides more than any other number of the chip: expect x/÷ 2.6 against published converters.
"""

from __future__ import annotations

from axbar.cost._types import Component, Count
from axbar.cost.components.adc import _common, flash, ramp, sar, sense, survey

__all__ = ["ADC"]

ADC = Component(
    name="adc",
    group="conversion",
    summary="analog-to-digital converters",
    parts={
        "sar": sar.PARTS,
        "flash": flash.PARTS,
        "survey": survey.PARTS,
        "ramp": ramp.PARTS,
        "sense": sense.PARTS,
    },
    choose="adc.kind",
    event=Count("one conversion", _common.conversions, events=("conversions",)),
    turn=Count("one conversion in turn", _common.turns, _common.TURN_EVENTS, _common.TURN_PATHS),
    instance=Count("one converter", _common.converters, _common.BUILT_EVENTS, _common.BUILT_PATHS),
    spread=2.6,
)
