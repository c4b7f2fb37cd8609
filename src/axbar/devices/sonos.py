"""SONOS charge-trap memory at 40 nm, read below threshold.

Agrawal et al., IEDM 2022, 128,000 devices, constants as in CrossSim 3.2 ``SONOS``. The paper gives currents; a
cell of I counts here as a conductance of I / 0.1 V, so that 1600 nA are 16 uS. With I in nA, on days 0 to 5:

    spread        sigma_I = A (1 - exp(-I / B))        A, B per day; day 0 is programming
    mean shift    dI = sum_k p_k I^k, k = 0 .. 10      p per day; 0 on day 0
    one read      sigma_I = 12.58037 (1 - exp(-I / 215.36557))

linear in time between the days (the values, not the coefficients). Relaxation adds the growth of the variance. Beyond
five days the fit says nothing: the values of day 5 are held. Above 1400 nA the polynomials plunge, by 60 to 200 nA
up to 1600 nA and not in the order of the days, which is no property of the device: the shift of 1400 nA is held.
"""

from axbar.devices._laws import Polynomial, Saturating, Scaled, TabledRelaxation, Within
from axbar.devices._preset import DevicePreset, Validity
from axbar.devices._writes import CHARGE_TRAP
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["PRESET"]

_DAY_s = 86_400.0
_I_ON_nA = 1600.0
_I_HELD_nA = 1400.0
_READ_V = 0.1  # turns currents into conductances; the paper's cells are read as current sources
#: (A, B) in nA on days 0 .. 5
_SPREAD_nA = (
    (19.88665, 176.3115), (25.59102, 186.85544), (28.72753, 193.56834),
    (31.04318, 198.90332), (33.76214, 204.77023), (34.57909, 207.34309),
)  # fmt: skip
#: mean shift in nA, powers of I in nA, on days 0 .. 5
_SHIFT_nA = (
    (0.0,),
    (6.83650e-01, 6.51250e-03, -4.03163e-04, 3.37944e-06, -1.87435e-08, 5.88902e-11, -1.07685e-13,
     1.17751e-16, -7.60016e-20, 2.67255e-23, -3.94954e-27),
    (6.60925e-01, 8.60627e-03, -1.72936e-04, 7.44096e-07, -5.94866e-09, 2.36734e-11, -4.83740e-14,
     5.56072e-17, -3.65397e-20, 1.28405e-23, -1.87450e-27),
    (1.15821e00, 1.96116e-02, -4.70807e-04, 3.67510e-06, -2.08786e-08, 6.59752e-11, -1.19499e-13,
     1.28435e-16, -8.11574e-20, 2.78802e-23, -4.02057e-27),
    (8.72216e-01, 1.70926e-02, -2.23370e-04, 1.57526e-06, -1.32779e-08, 5.08256e-11, -1.01251e-13,
     1.14633e-16, -7.46124e-20, 2.60559e-23, -3.78724e-27),
    (1.15294e00, 1.03149e-02, -6.05199e-05, 1.76086e-08, -6.46690e-09, 3.39044e-11, -7.53872e-14,
     8.98185e-17, -6.00346e-20, 2.12615e-23, -3.11099e-27),
)  # fmt: skip

_LAW = Provenance(source="Agrawal et al., IEDM 2022, constants as in CrossSim 3.2 SONOS", confidence="code")


def _spread(height_nA: float, width_nA: float) -> Scaled:
    return Scaled(Saturating(height_nA, width_nA), _I_ON_nA)


PRESET = DevicePreset(
    name="sonos",
    summary="40 nm SONOS charge trap (Agrawal 2022): programming, five days of drift, read noise",
    spec=Device(
        name="sonos",
        g_on_S=_I_ON_nA * 1e-9 / _READ_V,
        g_off_S=_I_ON_nA * 1e-9 / _READ_V / 1e7,
        cell_area_F2=100.0,
        program_noise=1.0,
        write_energy_J=CHARGE_TRAP.energy_J,
        write_time_s=CHARGE_TRAP.time_s,
        endurance=CHARGE_TRAP.endurance,
    ),
    sources={
        "g_on_S": Provenance(
            source="CrossSim 3.2 SONOS: 1600 nA, the most it suggests with drift, as 16 uS at 0.1 V",
            confidence="code",
        ),
        "g_off_S": Provenance(source="CrossSim 3.2 SONOS: suggested on/off ratio 1e7", confidence="code"),
        "cell_area_F2": Provenance(
            source="cells of measured macros take 100 to 1000 F2; its own was not read", confidence="assumed"
        ),
        "program_noise": _LAW,
        "drift": _LAW,
        "read_noise": _LAW,
        "age_s": _LAW,
        **CHARGE_TRAP.sources,
    },
    validity=Validity(
        g_min_S=0.0,
        g_max_S=_I_ON_nA * 1e-9 / _READ_V,
        t_min_s=0.0,
        t_max_s=5 * _DAY_s,
        note="values of day 5 held beyond, mean shift of 1400 nA held above; currents counted as conductances at 0.1 V",
    ),
    program_law=_spread(*_SPREAD_nA[0]),
    retention=TabledRelaxation(
        times_s=tuple(day * _DAY_s for day in range(6)),
        sigmas=tuple(_spread(*fit) for fit in _SPREAD_nA),
        means=tuple(Scaled(Within(Polynomial(fit), 0.0, _I_HELD_nA), _I_ON_nA) for fit in _SHIFT_nA),
        in_log_time=False,
        extend=False,
    ),
    read_law=_spread(12.58037, 215.36557),
)
