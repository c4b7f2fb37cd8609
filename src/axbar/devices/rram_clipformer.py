"""The RRAM of ClipFormer, on which keys and values of attention are written at run time.

ClipFormer (arXiv 2402.02586), known from third-party notes: 100 kohm, on/off ratio 100, 2 bits per cell. The
write noise has the form of TxSim (Roy et al.),

    G' = G + gamma sqrt((G - G_min) (G_max - G_min)) N(0, s^2),   gamma in {3, 4, 5}:

none at G_min, most at G_max. Only the product gamma s matters, and s is not published openly: s = 0.1 is *assumed*
(it fits the published signal-to-noise ratios within their spread), gamma = 4; on a chip ``run_time.write_noise`` of
0.75 and 1.25 gives gamma 3 and 5. It is the noise of keys and values, written anew for every image; weights can be
verified, so a chip may give them a smaller ``device.program_noise``.

Whether the second factor is (G_max - G_min) or (G_max - G) could not be checked. ``rram-clipformer-gap`` has the
latter: no noise at either end, so that clipping starts to pay at more noise only (gamma s of 0.35 in place of 0.2).
"""

from dataclasses import replace

from axbar.devices._laws import BothEnds, SquareRoot
from axbar.devices._preset import DevicePreset, Validity
from axbar.devices._writes import RRAM
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["GAP", "PRESET"]

_WRITES = RRAM.as_family("these cells")

_GAMMA, _S, _RATIO = 4.0, 0.1, 100.0

_RANGE = Provenance(
    source="ClipFormer (arXiv 2402.02586): 100 kohm, on/off ratio 100 (third-party notes)", confidence="sec"
)

PRESET = DevicePreset(
    name="rram-clipformer",
    summary="RRAM of ClipFormer: 100 kohm, ratio 100, write noise gamma 4 with an assumed sigma of 0.1",
    spec=Device(
        name="rram-clipformer",
        g_on_S=10e-6,
        g_off_S=0.1e-6,
        cell_area_F2=125.74,
        program_noise=1.0,
        write_energy_J=_WRITES.energy_J,
        write_time_s=_WRITES.time_s,
        endurance=_WRITES.endurance,
    ),
    sources={
        "g_on_S": _RANGE,
        "g_off_S": _RANGE,
        "cell_area_F2": Provenance(
            source="as the 1T1R cell of NeuRRAM; its own was not read", confidence="assumed"
        ),
        "program_noise": Provenance(
            source="form and gamma of ClipFormer (third-party notes); sigma 0.1 is assumed",
            confidence="assumed",
        ),
        **_WRITES.sources,
    },
    validity=Validity(
        g_min_S=0.1e-6,
        g_max_S=float("inf"),
        t_min_s=0.0,
        t_max_s=float("inf"),
        note="assumed sigma, zero noise at 1/100 of g_on; no law in time; read noise of the paper unpublished",
    ),
    program_law=SquareRoot(_GAMMA * _S, 1 / _RATIO),
    max_cell_bits=2,
    measured=False,
)

GAP = replace(
    PRESET,
    name="rram-clipformer-gap",
    summary="the same with write noise that vanishes at both ends of the range",
    spec=PRESET.spec.model_copy(update={"name": "rram-clipformer-gap"}),
    program_law=BothEnds(_GAMMA * _S, 1 / _RATIO),
)
