"""Prices that the components of a systolic array share: kernels by width, memories, the time of the array.

Energies of the array's logic are SATA's kernels of 16 bits (``axbar.cost.training.kernels``): additions, registers and
selections linear in bits, a multiplication of a by b bits as (sqrt(a b) / 16)^2.6, the growth of the same library
between 4 and 32 bits. Areas are those of adders, flip-flops and multipliers elsewhere in axbar. An access of an on-chip
memory is a read half of the time and a write the other half.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from axbar.cost._types import Context, Floats, Indices
from axbar.cost.components import sram
from axbar.cost.constants import DFF_AREA_M2, FULL_ADDER_AREA_M2, Constant
from axbar.cost.systolic._engines import BESIDE
from axbar.cost.training.kernels import KERNEL_BITS, KERNELS, OPERATIONS

__all__ = [
    "GRID", "NODE", "access_J", "adder_m2", "adds_J", "cycles_s", "elements", "engine_elements", "kernels_of",
    "memory_bits", "multiply_J", "shared", "together",
]  # fmt: skip

NODE: Final = "technology.node_m"
#: what ``elements`` reads
GRID: Final = ("array.engines", "array.rows", "array.cols")
_MULTIPLY_EXPONENT: Final = 2.6


def kernels_of(*operations: str) -> tuple[Constant, ...]:
    """Return the constants behind operations, each once."""
    names = dict.fromkeys(kernel for operation in operations for kernel in OPERATIONS[operation])
    return tuple(KERNELS[name] for name in names)


def adds_J(x: Context, operation: str, bits: Floats) -> Floats:
    """Return the energy of an operation's kernels that are linear in bits: all but its multiplication."""
    each = [x.c(KERNELS[name]) * float(n) for name, n in OPERATIONS[operation].items() if name != "mul"]
    total = each[0]
    for one in each[1:]:
        total = total + one
    return total * (bits / KERNEL_BITS)


def multiply_J(x: Context, one: Floats, other: Floats) -> Floats:
    """Return the energy of a multiplication of two widths."""
    width = np.sqrt(one * other) / KERNEL_BITS
    return x.c(KERNELS["mul"]) * np.exp(_MULTIPLY_EXPONENT * np.log(width))


def adder_m2(x: Context) -> Floats:
    """Return the area of one bit of an adder with its register."""
    return x.c(FULL_ADDER_AREA_M2) + x.c(DFF_AREA_M2)


def elements(x: Context) -> Floats:
    """Return the processing elements of all arrays."""
    return x.p("array.engines") * engine_elements(x)


def engine_elements(x: Context) -> Floats:
    """Return the processing elements of one array."""
    return x.p("array.rows") * x.p("array.cols")


def together(x: Context, times: Floats) -> Floats:
    """Return times ``[L, P]`` as those of all products that run at the same time, at the first of them."""
    first = x.n(BESIDE)
    if (first == np.arange(len(first))[:, None]).all():
        return times
    shape = (len(first), max(first.shape[1], times.shape[1]))
    at, each = np.broadcast_to(first, shape).astype(np.intp), np.broadcast_to(times, shape)
    total = np.zeros(shape)
    points: Indices = np.arange(shape[1], dtype=np.intp)
    for i, value in enumerate(each):  # one after the other: add.at would not keep the order of sums
        total[at[i], points] += value
    return total


def shared(x: Context, whole: Floats) -> Floats:
    """Return each layer's share of what the chip has once."""
    return x.n("share") * whole


def cycles_s(event: str) -> Callable[[Context], Floats]:
    """Return the time of so many cycles of the array."""

    def value(x: Context) -> Floats:
        return x.n(event) * (1.0 / x.p("clock_Hz"))

    return value


def memory_bits(path: str) -> Callable[[Context], Floats]:
    """Return the bits of a memory whose bytes stand at ``path``."""

    def value(x: Context) -> Floats:
        return 8.0 * x.p(path)

    return value


def access_J(sram_class: str, capacity_B: Floats, node_m: Floats, word_bits: Floats) -> Floats:
    """Return the energy of a bit that is read or written, half of the time each."""
    macro = (capacity_B, node_m, word_bits)
    return 0.5 * (sram.read_J_per_bit(sram_class, *macro) + sram.write_J_per_bit(sram_class, *macro))
