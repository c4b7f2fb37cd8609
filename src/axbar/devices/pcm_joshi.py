"""Mushroom-type phase-change memory, another fit of its programming noise.

Joshi et al., Nature Communications 11, 2473 (2020), constants as in CrossSim 3.2 ``PCMJoshi``, G in uS:

    sigma(G) = 0.28638599 + 0.07585724 G - 0.00178767 G^2   [uS],   G <= 25 uS,

no law in time. ``pcm-mushroom`` has the drift and the 1/f noise of such cells.
"""

from axbar.devices._laws import Polynomial, Scaled
from axbar.devices._preset import DevicePreset, Validity
from axbar.devices._writes import PCM
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["PRESET"]

_WRITES = PCM.as_family("these cells")

_FIT_uS = (0.28638599, 0.07585724, -0.00178767)  # sigma in uS, powers of G in uS

_LAW = Provenance(
    source="Joshi et al., Nature Communications 2020, constants as in CrossSim 3.2 PCMJoshi",
    confidence="code",
)

PRESET = DevicePreset(
    name="pcm-joshi",
    summary="mushroom PCM (Joshi 2020), programming noise only",
    spec=Device(
        name="pcm-joshi",
        g_on_S=25e-6,
        g_off_S=0.25e-6,
        cell_area_F2=8.0,
        program_noise=1.0,
        write_energy_J=_WRITES.energy_J,
        write_time_s=_WRITES.time_s,
        endurance=_WRITES.endurance,
    ),
    sources={
        "g_on_S": _LAW,
        "g_off_S": Provenance(source="CrossSim 3.2 PCMJoshi: suggested on/off ratio 100", confidence="code"),
        "cell_area_F2": Provenance(
            source="Nanoscale Res. Lett. 9:526 (2014), Table 2: PCM device with selector", confidence="abs"
        ),
        "program_noise": _LAW,
        **_WRITES.sources,
    },
    validity=Validity(
        g_min_S=0.0, g_max_S=25e-6, t_min_s=0.0, t_max_s=float("inf"), note="no drift, no read noise"
    ),
    program_law=Scaled(Polynomial(_FIT_uS), 25.0),
)
