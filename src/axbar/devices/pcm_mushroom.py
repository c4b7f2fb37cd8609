"""Mushroom-type phase-change memory.

Nandakumar et al., ICECS 2019, constants as in aihwkit ``PCMLikeNoiseModel``. With x = g / g_max, g_max = 25 uS:

    programming   sigma(x) = 0.26348 + 1.9650 x - 1.1731 x^2                               [uS]
    drift         g (t / t_0)^-nu, nu = |N(mu, s)|,                                        t_0 = 20 s
                  mu = clip(-0.0155 ln x + 0.0244, 0.049, 0.1), s = clip(-0.0125 ln x - 0.0059, 0.008, 0.045)
    1/f noise     sigma = g Q sqrt(ln((t + t_r) / (2 t_r))),                               t_r = 250 ns
                  Q = min(0.0088 / max(x^0.65, 0.001), 0.2)

after iterative programming, read at t_0. There x of the drift is the target; here it is the programmed conductance,
from which it differs by the programming error. The 1/f noise uses the programmed conductance as there.
"""

from axbar.devices._laws import ClippedLog, Drift, Flicker, PowerLaw
from axbar.devices._preset import DevicePreset, Validity
from axbar.devices._writes import PCM
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["PRESET"]

_WRITES = PCM.as_family("these cells")

_G_ON_uS = 25.0
_FIT_uS = (0.26348, 1.9650, -1.1731)  # sigma in uS, powers of x

_LAW = Provenance(
    source="Nandakumar et al., ICECS 2019, constants as in aihwkit PCMLikeNoiseModel (g_max 25 uS, t0 20 s)",
    confidence="code",
)

PRESET = DevicePreset(
    name="pcm-mushroom",
    summary="mushroom PCM (Nandakumar 2019): programming, drift, 1/f noise, from 20 s on",
    spec=Device(
        name="pcm-mushroom",
        g_on_S=25e-6,
        g_off_S=0.0,
        cell_area_F2=8.0,
        program_noise=1.0,
        write_energy_J=_WRITES.energy_J,
        write_time_s=_WRITES.time_s,
        endurance=_WRITES.endurance,
        age_s=20.0,
    ),
    sources={
        "g_on_S": _LAW,
        "g_off_S": _LAW,
        "cell_area_F2": Provenance(
            source="Nanoscale Res. Lett. 9:526 (2014), Table 2: PCM device with selector", confidence="abs"
        ),
        "program_noise": _LAW,
        "drift": _LAW,
        "flicker_noise": _LAW,
        "age_s": _LAW,
        **_WRITES.sources,
    },
    validity=Validity(
        g_min_S=0.0,
        g_max_S=25e-6,
        t_min_s=20.0,
        t_max_s=86_400.0,
        note="one day assumed: how long the cells were watched was not read; no noise of single reads",
    ),
    program_law=tuple(c / _G_ON_uS for c in _FIT_uS),
    t0_s=20.0,
    drift=Drift(
        mean=ClippedLog(-0.0155, 0.0244, 0.049, 0.1), sigma=ClippedLog(-0.0125, -0.0059, 0.008, 0.045)
    ),
    flicker=Flicker(q=PowerLaw(0.0088, 0.65, floor=1e-3, high=0.2), t_read_s=250e-9),
)
