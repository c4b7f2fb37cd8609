"""The 130 nm HfOx RRAM of NeuRRAM, read 1 s after programming.

Wan et al., Nature 608, 504-512 (2022). Standard deviation after iterative write-verify, G in uS:

    sigma(G) = 1.053 + 0.2374 G - 1.167e-2 G^2 + 1.536e-4 G^3   [uS],   G <= 39.26 uS,

the cubic fit that CrossSim 3.2 ships as ``RRAMWan``. The published range is 1 to 40 uS; the last 0.74 uS
extrapolate the fit. Relaxation after one and two days is not modelled.
"""

from axbar.devices._preset import DevicePreset, Validity
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["PRESET"]

_G_ON_uS = 40.0
_FIT_uS = (1.053, 0.2374, -1.167e-2, 1.536e-4)  # sigma in uS, powers of G in uS

_RANGE = Provenance(source="Wan et al., Nature 608, 504 (2022): 1 to 40 uS", confidence="code")

PRESET = DevicePreset(
    name="rram-neurram",
    summary="HfOx RRAM of NeuRRAM (Wan 2022), 1 s after programming",
    spec=Device(name="rram-neurram", g_on_S=40e-6, g_off_S=1e-6, cell_area_F2=125.74, program_noise=1.0),
    sources={
        "g_on_S": _RANGE,
        "g_off_S": _RANGE,
        "cell_area_F2": Provenance(
            source="Wan et al., Nature 2022, via CiMLoop rram_wan_nature_2022.cell.yaml", confidence="code"
        ),
        "program_noise": Provenance(
            source="Wan et al., Nature 2022, cubic fit of sigma(G) in CrossSim 3.2 RRAMWan", confidence="code"
        ),
    },
    validity=Validity(
        g_min_S=1e-6, g_max_S=39.26e-6, t_min_s=1.0, t_max_s=1.0, note="no relaxation beyond 1 s"
    ),
    program_law=tuple(c * _G_ON_uS ** (k - 1) for k, c in enumerate(_FIT_uS)),
)
