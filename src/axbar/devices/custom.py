"""A device of one's own: the laws stand in the spec, under ``device.custom``, as ``axbar fit-device`` writes them.

With x = g / g_on and everything in shares of g_on, coefficients c as in ``axbar.spec.imc.CustomLaws``:

    programming   g + bias_c0 + bias_c1 x + (program_c0 + program_c1 x + program_c2 x^2 + program_c3 x^3) N
    drift         g (t / t_0)^-nu, nu = clip(drift_nu0 + drift_nu1 ln x, -1, 1) + drift_nu_sigma N
    relaxation    g + (retention_c0 + retention_c1 x) sqrt(ln(t / t_0)) N
    one read      sigma = read_c0 + read_c1 x

A sigma below 0 counts as 0. ``nu`` may be negative: such cells drift upwards, as some RRAM does. With all coefficients
at 0, the default, the device is exact.
"""

from dataclasses import replace

from axbar.devices._laws import ClippedLog, Drift, Polynomial, RootLogRelaxation
from axbar.devices._preset import DevicePreset, Validity
from axbar.devices._writes import RRAM
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["PRESET"]

_OWN = Provenance(
    source="placeholder of the device of one's own: fit it to data or write it", confidence="assumed"
)


def _law(*coefficients: float) -> Polynomial | None:
    return Polynomial(coefficients) if any(coefficients) else None


def _from_spec(spec: Device) -> DevicePreset:
    """Return the device with the laws that ``spec.custom`` holds."""
    c = spec.custom
    relaxation = _law(c.retention_c0, c.retention_c1)
    drifts = any((c.drift_nu0, c.drift_nu1, c.drift_nu_sigma))
    return replace(
        PRESET,
        validity=replace(PRESET.validity, t_min_s=c.t0_s),
        program_law=_law(c.program_c0, c.program_c1, c.program_c2, c.program_c3) or (),
        t0_s=c.t0_s,
        bias_law=_law(c.bias_c0, c.bias_c1),
        drift=Drift(
            mean=ClippedLog(c.drift_nu1, c.drift_nu0, -1.0, 1.0),
            sigma=Polynomial((c.drift_nu_sigma,)),
            folded=False,
        )
        if drifts
        else None,
        retention=RootLogRelaxation(c.t0_s, relaxation) if relaxation else None,
        read_law=_law(c.read_c0, c.read_c1),
    )


PRESET = DevicePreset(
    name="custom",
    summary="a device of one's own: laws in device.custom, as fit-device writes them",
    spec=Device(
        name="custom",
        g_on_S=50e-6,
        g_off_S=0.0,
        cell_area_F2=125.74,
        program_noise=1.0,
        write_energy_J=RRAM.energy_J,
        write_time_s=RRAM.time_s,
        endurance=RRAM.endurance,
        age_s=1.0,
    ),
    sources=dict.fromkeys(
        (
            "g_on_S",
            "g_off_S",
            "cell_area_F2",
            "program_noise",
            "write_energy_J",
            "write_time_s",
            "endurance",
            "age_s",
        ),
        _OWN,
    ),
    validity=Validity(
        g_min_S=0.0, g_max_S=float("inf"), t_min_s=1.0, t_max_s=float("inf"), note="as its data"
    ),
    t0_s=1.0,
    from_spec=_from_spec,
)
