"""Memory devices: conductance laws in numpy, one file per published device."""

from axbar.devices._preset import DevicePreset, Validity
from axbar.devices._quantise import level_conductance_S, n_slices, quantise, slice_codes
from axbar.devices._stages import age, faults, preset_of, program

__all__ = [
    "DevicePreset",
    "Validity",
    "age",
    "faults",
    "level_conductance_S",
    "n_slices",
    "preset_of",
    "program",
    "quantise",
    "slice_codes",
]
