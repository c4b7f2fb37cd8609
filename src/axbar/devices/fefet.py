"""A 2-bit ferroelectric FET. Literature, not measured by us.

TReX, known from third-party notes: 2 bits per cell, write noise of 20 % and read noise of 10 %. Of what is not
published openly; here both are shares of the conductance itself. The range is assumed.
"""

from axbar.devices._laws import Polynomial
from axbar.devices._preset import DevicePreset, Validity
from axbar.devices._writes import FEFET
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["PRESET"]

_NOISE = Provenance(
    source="TReX (third-party notes): 20 % write, 10 % read; of the conductance is assumed", confidence="sec"
)
_RANGE = Provenance(
    source="100 kohm and an on/off ratio of 100; no value published openly", confidence="assumed"
)

PRESET = DevicePreset(
    name="fefet-2bit",
    summary="2-bit FeFET (literature, not measured by us): 20 % write, 10 % read noise",
    spec=Device(
        name="fefet-2bit",
        g_on_S=10e-6,
        g_off_S=0.1e-6,
        cell_area_F2=12.0,
        program_noise=1.0,
        write_energy_J=FEFET.energy_J,
        write_time_s=FEFET.time_s,
        endurance=FEFET.endurance,
    ),
    sources={
        "g_on_S": _RANGE,
        "g_off_S": _RANGE,
        "cell_area_F2": Provenance(source="a FeFET alone, about 12 F2; no source read", confidence="assumed"),
        "program_noise": _NOISE,
        "read_noise": _NOISE,
        **FEFET.sources,
    },
    validity=Validity(
        g_min_S=0.0,
        g_max_S=float("inf"),
        t_min_s=0.0,
        t_max_s=float("inf"),
        note="literature, not measured by us; no law in time",
    ),
    program_law=Polynomial((0.0, 0.2)),
    max_cell_bits=2,
    read_law=Polynomial((0.0, 0.1)),
    measured=False,
)
