"""Bits that registers of the array take up: operands march past every element, zeros or not.

A product A[m, k] B[k, n] on R rows and C columns. Per step and group, one register of an element takes up each operand
that passes it; b_A, b_B and b_S are the bits of inputs, weights and sums:

    output-stationary    A: m k n b_A,    B: m k n b_B,          sums: n d(m, R) b_S
    weight-stationary    A: m k n b_A,    B: n (k + d(k, R)) b_B,    sums: m k n b_S

    d(s, R) = floor(s/R) R (R - 1)/2 + q (q - 1)/2,   q = s mod R

so that each cycle in which all elements work moves R C (b_A + b_B) bits, or R C (b_A + b_S). d counts moves between
rows: an element i rows from the edge gets its weight, or loses its sum, through i others. Products: inputs and weights,
m = M, k = K, n = N, forward; gradients and weights, M, N, K, back; inputs and gradients, K, M, N, for the update: as in
``_folds``.

Gating of zeros stops the operation and not the operand, which the next element may need. A sum that stays in its
element (output-stationary) moves with its operation alone: that register is part of the accumulator's price.
Weight-stationary, a sum moves on every cycle; where a spike is added to it, the accumulator's own register, of b_B
bits, counts beside.
Elements outside a fold, and those that wait for its first or last operands, hold still (a lower bound: SATA_Sim charges
idle elements as well); what their clock takes is part of the control. Right operands of products, computed at run time,
pass as weights do, spikes among them in spike_bits.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._graph import EXTERNAL, Graph
from axbar.cost._types import Floats
from axbar.cost.systolic._run_time import right_element
from axbar.spec.systolic import SystolicSpec

__all__ = ["register_bits"]


def register_bits(graph: Graph, spec: SystolicSpec, element_bits: Floats) -> dict[str, Floats]:
    """Return the bits that the registers of all elements take up, by phase.

    Args:
        graph: the products.
        spec: array, dataflow, widths.
        element_bits: of one input at one step, ``[L]``.
    """
    shape, turns = graph.shapes, graph.runs * graph.shapes.groups
    m, k, n = shape.positions, shape.fan_in, shape.fan_out
    rows, stays = float(spec.array.rows), spec.dataflow == "os"
    wide, deep = right_element(graph, spec), float(spec.training.bits)
    behind = np.array([float(sources != (EXTERNAL,)) for sources in graph.sources])

    def moved(
        high: Floats, depth: Floats, across: Floats, bits: tuple[Floats | float, Floats | float, float]
    ) -> Floats:
        of_a, of_b, of_sum = bits
        dense = high * depth * across
        if stays:
            return dense * (of_a + of_b) + across * _between_rows(high, rows) * of_sum
        return dense * (of_a + of_sum) + across * (depth + _between_rows(depth, rows)) * of_b

    return {
        "fwd_register_bits": turns * moved(m, k, n, (element_bits, wide, float(spec.neuron.membrane_bits))),
        "bwd_register_bits": turns * behind * moved(m, n, k, (deep, deep, deep)),
        "wup_register_bits": turns * moved(k, m, n, (element_bits, deep, deep)),
    }


def _between_rows(size: Floats, rows: float) -> Floats:
    """Return the moves from row to row that reach, or leave, each of ``size`` rows of elements, fold by fold."""
    whole = np.floor(size / rows)
    rest = size - whole * rows
    return whole * (rows * (rows - 1.0) / 2.0) + rest * (rest - 1.0) / 2.0
