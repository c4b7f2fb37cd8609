"""The 14 nm phase-change memory of the HERMES chip, with one or with two devices for each side of a weight.

Le Gallo et al., Nature Electronics 6, 680 (2023); Khaddam-Aljameh et al., JSSC 57(4), 1027 (2022); constants as
in aihwkit ``HermesNoiseModel``. With x = g / g_max:

                  one device (``pcm-hermes``)                    two devices (``pcm-hermes-msf``)
    g_max, t_0    10.35 uS, 200 s                                20.7 uS, 300 s
    sigma [uS]    0.1578 + 2.3244 x - 2.1631 x^2 + 0.6884 x^3    0.1660 + 4.7181 x - 8.4810 x^2 + 4.6896 x^3
    drift         g (t / t_0)^-nu, nu = |N(mu(x), s(x))|, each a clipped logarithm of x for small x, else a parabola
    1/f noise     g Q(x) sqrt(ln((t + t_r) / (2 t_r))), t_r = 512 ns, Q a clipped logarithm, else a cubic

The exact coefficients stand below. There x of the drift is the target; here the programmed conductance.
"""

from axbar.devices._laws import ClippedLog, Drift, Flicker, Law, Piecewise, Polynomial
from axbar.devices._preset import DevicePreset, Validity
from axbar.devices._writes import PCM
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["MSF", "PRESET"]

_LAW = Provenance(
    source="Le Gallo et al., Nature Electronics 2023, constants as in aihwkit HermesNoiseModel",
    confidence="code",
)
_NU = Piecewise(0.0945, ClippedLog(-0.0387, -0.0182, 0.0720, 0.13), Polynomial((0.0736, -0.0126, -0.0436)))


def _preset(
    name: str, summary: str, g_on_uS: float, t0_s: float, fit_uS: tuple[float, ...], nu_sigma: Law, q: Law
) -> DevicePreset:
    return DevicePreset(
        name=name,
        summary=summary,
        spec=Device(
            name=name,
            g_on_S=g_on_uS * 1e-6,
            g_off_S=0.0,
            cell_area_F2=500.0,
            program_noise=1.0,
            write_energy_J=PCM.energy_J,
            write_time_s=PCM.time_s,
            endurance=PCM.endurance,
            age_s=t0_s,
        ),
        sources={
            "g_on_S": _LAW,
            "g_off_S": _LAW,
            "cell_area_F2": Provenance(
                source="half of an 8T4R cell, unpublished; cells of measured macros take 100 to 1000 F2",
                confidence="assumed",
            ),
            "program_noise": _LAW,
            "drift": _LAW,
            "flicker_noise": _LAW,
            "age_s": _LAW,
            **PCM.sources,
        },
        validity=Validity(
            g_min_S=0.0,
            g_max_S=g_on_uS * 1e-6,
            t_min_s=t0_s,
            t_max_s=86_400.0,
            note="time span of the fit not read, a day assumed; no noise of single reads",
        ),
        program_law=tuple(c / g_on_uS for c in fit_uS),
        t0_s=t0_s,
        drift=Drift(_NU, nu_sigma),
        flicker=Flicker(q, t_read_s=512e-9),
    )


PRESET = _preset(
    name="pcm-hermes",
    summary="14 nm PCM of HERMES (Le Gallo 2023), one device per weight side, from 200 s on",
    g_on_uS=10.35,
    t0_s=200.0,
    fit_uS=(0.15781817, 2.32443916, -2.16310839, 0.68841818),
    nu_sigma=Piecewise(
        0.3039, ClippedLog(-0.0120, -0.0023, 0.0124, 0.04), Polynomial((0.0104, 0.0116, -0.0165))
    ),
    q=Piecewise(
        0.1591, ClippedLog(-0.0078, 0.0038, 0.0179, 0.04), Polynomial((0.0088, 0.0768, -0.1352, 0.0664))
    ),
)

MSF = _preset(
    name="pcm-hermes-msf",
    summary="14 nm PCM of HERMES (Le Gallo 2023), two devices per weight side, from 300 s on",
    g_on_uS=20.7,
    t0_s=300.0,
    fit_uS=(0.16603222, 4.71806468, -8.48101252, 4.68961419),
    nu_sigma=Piecewise(
        0.3055, ClippedLog(-0.0117, -0.0057, 0.0091, 0.04), Polynomial((0.0073, 0.0093, -0.0118))
    ),
    q=Piecewise(
        0.16, ClippedLog(-0.0117, -0.0069, 0.015, 0.04), Polynomial((0.0123, 0.0211, -0.0280, 0.0069))
    ),
)
