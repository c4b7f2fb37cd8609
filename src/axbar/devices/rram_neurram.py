"""The 130 nm HfOx RRAM of NeuRRAM, from 1 s after programming on.

Wan et al., Nature 608, 504-512 (2022). Standard deviation after iterative write-verify, G in uS:

    sigma(G) = 1.053 + 0.2374 G - 1.167e-2 G^2 + 1.536e-4 G^3   [uS],   G <= 39.26 uS,   t_0 = 1 s,

the cubic fit that CrossSim 3.2 ships as ``RRAMWan``. The published range is 1 to 40 uS; the last 0.74 uS
extrapolate the fit.

Relaxation widens the population. Quartics for 1 s, 1 day and 2 days, x = G / 40 uS, are those of aihwkit
``ReRamWan2022NoiseModel``; only their growth is used,

    g + s(x, t) N,   s(x, t)^2 = sigma(x, t)^2 - sigma(x, 1 s)^2,

interpolated linearly in ln t, beyond two days continued along the last piece. One read adds Gaussian noise of
1 % of the range, as aihwkit advises for this device; the noise of single reads was not published as a fit.
"""

from axbar.devices._laws import Polynomial, TabledRelaxation
from axbar.devices._preset import DevicePreset, Validity
from axbar.devices._writes import RRAM
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["PRESET"]

_G_ON_uS = 40.0
_FIT_uS = (1.053, 0.2374, -1.167e-2, 1.536e-4)  # sigma in uS, powers of G in uS
_DAY_s = 86_400.0
#: time in s -> sigma of the population in uS, powers of x
_SPREAD_uS = {
    1.0: (0.348, 16.030, -43.853, 45.393, -16.815),
    _DAY_s: (0.701, 22.086, -50.773, 47.095, -16.458),
    2 * _DAY_s: (0.782, 20.274, -43.507, 37.062, -11.934),
}

_RANGE = Provenance(source="Wan et al., Nature 608, 504 (2022): 1 to 40 uS", confidence="code")

PRESET = DevicePreset(
    name="rram-neurram",
    summary="HfOx RRAM of NeuRRAM (Wan 2022): programming, relaxation, read noise, from 1 s on",
    spec=Device(
        name="rram-neurram",
        g_on_S=40e-6,
        g_off_S=1e-6,
        cell_area_F2=125.74,
        program_noise=1.0,
        write_energy_J=RRAM.energy_J,
        write_time_s=RRAM.time_s,
        endurance=RRAM.endurance,
        age_s=1.0,
    ),
    sources={
        "g_on_S": _RANGE,
        "g_off_S": _RANGE,
        "cell_area_F2": Provenance(
            source="Wan et al., Nature 2022, via CiMLoop rram_wan_nature_2022.cell.yaml", confidence="code"
        ),
        "program_noise": Provenance(
            source="Wan et al., Nature 2022, cubic fit of sigma(G) in CrossSim 3.2 RRAMWan", confidence="code"
        ),
        "drift": Provenance(
            source="Wan et al., Nature 2022, sigma at 1 s, 1 d, 2 d as in aihwkit ReRamWan2022NoiseModel",
            confidence="code",
        ),
        "read_noise": Provenance(
            source="about 1 % of the range, advice in aihwkit ReRamWan2022NoiseModel", confidence="code"
        ),
        "age_s": Provenance(
            source="Wan et al., Nature 2022: first distribution 1 s after programming", confidence="code"
        ),
        **RRAM.sources,
    },
    validity=Validity(
        g_min_S=1e-6,
        g_max_S=40e-6,
        t_min_s=1.0,
        t_max_s=2 * _DAY_s,
        note="fit of programming to 39.26 uS; relaxation shifts no mean; no 1/f noise",
    ),
    program_law=tuple(c * _G_ON_uS ** (k - 1) for k, c in enumerate(_FIT_uS)),
    t0_s=1.0,
    retention=TabledRelaxation(
        times_s=tuple(_SPREAD_uS),
        sigmas=tuple(Polynomial(tuple(c / _G_ON_uS for c in fit)) for fit in _SPREAD_uS.values()),
    ),
    read_law=Polynomial((0.01,)),
)
