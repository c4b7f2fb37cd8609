"""A device without flaws: exact levels, no leakage when off, no noise.

Not a real device. With lossless converters it makes a crossbar compute exactly the integer network.
"""

from axbar.devices._preset import DevicePreset, Validity
from axbar.devices._writes import IDEAL
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["PRESET"]

_DEFINITION = Provenance(source="definition of an ideal cell, not a real device", confidence="assumed")

PRESET = DevicePreset(
    name="ideal",
    summary="exact cells: no noise, infinite on/off ratio",
    spec=Device(
        name="ideal",
        g_on_S=100e-6,
        g_off_S=0.0,
        cell_area_F2=4.0,
        program_noise=0.0,
        write_energy_J=IDEAL.energy_J,
        write_time_s=IDEAL.time_s,
        endurance=IDEAL.endurance,
    ),
    sources={
        "g_on_S": Provenance(source="10 kohm, a common LRS of filamentary RRAM", confidence="assumed"),
        "g_off_S": _DEFINITION,
        "cell_area_F2": Provenance(
            source="SpikeSim (Moitra et al., TCAD 2023), ela_spikesim.py: 26.2144 um2, 4096 cells, 40 nm",
            confidence="code",
        ),
        "program_noise": _DEFINITION,
        **IDEAL.sources,
    },
    validity=Validity(g_min_S=0.0, g_max_S=float("inf"), t_min_s=0.0, t_max_s=float("inf")),
)
