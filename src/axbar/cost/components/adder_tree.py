"""Adders of digital in-memory computing: bit products added by a tree, or down the column by a chain.

    tree of N inputs of B bits: level l = 1 .. log2 N holds N / 2^l adders of B + l - 1 bits,
        in total N (B + 1) - (B + log2 N + 1) full adders (zigzag-imc);
    chain: N adders of B + log2 N bits, one per row (Colonnade);
    E_FA = a * 6 C_NAND2 * V_DD^2,       E_product = a * C_gate * V_DD^2.

Activity. A product bit toggles with probability p = (toggling inputs) * (ones among the weights). The sum bit of k
independent toggling bits toggles when an odd number of them do,

    a_k = 1/2 (1 - (1 - 2 p)^k),

so that random data (p = 1/4) come to 1/4 at the first level and to 1/2 from the third on; nothing toggles at p = 0.
Carries are taken to toggle like sums. The full adder is 3.40 fJ at 28 nm and 0.9 V when all its inputs toggle.
Gate capacitances shrink with the node, area by the ITRS factor.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from axbar.cost._types import Floats
from axbar.cost.constants import Constant

__all__ = [
    "FULL_ADDER_F", "NAND2_F", "XOR2_AREA_M2", "XOR2_F", "chain_adders", "chain_toggles", "odd_toggles",
    "tree_adders", "tree_toggles",
]  # fmt: skip

_ZIGZAG: Final = "KULeuven-MICAS/zigzag-imc imc_unit.py tech_param_28nm and imc_model_validation (BSD-3)"
NAND2_F: Final = Constant("gate.nand2.capacitance", 0.7e-15, "F", _ZIGZAG, "code", "gate capacitance", 28e-9)
XOR2_F: Final = Constant(
    "gate.xor2.capacitance", 1.05e-15, "F", _ZIGZAG, "code", "gate capacitance", 28e-9, note="1.5 NAND2"
)
XOR2_AREA_M2: Final = Constant(
    "gate.xor2.area", 1.4736e-12, "m2", _ZIGZAG, "code", "digital area", 28e-9, note="2.4 NAND2"
)
FULL_ADDER_F: Final = Constant(
    "gate.full_adder.capacitance", 4.2e-15, "F", _ZIGZAG, "run", "gate capacitance", 28e-9,
    note="3 NAND2 + 2 XOR2 = 6 NAND2, all inputs toggling: 3.402 fJ at 0.9 V",
)  # fmt: skip
_LEVELS: Final = 13  # 2^13 > the 4096 rows that an array may have


def tree_adders(inputs: Floats, bits: Floats) -> Floats:
    """Return the full adders of a tree; arguments broadcast.

    >>> float(tree_adders(np.array(32.0), np.array(8.0)))
    274.0
    """
    return inputs * (bits + 1.0) - (bits + np.log2(inputs) + 1.0)


def chain_adders(inputs: Floats, bits: Floats) -> Floats:
    """Return the full adders of a chain of full-width adders; arguments broadcast."""
    return inputs * (bits + np.log2(inputs))


def odd_toggles(p: Floats, bits: Floats) -> Floats:
    """Return the probability that an odd number of ``bits`` bits toggles, each with probability ``p``.

    Above 1/2 the activity no longer rises: ``p`` counts as at most 1/2, beyond which bits are not independent.
    """
    return 0.5 * (1.0 - np.power(1.0 - 2.0 * np.minimum(p, 0.5), bits))


def tree_toggles(inputs: Floats, bits: Floats, p: Floats) -> Floats:
    """Return how many full adders of a tree switch fully per addition, of products that toggle with ``p``."""
    total = np.zeros(np.broadcast_shapes(np.shape(inputs), np.shape(bits), np.shape(p)))
    for level in range(1, _LEVELS + 1):
        here = inputs / 2.0**level * (bits + (level - 1.0))
        active = odd_toggles(p, np.asarray(2.0 ** (level - 1)))
        total = total + np.where(level <= np.ceil(np.log2(inputs)), here * active, 0.0)
    return total


def chain_toggles(inputs: Floats, bits: Floats, p: Floats) -> Floats:
    """Return how many full adders of a chain switch fully per addition.

    The mean of a_k over k = 1 .. N is a geometric series.
    """
    q = 1.0 - 2.0 * np.minimum(p, 0.5)
    gap = np.where(q < 1.0, 1.0 - q, 1.0)
    series = np.where(q < 1.0, q * (1.0 - np.power(q, inputs)) / gap, inputs)
    return chain_adders(inputs, bits) * 0.5 * (1.0 - series / inputs)
