"""The rows of the study: which flaws of the arrays, on which chip, and what is tried against them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from axbar.crossbar import EFFECTS

__all__ = ["ALL", "CONDITIONS", "CONTROL", "HARSH", "MITIGATIONS", "Condition"]

#: names of the conditions that claims look at
ALL = "all, 1 day"
HARSH = "wires 5/10 ohm, ends 1 kohm"
#: fine-tuning of the same length without noise
CONTROL = "fine-tuned (control)"

_DAY_s = 86_400.0


@dataclass(frozen=True)
class Condition:
    """Flaws to switch on.

    Args:
        name: as tables show it.
        effects: names of ``axbar.crossbar.EFFECTS``.
        changes: of the chip, by path.
        mitigations: names of ``MITIGATIONS`` that are tried against it.
    """

    name: str
    effects: tuple[str, ...]
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    mitigations: tuple[str, ...] = ()


#: half of the stuck cells stand at the largest conductance, half at the smallest
_STUCK = {"device.stuck_on": 0.005, "device.stuck_off": 0.005}
#: wires, drivers and sense nodes of the study on batch-norm adaptation (arXiv 2305.18416, third-party notes)
_HARSH = {
    "wires.r_row_ohm": 5.0, "wires.r_col_ohm": 10.0, "wires.r_driver_ohm": 1e3, "wires.r_sense_ohm": 1e3,
}  # fmt: skip

#: name -> techniques
MITIGATIONS: Mapping[str, str] = {
    "bn-adapt": "bn-adapt",
    "noise-aware": "noise-aware:epochs=2,norms=keep",
    CONTROL: "noise-aware:epochs=2,norms=keep,noise=0",
}

CONDITIONS: tuple[Condition, ...] = (
    Condition("programming", ("programming",)),
    Condition("read noise", ("read_noise",)),
    Condition("wires 1 ohm", ("wires",)),
    Condition(HARSH, ("wires",), _HARSH, ("bn-adapt",)),
    Condition("stuck cells 1 %", ("faults",), _STUCK),
    Condition("drift 1 day", ("drift",), {"device.age_s": _DAY_s}),
    Condition("drift 1 year", ("drift",), {"device.age_s": 365 * _DAY_s}),
    Condition("adc", ("adc",)),
    Condition(ALL, EFFECTS, {**_STUCK, "device.age_s": _DAY_s}, tuple(MITIGATIONS)),
)
