"""Mushroom-type phase-change memory.

Nandakumar et al., ICECS 2019, as coded in aihwkit ``PCMLike``: with x = g / g_max and g_max = 25 uS

    sigma(x) = 0.26348 + 1.9650 x - 1.1731 x^2   [uS],

after iterative programming, read at t0 = 20 s. Drift and 1/f read noise are not modelled yet.
"""

from axbar.devices._preset import DevicePreset, Validity
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["PRESET"]

_G_ON_uS = 25.0
_FIT_uS = (0.26348, 1.9650, -1.1731)  # sigma in uS, powers of x

_LAW = Provenance(
    source="Nandakumar et al., ICECS 2019, constants as in aihwkit PCMLikeNoiseModel (g_max 25 uS)",
    confidence="code",
)

PRESET = DevicePreset(
    name="pcm-mushroom",
    summary="mushroom PCM (Nandakumar 2019), 20 s after programming",
    spec=Device(name="pcm-mushroom", g_on_S=25e-6, g_off_S=0.0, cell_area_F2=8.0, program_noise=1.0),
    sources={
        "g_on_S": _LAW,
        "g_off_S": _LAW,
        "cell_area_F2": Provenance(
            source="Nanoscale Res. Lett. 9:526 (2014), Table 2: PCM device with selector", confidence="abs"
        ),
        "program_noise": _LAW,
    },
    validity=Validity(
        g_min_S=0.0, g_max_S=25e-6, t_min_s=20.0, t_max_s=20.0, note="no drift, no read noise yet"
    ),
    program_law=tuple(c / _G_ON_uS for c in _FIT_uS),
)
