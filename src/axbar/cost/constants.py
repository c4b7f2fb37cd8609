"""Numbers from the literature: value, unit, where they hold, where they come from, how they scale.

Every number that a component of the cost models uses is a ``Constant``; ``explain`` prints them. Confidence
marks are those of specs: ``run`` computed by us, ``code`` read in an open project's file that cites a paper,
``abs`` paper abstract, ``sec`` third-party notes that quote the paper, ``inf`` our inference from cited
numbers, ``assumed`` no source that we could read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from axbar.cost import technology
from axbar.spec._base import Confidence

__all__ = [
    "ADDER_BIT_J", "DFF_AREA_M2", "DFF_F", "FULL_ADDER_AREA_M2", "LOGIC_LEAKAGE_W_M2", "NAND2_AREA_M2",
    "WIRE_F_M", "Constant", "Scaling",
]  # fmt: skip

Floats = NDArray[np.float64]

#: how a constant moves to another node and supply
Scaling = Literal[
    "none",
    "digital energy",  # C(n) V^2 of axbar.cost.technology
    "digital area",  # ITRS area factor
    "digital delay",  # gate delay at nominal supply
    "gate capacitance",  # proportional to the node
    "capacitor energy",  # C V^2 with C proportional to the node
    "wire energy",  # C V^2 with the same C at every node
    "analog area",  # proportional to the node: capacitors and matching do not shrink with its square
]


@dataclass(frozen=True)
class Constant:
    """One number from the literature.

    Args:
        name: dotted, unique.
        value: in SI units.
        unit: SI unit, with what it is per (``"J/conversion"``); ``"1"`` for a coefficient of a fit.
        source: authors, venue, year, and the open file it was read in.
        confidence: how sure it is.
        scaling: rule for another node and supply.
        node_m, vdd_V: where the number holds; None where it does not depend on them.
        note: what the number leaves out, or how it was derived.
    """

    name: str
    value: float
    unit: str
    source: str
    confidence: Confidence
    scaling: Scaling = "none"
    node_m: float | None = None
    vdd_V: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        assert not self.needs_node or self.node_m is not None, f"{self.name} scales by node and names none"
        assert not self.needs_vdd or self.vdd_V is not None, f"{self.name} scales by supply and names none"

    @property
    def needs_node(self) -> bool:
        """Whether the value depends on the chip's node."""
        return self.scaling not in ("none", "wire energy")

    @property
    def needs_vdd(self) -> bool:
        """Whether the value depends on the chip's supply."""
        return self.scaling in ("digital energy", "capacitor energy", "wire energy")

    def at(self, node_m: ArrayLike, vdd_V: ArrayLike) -> Floats:
        """Return the value at a node and supply; arguments broadcast."""
        node, supply = np.asarray(node_m, dtype=np.float64), np.asarray(vdd_V, dtype=np.float64)
        return np.asarray(self.value * self._factor(node, supply), dtype=np.float64)

    def _factor(self, node: Floats, supply: Floats) -> Floats | float:
        n0, v0 = self.node_m or 1.0, self.vdd_V or 1.0
        match self.scaling:
            case "none":
                return 1.0
            case "digital energy":
                return technology.energy_ratio(n0, v0, node, supply)
            case "digital area":
                return technology.area_ratio(n0, node)
            case "digital delay":
                return technology.delay_ratio(n0, node)
            case "gate capacitance" | "analog area":
                return node / n0
            case "capacitor energy":
                return node / n0 * (supply / v0 * (supply / v0))
            case "wire energy":
                return supply / v0 * (supply / v0)


_ZIGZAG: Final = (
    "28 nm gate parameters of KULeuven-MICAS/zigzag-imc, imc_unit.py and imc_model_validation (BSD-3)"
)

NAND2_AREA_M2: Final = Constant("gate.nand2.area", 0.614e-12, "m2", _ZIGZAG, "code", "digital area", 28e-9)
DFF_F: Final = Constant(
    "gate.dff.capacitance", 2.1e-15, "F/bit", _ZIGZAG, "code", "gate capacitance", 28e-9, note="3 NAND2"
)
DFF_AREA_M2: Final = Constant(
    "gate.dff.area", 3.684e-12, "m2/bit", _ZIGZAG, "code", "digital area", 28e-9, note="6 NAND2"
)
FULL_ADDER_AREA_M2: Final = Constant(
    "gate.full_adder.area",
    4.7892e-12,
    "m2/bit",
    _ZIGZAG,
    "run",
    "digital area",
    28e-9,
    note="3 NAND2 + 2 XOR2",
)
ADDER_BIT_J: Final = Constant(
    "digital.adder_bit.energy",
    0.05e-12 / 16,
    "J/bit",
    "M. Horowitz, ISSCC 2014, Fig. 1.1.9: int16 add 0.05 pJ at 45 nm, 0.9 V; via stillwater-sc/universal",
    "sec",
    "digital energy",
    45e-9,
    0.9,
    note="linear in bits (int8, int16 and int32 agree within 20 %)",
)
WIRE_F_M: Final = Constant(
    "wire.local.capacitance",
    0.2e-9,
    "F/m",
    "0.2 fF/um at every node: Accelergy-Project/hwcomponents-library misc.py, class Wire (MIT)",
    "code",
)
LOGIC_LEAKAGE_W_M2: Final = Constant(
    "logic.leakage",
    3000.0,
    "W/m2",
    "geometric mean, rounded, of two 32-bit adders: SATA_Sim 0.78 nW/um2, Aladdin (40 nm) 8.6 nW/um2",
    "inf",
    note="x/÷ 4 between low-leakage and fast libraries",
)
