"""The conventional estimate: count operations, multiply by the energy of one.

    E = #AC * E_AC + #MAC * E_MAC,

as most papers on spiking networks do: an accumulate per synapse that a spike reaches, a multiply-accumulate
per synapse of a layer with real-valued inputs. It knows no memory, no converter and no wire; it stands beside
the modelled energy for comparison only. Two price lists at 45 nm, 0.9 V, after M. Horowitz, ISSCC 2014, Fig.
1.1.9: 32-bit floating point (0.9 and 4.6 pJ, the numbers common in those papers) and integers (8-bit weights
into 16 or 32 bits: 0.05 and 0.3 pJ).
"""

from __future__ import annotations

from typing import Any, Final

from axbar.cost._charged import charged
from axbar.cost.constants import Constant
from axbar.workload import Workload, macs, synops

__all__ = ["PRICES", "conventional"]

_HOROWITZ: Final = (
    "M. Horowitz, ISSCC 2014, Fig. 1.1.9 (45 nm, 0.9 V), transcribed in stillwater-sc/universal"
)
PRICES: Final = {
    "fp32": (
        Constant("conventional.fp32.ac", 0.9e-12, "J/AC", _HOROWITZ, "sec", note="fp32 add"),
        Constant(
            "conventional.fp32.mac",
            4.6e-12,
            "J/MAC",
            _HOROWITZ,
            "sec",
            note="fp32 multiply 3.7 pJ + add 0.9 pJ",
        ),
    ),
    "int8": (
        Constant(
            "conventional.int8.ac",
            0.05e-12,
            "J/AC",
            _HOROWITZ,
            "inf",
            note="int16 add: 8-bit weight into 16 bits",
        ),
        Constant(
            "conventional.int8.mac", 0.3e-12, "J/MAC", _HOROWITZ, "inf", note="int8 multiply + int32 add"
        ),
    ),
}


def conventional(workload: Workload) -> dict[str, Any]:
    """Return operations per inference and both estimates as plain values; samples that leave early do no more.

    Returns:
        ``ac``, ``mac``: operations per sample; ``E_AC_J``, ``E_MAC_J``, ``energy_J``, ``source``: the fp32
        estimate; ``int8``: the same four for integers.
    """
    ac = mac = 0.0
    for layer in charged(workload, "once").layers:
        if layer.operands[0].coding in ("spikes", "signed"):
            ac += synops(layer) or 0.0
        else:
            mac += macs(layer)
    return {"ac": ac, "mac": float(mac), **_priced("fp32", ac, mac), "int8": _priced("int8", ac, mac)}


def _priced(name: str, ac: float, mac: float) -> dict[str, Any]:
    e_ac, e_mac = PRICES[name]
    return {
        "E_AC_J": e_ac.value,
        "E_MAC_J": e_mac.value,
        "energy_J": ac * e_ac.value + mac * e_mac.value,
        "source": e_ac.source,
    }
