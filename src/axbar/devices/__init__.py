"""Memory devices: conductance laws in numpy, one file per published device."""

from axbar.devices._quantise import level_conductance_S, n_slices, quantise, slice_codes

__all__ = ["level_conductance_S", "n_slices", "quantise", "slice_codes"]
