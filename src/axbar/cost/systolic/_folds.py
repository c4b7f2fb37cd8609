"""What the array reads again: a product larger than the array is cut into folds, and folds need the same values.

A product A[m, k] B[k, n] on R rows and C columns, per step and group, reads and writes in the global buffer

    output-stationary    A: m k ceil(n/C),   B: k n ceil(m/R)
    weight-stationary    A: m k ceil(n/C),   B: k n,   sums: 2 (ceil(k/R) - 1) m n, parked between folds

every window of a convolution anew (no line buffer). Products: inputs and weights, m = M, k = K, n = N, forward;
gradients and weights, M, N, K, back; inputs and gradients, K, M, N, for the update. SATA's table, which this replaces
where ``memory.reads`` is ``array``, takes each value once; what it counts beside the operands (states, gradients of
weights, what is written) stays.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._graph import Graph
from axbar.cost._types import Floats
from axbar.spec.systolic import SystolicSpec

__all__ = ["folded_bits"]


def folded_bits(graph: Graph, spec: SystolicSpec, element_bits: Floats, inputs: Floats) -> dict[str, Floats]:
    """Return the bits of the global buffer that replace those of the table.

    Args:
        graph: the products.
        spec: array, dataflow, widths.
        element_bits: of one input at one step, ``[L]``.
        inputs: bits of all inputs, as stored.
    """
    shape, turns = graph.shapes, graph.runs * graph.shapes.groups
    m, k, n = shape.positions, shape.fan_in, shape.fan_out
    stays = spec.dataflow == "os"
    rows, cols = float(spec.array.rows), float(spec.array.cols)
    wide, deep = float(spec.weight_bits), float(spec.training.bits)
    membrane = float(spec.neuron.membrane_bits)

    def again(size: Floats) -> Floats:
        return np.ceil(size / rows) if stays else np.ones_like(size)

    def parked(high: Floats, depth: Floats, across: Floats, bits: float) -> Floats:
        folds = np.ceil(depth / rows) - 1.0
        return np.zeros_like(folds) if stays else turns * (2.0 * bits) * folds * high * across

    weights = k * n * shape.groups
    windows = turns * element_bits * (m * k * np.ceil(n / cols))
    return {
        "fwd_weights": weights * wide + turns * wide * (k * n * again(m)),
        "fwd_maps": inputs + windows + parked(m, k, n, membrane),
        "bwd_weights": turns * deep * (k * n * again(m)),
        "bwd_maps": turns * deep * (m * n * (np.ceil(k / cols) - 1.0)) + parked(m, n, k, deep),
        "wup_maps": windows + turns * deep * (m * n * (again(k) - 1.0)) + parked(k, m, n, deep),
    }
