"""Prices of training: digital arithmetic, memory off the chip, writing a cell.

The write side rests on few and indirect figures, most of them voltage x current x time of one pulse. A device
belongs to the family that its name begins with (``rram-neurram``: ``rram``); families that are not listed are not
priced, their writes are only counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from axbar.cost._conventional import PRICES
from axbar.cost.constants import Constant

__all__ = ["ADD_J", "DRAM_J", "MAC_J", "WRITES", "WritePrice", "write_price"]

_ADD, _MAC = PRICES["fp32"]
MAC_J: Final = replace(_MAC, name="tuning.mac", scaling="digital energy", node_m=45e-9, vdd_V=0.9)
ADD_J: Final = replace(_ADD, name="tuning.add", scaling="digital energy", node_m=45e-9, vdd_V=0.9)
DRAM_J: Final = Constant(
    "tuning.dram",
    8e-12,
    "J/bit",
    "LPDDR4: Accelergy-Project/hwcomponents-cacti hwcomponents_cacti.py (MIT)",
    "code",
    note="other sources: 4 (LPDDR, HBM2) to 40 (Horowitz, ISSCC 2014)",
)


@dataclass(frozen=True)
class WritePrice:
    """Energy of writing one cell, J, and the time it takes, s; time None: one clock."""

    energy: Constant
    time: Constant | None


_NEURRAM = "NeuRRAM (Wan et al., Nature 2022), Methods, third-party notes"
_HERMES = "HERMES 64-core chip (Le Gallo et al., Nature Electronics 2023), third-party notes"

WRITES: Final = {
    "rram": WritePrice(
        Constant(
            "write.rram.energy", 1.491e-9, "J/cell", _NEURRAM, "inf",
            note="8.52 pulses of 1 us at 1.75 V and 100 uA; the current is of Singh et al., Nat. Electron. 2025",
        ),
        Constant("write.rram.time", 56e-6, "s/cell", _NEURRAM, "sec", note="projected, verification included"),
    ),
    "pcm": WritePrice(
        Constant(
            "write.pcm.energy", 0.75e-9, "J/cell", _HERMES, "inf",
            note="0.5 to 1 nJ: about ten pulses of 75 pJ (2 V, 300 uA, 125 ns)",
        ),
        Constant(
            "write.pcm.time", 4.7e-6, "s/cell", _HERMES, "inf",
            note="SET of 250 ns, five times a pulse of 125 ns and reads of 512 + 256 ns",
        ),
    ),
    "fefet": WritePrice(
        Constant("write.fefet.energy", 100e-15, "J/cell", "review in J. Appl. Phys. 2025, abstract", "abs"),
        Constant("write.fefet.time", 100e-9, "s/cell", "review in J. Appl. Phys. 2025, abstract", "abs"),
    ),
    "stt": WritePrice(
        Constant(
            "write.stt.energy", 2.30769e-12, "J/cell", "V^2/R t of Jung et al., Nature 2022: 1.5 V, 19.5 kohm",
            "inf", note="20 ns",
        ),
        Constant("write.stt.time", 20e-9, "s/cell", "1-Mb 28 nm STT-MRAM, JSSC 2019, abstract", "abs"),
    ),
    "sram": WritePrice(
        Constant(
            "write.sram.energy", 1.6e-15, "J/cell", "thu-nics/MNSIM-2.0 SimConfig.ini", "sec", note="cell alone"
        ),
        None,
    ),
}  # fmt: skip


def write_price(device: str) -> WritePrice | None:
    """Return what writing one cell of a device costs; None if nothing is known.

    >>> write_price("pcm-mushroom") is WRITES["pcm"], write_price("ideal")
    (True, None)
    """
    return WRITES.get(device.partition("-")[0])
