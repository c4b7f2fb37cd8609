"""What writing a cell takes, by family of devices: energy, time, endurance, with their sources.

All figures are per *write*: everything that takes one cell to a new target, which for analog cells is a train of pulses
with reads in between (program and verify), for SRAM one access. The write side is the weakest part of what is known
of devices: most energies are voltage x current x time of one pulse, endurance of analog cells is hardly published,
and what a charge pump loses is left out. A family's figures are borrowed where a device's own were not read
(``as_family``), and then count as assumed.

    RRAM      8.52 pulses x 1.75 V x 100 uA x 1 us = 1.49 nJ        56 us
    PCM       10 pulses x 2 V x 300 uA x 125 ns = 0.75 nJ           0.25 us + 5 (0.125 us + 0.768 us) = 4.7 us
    FeFET     100 fJ, periphery included                            100 ns
    STT       (1.5 V)^2 / 19.5 kohm x 20 ns = 2.31 pJ               20 ns
    SRAM      1.6 fJ, cell alone                                    1 ns
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from axbar.spec._base import Confidence, Provenance

__all__ = ["CHARGE_TRAP", "FEFET", "IDEAL", "NO_WEAR", "PCM", "RRAM", "SRAM", "STT", "WriteFacts"]

#: stands for "no wear known": the largest endurance that a spec may hold
NO_WEAR: Final = 1e18


@dataclass(frozen=True)
class WriteFacts:
    """One write of one cell.

    Args:
        energy_J, time_s: of a write, verification included.
        endurance: writes that a cell survives.
        energy_source, time_source, endurance_source: where they come from.
    """

    energy_J: float
    time_s: float
    endurance: float
    energy_source: Provenance
    time_source: Provenance
    endurance_source: Provenance

    @property
    def sources(self) -> Mapping[str, Provenance]:
        """The three sources by field of ``Device``."""
        return {
            "write_energy_J": self.energy_source,
            "write_time_s": self.time_source,
            "endurance": self.endurance_source,
        }

    def as_family(self, device: str) -> WriteFacts:
        """Return the same figures for a device whose own were not read: assumed."""

        def borrowed(source: Provenance) -> Provenance:
            return Provenance(
                source=f"not read for {device}; family's: {source.source}", confidence="assumed"
            )

        return replace(
            self,
            energy_source=borrowed(self.energy_source),
            time_source=borrowed(self.time_source),
            endurance_source=borrowed(self.endurance_source),
        )


def _facts(
    figures: tuple[float, float, float],
    energy: tuple[str, Confidence],
    time: tuple[str, Confidence],
    endurance: tuple[str, Confidence],
) -> WriteFacts:
    sources = [Provenance(source=text, confidence=mark) for text, mark in (energy, time, endurance)]
    return WriteFacts(*figures, *sources)


_NEURRAM: Final = "NeuRRAM (Wan et al., Nature 2022), Methods, third-party notes"
_HERMES: Final = "HERMES 64-core chip (Le Gallo et al., Nature Electronics 2023), third-party notes"
_FEFET: Final = "review in J. Appl. Phys. 2025, abstract"

RRAM: Final = _facts(
    (1.491e-9, 56e-6, 1e6),
    (
        f"{_NEURRAM}: 8.52 pulses of 1 us at 1.75 V; 100 uA of Singh et al., Nat. Electron. 2025 (100 to 500)",
        "inf",
    ),
    (f"{_NEURRAM}: 56 us per cell projected with control on the chip, verification included", "sec"),
    ("embedded RRAM lasts 1e4 to 1e6 cycles, the best devices 1e12; no source read", "assumed"),
)
PCM: Final = _facts(
    (0.75e-9, 4.7e-6, 1e8),
    (f"{_HERMES}: 0.5 to 1 nJ, about ten pulses of 75 pJ (2 V, 300 uA, 125 ns)", "inf"),
    (f"{_HERMES}: SET of 250 ns, five times a pulse of 125 ns and reads of 512 + 256 ns", "inf"),
    (
        "between 1e6 and 1e12 cycles (the latter: Nanoscale Res. Lett. 9:526, Table 2); choice within",
        "assumed",
    ),
)
FEFET: Final = _facts(
    (100e-15, 100e-9, 5e6),
    (f"{_FEFET}: near 100 fJ per bit", "abs"),
    (f"{_FEFET}: 100 ns typical, below 10 ns at best", "abs"),
    ("Ni et al.: 5e6 cycles, quoted in abstracts; 1e10 with an interlayer (arXiv 2103.08806)", "abs"),
)
STT: Final = _facts(
    (2.30769e-12, 20e-9, 1e12),
    ("V^2/R t: 1.5 V and 19.5 kohm of Jung et al., Nature 2022, 20 ns", "inf"),
    ("1-Mb 28 nm STT-MRAM, JSSC 2019, abstract: 20 ns", "abs"),
    ("1e6 to 1e16 cycles by retention target; choice within, no source read", "assumed"),
)
SRAM: Final = _facts(
    (1.6e-15, 1e-9, NO_WEAR),
    ("thu-nics/MNSIM-2.0 SimConfig.ini: 1.6 fJ per bit, cell alone", "sec"),
    ("one access: 1 to 4 KB answer in 0.5 to 0.7 ns (CACTI 7 fit, LSTP, 28 nm), rounded up", "inf"),
    ("a latch has no known wear; the largest number that a spec holds", "assumed"),
)
CHARGE_TRAP: Final = _facts(
    (1e-12, 1e-3, 1e5),
    ("tunnelling charges little more than the gate, pumped to some 10 V: 1 pJ; no source read", "assumed"),
    ("pulses of tunnelling take about a millisecond; no source read", "assumed"),
    ("charge-trap memory lasts about 1e5 cycles; no source read", "assumed"),
)
_DEFINITION: Final = ("definition of an ideal cell, not a real device", "assumed")
IDEAL: Final = _facts((0.0, 0.0, NO_WEAR), _DEFINITION, _DEFINITION, _DEFINITION)
