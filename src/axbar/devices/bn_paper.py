"""The three devices of a study on batch-norm adaptation against crossbar non-idealities.

Bhattacharjee et al., GLSVLSI 2023 (arXiv 2305.18416), known from third-party notes: on/off ratios of 10 (RRAM), 40
(PCM-i) and 80 (PCM-ii), Gaussian read noise with a sigma of 0.05 to 0.35, drift G (t / t_0)^-nu to 1e10 s. Not
published openly, so *assumed* here, alike for all three:

    resistance when on   20 kohm
    read noise           sigma = 0.1 g, of the conductance itself; ``device.read_noise`` = 3.5 gives 0.35
    drift                nu = |N(0.05, 0.01)| at every level, t_0 = 1 s

A result with them shows what the paper shows, at values that are ours.
"""

from axbar.devices._laws import Drift, Polynomial
from axbar.devices._preset import DevicePreset, Validity
from axbar.devices._writes import PCM, WriteFacts
from axbar.devices._writes import RRAM as RRAM_WRITES
from axbar.spec._base import Provenance
from axbar.spec.imc import Device

__all__ = ["PCM_I", "PCM_II", "RRAM"]

_G_ON_S = 50e-6
_PAPER = "Bhattacharjee et al., GLSVLSI 2023"


def _assumed(what: str) -> Provenance:
    return Provenance(source=f"{_PAPER} (third-party notes) gives {what}", confidence="assumed")


def _preset(name: str, label: str, ratio: float, cell_area_F2: float, writes: WriteFacts) -> DevicePreset:
    return DevicePreset(
        name=name,
        summary=f"{label} of the batch-norm study (GLSVLSI 2023): ratio {ratio:g}, the rest assumed",
        spec=Device(
            name=name,
            g_on_S=_G_ON_S,
            g_off_S=_G_ON_S / ratio,
            cell_area_F2=cell_area_F2,
            program_noise=0.0,
            write_energy_J=writes.energy_J,
            write_time_s=writes.time_s,
            endurance=writes.endurance,
            age_s=1.0,
        ),
        sources={
            "g_on_S": _assumed("no resistance; 20 kohm"),
            "g_off_S": Provenance(
                source=f"{_PAPER}: on/off ratio {ratio:g} (third-party notes)", confidence="sec"
            ),
            "cell_area_F2": Provenance(
                source="as the cells of rram-neurram and pcm-mushroom; not in the paper", confidence="assumed"
            ),
            "program_noise": _assumed("no programming noise; none"),
            "drift": _assumed("no exponent; nu 0.05, spread 0.01"),
            "read_noise": _assumed("sigma 0.05 to 0.35, not of what; 0.1 of the conductance"),
            "age_s": _assumed("no reference time; 1 s"),
            **writes.as_family("these cells").sources,
        },
        validity=Validity(
            g_min_S=0.0,
            g_max_S=float("inf"),
            t_min_s=1.0,
            t_max_s=1e10,
            note="all but the on/off ratio assumed",
        ),
        t0_s=1.0,
        drift=Drift(mean=Polynomial((0.05,)), sigma=Polynomial((0.01,))),
        read_law=Polynomial((0.0, 0.1)),
        measured=False,
    )


RRAM = _preset("rram-bn", "RRAM", 10.0, 125.74, RRAM_WRITES)
PCM_I = _preset("pcm-bn-i", "PCM-i", 40.0, 8.0, PCM)
PCM_II = _preset("pcm-bn-ii", "PCM-ii", 80.0, 8.0, PCM)
