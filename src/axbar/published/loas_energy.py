"""Energy of LoAS and its baselines as published, and with three defects of units mended.

    E = cycles / f * P_leak + e_dram * DRAM bytes + e_sram * SRAM bytes + e_op * ops

(LoAS, Yin et al., MICRO 2024; 32 nm; f = 800 MHz, although the units were synthesised for 2.5 ns). P_leak: leakage of
the PEs' figure in their table plus that of the rest of the chip; e_op: dynamic power of one PE times 2.5 ns.

Defects of mode ``published``, none of them in mode ``corrected``:

D1  e_op = mW * 2.5 ns is a number of pJ, added up as nJ: compute is 1000 times too heavy (12 to 84 % of totals).
D2  0.0681 nJ is the energy of a 32-byte line of the SRAM, charged per byte.
D3  2.9 per DRAM byte has no stated unit (the comparison with an ANN has 9.6); summed as nJ. Corrected: 31.2 pJ per
    byte (3.9 pJ per bit of HBM2): assumed.

Corrected, GoSPA falls behind SparTen: the published ranking depends on the defects. Checked: totals of AlexNet and
ResNet19 in both modes from the authors' per-layer counts (``tests/golden``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

from axbar.cost import Constant
from axbar.errors import UsageError, unknown_name

__all__ = ["DEFECTS", "MODES", "UNITS", "EnergyMode", "LoasEnergy", "Unit", "energy_nJ"]

EnergyMode = Literal["published", "corrected"]
MODES: Final[tuple[str, ...]] = get_args(EnergyMode)

_SOURCE: Final = "LoAS (Yin et al., MICRO 2024), energy model of the authors' simulator, 32 nm"

CLOCK_HZ: Final = Constant("loas.clock", 800e6, "Hz", _SOURCE, "code", note="units synthesised at 2.5 ns")
DRAM_PUBLISHED_J: Final = Constant("loas.dram.published", 2.9e-9, "J/byte", _SOURCE, "code", note="D3")
DRAM_J: Final = Constant("loas.dram", 31.2e-12, "J/byte", "3.9 pJ/bit, as published for HBM2", "assumed")
SRAM_J: Final = Constant(
    "loas.sram", 0.0681e-9, "J/line", _SOURCE, "code", note="256 KB, 16 banks, CACTI 7; D2"
)
SRAM_LINE_BYTES: Final = Constant("loas.sram.line", 32, "byte/line", _SOURCE, "code")

#: what is wrong with mode ``published``, as sentences
DEFECTS: Final = (
    "D1: the energy of an operation is mW times ns, that is pJ, but is added up as nJ",
    "D2: the energy of a 32-byte line of the SRAM is charged per byte",
    "D3: the energy of a DRAM byte, 2.9, has no stated unit and is added up as nJ",
)


@dataclass(frozen=True)
class Unit:
    """What the energy model knows of one accelerator.

    Args:
        op: energy of one operation.
        pe_leak, rest_leak: leakage as the model adds it: PEs, rest of the chip.
    """

    op: Constant
    pe_leak: Constant
    rest_leak: Constant


def _unit(name: str, op_pJ: float, pe_mW: float, rest_mW: float, note: str = "") -> Unit:
    return Unit(
        Constant(f"loas.{name}.op", op_pJ * 1e-12, "J/operation", _SOURCE, "code", note=note or "D1"),
        Constant(f"loas.{name}.pe_leak", pe_mW * 1e-3, "W", _SOURCE, "code"),
        Constant(f"loas.{name}.rest_leak", rest_mW * 1e-3, "W", _SOURCE, "code"),
    )


_TPPE: Final = _unit("tppe", 5.80, 0.5, 124.48)

#: dataflow -> its unit
UNITS: Final[Mapping[str, Unit]] = MappingProxyType(
    {
        "loas": _TPPE,
        "loas-nmtk": _TPPE,
        "sparten": _unit("sparten", 6.15, 0.5, 124.48),
        "sparten-ann": _unit("sparten_ann", 7.95, 0.92, 130, "two fast prefix sums; D1"),
        "gospa": _unit("gospa", 1.34 * 1.3, 31, 148, "1.34 * 1.3; D1"),
        "gamma": _unit("gamma", 4.98 * 6 / 8, 0.32, 148, "4.98 * 6 / 8; D1"),
    }
)


@dataclass(frozen=True)
class LoasEnergy:
    """Energy in nJ, by part."""

    leakage_nJ: float
    dram_nJ: float
    sram_nJ: float
    compute_nJ: float

    @property
    def total_nJ(self) -> float:
        """All four parts."""
        return self.leakage_nJ + self.dram_nJ + self.sram_nJ + self.compute_nJ


def energy_nJ(
    dataflow: str, *, cycles: float, ops: float, dram_bytes: float, sram_bytes: float, mode: str = "published"
) -> LoasEnergy:
    """Return the energy of a run in the published model, or in the same model without D1 to D3.

    Args:
        dataflow: one of ``UNITS``.
        cycles, ops: of the run.
        dram_bytes, sram_bytes: moved.
        mode: ``published`` or ``corrected``.

    Raises:
        UsageError: unknown dataflow or mode.

    >>> round(energy_nJ("loas", cycles=800, ops=0, dram_bytes=0, sram_bytes=0).total_nJ, 2)
    124.98
    """
    if mode not in MODES:
        raise UsageError(unknown_name("energy mode", mode, MODES))
    if dataflow not in UNITS:
        raise UsageError(unknown_name("dataflow with a published energy", dataflow, UNITS))
    unit, published = UNITS[dataflow], mode == "published"
    nJ = 1e9
    op_J = unit.op.value * (1e3 if published else 1.0)  # D1
    sram_J = SRAM_J.value / (1.0 if published else SRAM_LINE_BYTES.value)  # D2
    dram_J = (DRAM_PUBLISHED_J if published else DRAM_J).value  # D3
    leak_W = unit.pe_leak.value + unit.rest_leak.value
    return LoasEnergy(
        leakage_nJ=cycles / CLOCK_HZ.value * leak_W * nJ,
        dram_nJ=dram_J * dram_bytes * nJ,
        sram_nJ=sram_J * sram_bytes * nJ,
        compute_nJ=op_J * ops * nJ,
    )
