"""A spin-transfer-torque magnetic tunnel junction: one bit, a small on/off ratio. Literature, not measured by us.

The ratio of its two resistances is 1 + TMR; a tunnel magnetoresistance of 150 % (100 to 200 % are usual) makes it
2.5. Resistance and area are assumed, and no spread of the two states was read, so none is modelled.
"""

from axbar.devices._preset import DevicePreset, Validity
from axbar.devices._writes import STT
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["PRESET"]

_G_ON_S = 200e-6

PRESET = DevicePreset(
    name="stt-mram",
    summary="STT-MRAM (literature, not measured by us): one bit, on/off ratio 2.5, no spread modelled",
    spec=Device(
        name="stt-mram",
        g_on_S=_G_ON_S,
        g_off_S=_G_ON_S / 2.5,
        cell_area_F2=30.0,
        program_noise=0.0,
        write_energy_J=STT.energy_J,
        write_time_s=STT.time_s,
        endurance=STT.endurance,
    ),
    sources={
        "g_on_S": Provenance(source="5 kohm in the parallel state; no source read", confidence="assumed"),
        "g_off_S": Provenance(source="TMR 150 %, ratio 2.5; no source read", confidence="assumed"),
        "cell_area_F2": Provenance(
            source="about 30 F2 with its transistor; no source read", confidence="assumed"
        ),
        "program_noise": Provenance(
            source="no spread of the states read: none modelled", confidence="assumed"
        ),
        **STT.sources,
    },
    validity=Validity(
        g_min_S=0.0,
        g_max_S=float("inf"),
        t_min_s=0.0,
        t_max_s=float("inf"),
        note="literature, not measured by us; switching errors and spread left out",
    ),
    max_cell_bits=1,
    measured=False,
)
