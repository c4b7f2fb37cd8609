"""Operations of a training step and their prices, after the open training model of SATA.

Powers of synthesised 16-bit kernels in mW at a cycle of 2.5 ns; an operation costs power x cycle. The published
model adds up the powers and divides by that of a multiply-accumulate, which hides that they are no energies. The
node is not stated; about 32 nm is inferred from the area of its flip-flops, and the supply is that node's nominal one.

    accumulate of a spike   AND + ACC               linear in bits
    multiply-accumulate     MUL + ACC
    neuron update           ADD + COMP + 2 MUX + 3 REG + SHIFT      linear in bits
    gradient update         MUL + 2 ADD + MUX + 2 SHIFT
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from axbar.cost.constants import Constant

__all__ = ["KERNELS", "KERNEL_BITS", "OPERATIONS", "CYCLE_s", "mac_J", "operation_J"]

CYCLE_s: Final = 2.5e-9
#: bits of the kernels
KERNEL_BITS: Final = 16.0
_SATA: Final = (
    "RuokaiYin/SATA_Sim training table (MIT; Yin et al., IEEE TCAD 2023): power at 2.5 ns; node inferred"
)
_POWER_mW: Final = {
    "mul": 0.239, "acc": 0.0389, "add": 0.00967, "and": 0.000794, "comp": 0.00309, "mux": 0.00172, "reg": 0.0301,
    "shift": 0.00605,
}  # fmt: skip

#: kernel -> energy of one operation of 16 bits
KERNELS: Final[Mapping[str, Constant]] = {
    name: Constant(
        f"sata.{name}.energy", power * 1e-3 * CYCLE_s, "J/operation", _SATA, "inf", "digital energy", 32e-9, 0.97,
        note=f"{power:g} mW, 16 bits",
    )
    for name, power in _POWER_mW.items()
}  # fmt: skip

#: operation -> how many of each kernel
OPERATIONS: Final[Mapping[str, Mapping[str, int]]] = {
    "lif": {"add": 1, "comp": 1, "mux": 2, "reg": 3, "shift": 1},
    "pgu": {"mul": 1, "add": 2, "mux": 1, "shift": 2},
    "ac": {"and": 1, "acc": 1},
    "mac": {"mul": 1, "acc": 1},
}


def operation_J(name: str) -> float:
    """Return the energy of an operation of 16 bits at the kernels' own node.

    >>> round(operation_J("mac") * 1e15, 2)
    694.75
    """
    return sum(count * KERNELS[kernel].value for kernel, count in OPERATIONS[name].items())


def mac_J() -> float:
    """Return the energy in which the published tables count: one multiply-accumulate of 16 bits."""
    return operation_J("mac")
