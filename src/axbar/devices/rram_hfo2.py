"""Multi-level HfO2 RRAM with a current that is not linear in the voltage.

Milo et al., IRPS 2021, constants as in CrossSim 3.2 ``RRAMMilo`` (programming algorithm IGVVA-100). G in uS, 50 to
225 uS, |V| <= 0.5 V:

    sigma(G) = max(4.782321 - 0.009107 G, 0)                                               [uS]
    I(V) = G_0 V + N_2 V^2 + N_3 V^3                                                       [A, V, S]
    N_2 = 0.0001388 L^3 + 0.001541 L^2 + 0.005711 L + 0.007063,   L = log10(G_0 / 1 S)
    N_3 = 8.8710e-05 L^2 + 6.7919e-04 L + 1.2968e-03

The I-V was fitted to four curves of 62.5 to 110 uS and an assumed linear point at 225 uS. For negative voltages
it is continued as an odd function. Outside 50 to 225 uS, where noise or faults can lead, the *relative* bend of
the nearest end holds, so that a cell without conductance carries no current.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from axbar.devices._laws import Polynomial, Scaled
from axbar.devices._preset import DevicePreset, Validity
from axbar.devices._writes import RRAM
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["PRESET", "MiloCurve"]

_WRITES = RRAM.as_family("these cells")

_G_ON_uS = 225.0
_N2 = (0.007063, 0.005711, 0.001541, 0.0001388)  # powers of L
_N3 = (1.2968e-03, 6.7919e-04, 8.8710e-05)

_LAW = Provenance(source="Milo et al., IRPS 2021, constants as in CrossSim 3.2 RRAMMilo", confidence="code")


@dataclass(frozen=True)
class MiloCurve:
    """The cubic I-V of Milo's cells between two conductances, in S."""

    g_min_S: float = 50e-6
    g_max_S: float = 225e-6
    v_max_V: float = 0.5

    def bend(self, g_S: NDArray[np.float64], v_V: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``(N_2 |V| + N_3 V^2) / G_0``; arguments broadcast."""
        g = np.clip(g_S, self.g_min_S, self.g_max_S)
        level, v = np.log10(g), np.abs(v_V)
        return (Polynomial(_N2)(level) * v + Polynomial(_N3)(level) * v**2) / g


PRESET = DevicePreset(
    name="rram-hfo2",
    summary="multi-level HfO2 RRAM (Milo 2021): programming noise, cubic I-V",
    spec=Device(
        name="rram-hfo2",
        g_on_S=225e-6,
        g_off_S=50e-6,
        cell_area_F2=125.74,
        program_noise=1.0,
        write_energy_J=_WRITES.energy_J,
        write_time_s=_WRITES.time_s,
        endurance=_WRITES.endurance,
    ),
    sources={
        "g_on_S": _LAW,
        "g_off_S": _LAW,
        "cell_area_F2": Provenance(
            source="as the 1T1R cell of NeuRRAM; its own was not read", confidence="assumed"
        ),
        "program_noise": _LAW,
        "nonlinearity": _LAW,
        **_WRITES.sources,
    },
    validity=Validity(
        g_min_S=50e-6,
        g_max_S=225e-6,
        t_min_s=0.0,
        t_max_s=float("inf"),
        note="no law in time, no read noise; I-V to 0.5 V",
        strict_g_min=True,
    ),
    program_law=Scaled(Polynomial((4.782321, -0.009107)), _G_ON_uS),
    curve=MiloCurve(),
)
