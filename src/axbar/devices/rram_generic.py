"""A generic filamentary RRAM: moderate on/off ratio, noise that does not depend on the level.

``sigma = 0.05 g_on`` at every level is assumed: it lies between the mean relative sigma of the two measured
devices shipped here (mushroom PCM about 4 %, NeuRRAM's RRAM about 6 % of the range). Range: 100 kohm and 1
Mohm as used in TxSim, known from third-party notes.
"""

from axbar.devices._preset import DevicePreset, Validity
from axbar.devices._writes import RRAM
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["PRESET"]

_WRITES = RRAM.as_family("a generic cell")

_RANGE = Provenance(
    source="100 kohm to 1 Mohm, 2 bits per cell, as in TxSim (third-party notes)", confidence="sec"
)

PRESET = DevicePreset(
    name="rram-generic",
    summary="generic RRAM: 100 kohm / 1 Mohm, sigma 5 % of the range at every level (assumed)",
    spec=Device(
        name="rram-generic",
        g_on_S=10e-6,
        g_off_S=1e-6,
        cell_area_F2=67.7686,
        program_noise=1.0,
        write_energy_J=_WRITES.energy_J,
        write_time_s=_WRITES.time_s,
        endurance=_WRITES.endurance,
    ),
    sources={
        "g_on_S": _RANGE,
        "g_off_S": _RANGE,
        "cell_area_F2": Provenance(
            source="1T1R of Xue et al., ISSCC 2019: 0.205 um2 at 55 nm (MNSIM-2.0 SimConfig comment)",
            confidence="sec",
        ),
        "program_noise": Provenance(
            source="sigma 5 % of g_on at every level, between measured PCM (4 %) and RRAM (6 %)",
            confidence="assumed",
        ),
        **_WRITES.sources,
    },
    validity=Validity(
        g_min_S=1e-6,
        g_max_S=float("inf"),
        t_min_s=0.0,
        t_max_s=float("inf"),
        note="assumed, not measured; no drift",
    ),
    program_law=(0.05,),
)
