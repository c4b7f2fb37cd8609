"""Names of components as read by people."""

from __future__ import annotations

__all__ = ["component_label"]

#: component -> its name as read by people, where that is more than the words of its identifier
_LABELS = {
    "adc": "ADC",
    "dac": "DAC",
    "lif": "LIF logic",
    "mux": "multiplexers",
    "membrane": "membrane memory",
    "shift_add": "shift-add",
    "dram": "DRAM",
    "sram": "SRAM",
    "pe": "PE",
    "noc": "NoC",
}


def component_label(component: str) -> str:
    """Return the name of a component as read by people.

    >>> component_label("adc"), component_label("row_drivers")
    ('ADC', 'row drivers')
    """
    return _LABELS.get(component, component.replace("_", " "))
