"""Filamentary RRAM of conductive metal oxide on HfOx (CMO/HfOx), written to an acceptance range.

Falcone et al., IBM Research Europe; constants as in aihwkit ``ReRamCMONoiseModel``. G in uS, 9 to 88.19 uS, t_0 = 1 s:

    acceptance    a + b G: 0.00081107 + 0.00106879 G for a range of 0.2 %, 0.0112185391 + 0.01129027418 G for 2 %
    relaxation    mean -0.08900206 ln(t / 1 s), sigma 0.41183342 + 0.04201137 ln(t / 1 s)   [uS], at every level
    1/f noise     sigma = 0.0277316483 log10(G) sqrt(ln((t + t_r) / (2 t_r)))               [uS], t_r = 1 us

At the first read both errors of the cell are there: programming has ``sqrt((a + b G)^2 + 0.41183342^2)``, and
relaxation adds what comes later. So the finer range pays only where the 0.41 uS do not hide it.
"""

import math

from axbar.devices._laws import ClippedLog, Flicker, LogRelaxation, Polynomial, RootSumOfSquares, Scaled
from axbar.devices._preset import DevicePreset, Validity
from axbar.devices._writes import RRAM
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["COARSE", "PRESET"]

_WRITES = RRAM.as_family("these cells")

_G_ON_uS = 88.19
_RELAXED_uS = 0.41183342

_LAW = Provenance(
    source="Falcone et al. (CMO/HfOx), constants as in aihwkit ReRamCMONoiseModel", confidence="code"
)


def _preset(name: str, acceptance: str, fit_uS: tuple[float, float]) -> DevicePreset:
    return DevicePreset(
        name=name,
        summary=f"CMO/HfOx RRAM (Falcone), written to {acceptance}: programming, relaxation, 1/f noise, from 1 s on",
        spec=Device(
            name=name,
            g_on_S=_G_ON_uS * 1e-6,
            g_off_S=9e-6,
            cell_area_F2=125.74,
            program_noise=1.0,
            write_energy_J=_WRITES.energy_J,
            write_time_s=_WRITES.time_s,
            endurance=_WRITES.endurance,
            age_s=1.0,
        ),
        sources={
            "g_on_S": _LAW,
            "g_off_S": _LAW,
            "cell_area_F2": Provenance(
                source="as the 1T1R cell of NeuRRAM; its own was not read", confidence="assumed"
            ),
            "program_noise": _LAW,
            "drift": _LAW,
            "flicker_noise": _LAW,
            "age_s": _LAW,
            **_WRITES.sources,
        },
        validity=Validity(
            g_min_S=9e-6,
            g_max_S=_G_ON_uS * 1e-6,
            t_min_s=1.0,
            t_max_s=86_400.0,
            note="time span of the fit not read, a day assumed; relaxation fitted at 50 uS",
        ),
        program_law=RootSumOfSquares(
            Scaled(Polynomial(fit_uS), _G_ON_uS), Polynomial((_RELAXED_uS / _G_ON_uS,))
        ),
        t0_s=1.0,
        retention=LogRelaxation(
            t0_s=1.0,
            shift=-0.08900206 / _G_ON_uS,
            sigma_0=_RELAXED_uS / _G_ON_uS,
            sigma_slope=0.04201137 / _G_ON_uS,
        ),
        flicker=Flicker(
            q=Scaled(ClippedLog(0.0277316483 / math.log(10), 0.0, low=0.0), _G_ON_uS),
            t_read_s=1e-6,
            of_range=True,
        ),
    )


PRESET = _preset("rram-cmo", "0.2 %", (0.00081107, 0.00106879))
COARSE = _preset("rram-cmo-coarse", "2 %", (0.0112185391, 0.01129027418))
