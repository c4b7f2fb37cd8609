"""An SRAM cell as a crossbar element: one bit, no programming noise, no current when off."""

from axbar.devices._preset import DevicePreset, Validity
from axbar.devices._writes import SRAM
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["PRESET"]

PRESET = DevicePreset(
    name="sram",
    summary="SRAM: one bit per cell, exact levels",
    spec=Device(
        name="sram",
        g_on_S=1 / 1.7e6,
        g_off_S=0.0,
        cell_area_F2=318.878,
        program_noise=0.0,
        write_energy_J=SRAM.energy_J,
        write_time_s=SRAM.time_s,
        endurance=SRAM.endurance,
    ),
    sources={
        "g_on_S": Provenance(
            source="equivalent read resistance 1.7 Mohm, MNSIM-2.0 SimConfig.ini", confidence="code"
        ),
        "g_off_S": Provenance(
            source="leakage of a cell that is off is neglected in the read", confidence="assumed"
        ),
        "cell_area_F2": Provenance(
            source="0.25 um2 at 28 nm (digital CIM, ISSCC 2022), MNSIM-2.0 SimConfig comment",
            confidence="sec",
        ),
        "program_noise": Provenance(
            source="a latch restores its level: no programming noise", confidence="assumed"
        ),
        **SRAM.sources,
    },
    validity=Validity(
        g_min_S=0.0, g_max_S=float("inf"), t_min_s=0.0, t_max_s=float("inf"), note="no mismatch"
    ),
    max_cell_bits=1,
    volatile=True,
)
