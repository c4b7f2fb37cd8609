"""One colour, one order and one name per component, in every chart and table.

Seven colours are those of Okabe and Ito (2008); the others were searched for. Seen with any of the
three colour-vision deficiencies (simulated after Machado, Oliveira and Fernandes 2009), neighbours in the
order stay at least 15 CIELAB units apart and any two components at least 8 (a test computes both). Colour
never stands alone: every bar carries its name, and segments are kept apart by a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from axbar._report import component_label as label

__all__ = ["COMPONENTS", "GROUPS", "colours", "label", "ordered", "ordered_groups"]

#: component -> colour, in drawing order: array, converters, digital logic, memory, wires, neurons
COMPONENTS: Mapping[str, str] = {
    "cells": "#D55E00",
    "row_drivers": "#E69F00",
    "bit_lines": "#5E44E0",
    "dac": "#E01092",
    "mux": "#F0E442",
    "adc": "#0072B2",
    "shift_add": "#56B4E9",
    "accumulators": "#5158BB",
    "input_buffer": "#009E73",
    "output_buffer": "#7CD992",
    "global_buffer": "#5E5E5E",
    "dram": "#92E078",
    "interconnect": "#CC79A7",
    "die_link": "#78782A",
    "lif": "#9C2F55",
    "membrane": "#A87BDB",
    "pool": "#2AC644",
    "norm": "#5E925E",
    "softmax": "#E0C65E",
    "elementwise": "#44445E",
    "leakage": "#B6B9B8",
}

#: component group -> colour, in drawing order; where bars show groups, components do not stand beside them
GROUPS: Mapping[str, str] = {
    "array": "#D55E00",
    "conversion": "#0072B2",
    "compute": "#E69F00",
    "digital": "#56B4E9",
    "memory": "#009E73",
    "interconnect": "#CC79A7",
    "neuron": "#9C2F55",
    "leakage": "#B6B9B8",
}

#: for components that other hardware kinds bring; taken in the order in which they appear
_SPARE = (
    "#7A5C3E", "#3FA7A3", "#C2A83E", "#6E7F2B", "#E58A7B", "#40566B", "#B95FC4", "#8FA3BF",
    "#A34A28", "#1F6F50", "#D7B7E3", "#8C1C5B", "#B8C94A", "#2F4B9E", "#F2A65A", "#6FD0E8",
)  # fmt: skip


def colours(components: Iterable[str]) -> dict[str, str]:
    """Return the colour of each component; those of other kinds get spare colours in order of appearance.

    >>> colours(["adc", "systolic_pe"])["adc"]
    '#0072B2'
    """
    found: dict[str, str] = {}
    spare = 0
    for name in components:
        if name in COMPONENTS or name in GROUPS:
            found[name] = COMPONENTS.get(name) or GROUPS[name]
        elif name not in found:
            found[name] = _SPARE[spare % len(_SPARE)]
            spare += 1
    return found


def ordered(components: Iterable[str]) -> list[str]:
    """Return components in drawing order; unknown ones keep their order and stand before leakage."""
    rank = {name: i for i, name in enumerate(COMPONENTS)}
    return sorted(components, key=lambda name: rank.get(name, rank["leakage"] - 0.5))


def ordered_groups(groups: Iterable[str]) -> list[str]:
    """Return component groups in drawing order; unknown ones stand before leakage."""
    rank = {name: i for i, name in enumerate(GROUPS)}
    return sorted(groups, key=lambda name: rank.get(name, rank["leakage"] - 0.5))
