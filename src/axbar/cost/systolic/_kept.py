"""What a training step keeps of maps that several products share, and of products without neurons.

A training step writes every map of inputs to DRAM once, for the way back, in the bits of one element at one step: a
spike's, or those of a number and its sign. Where several products read one map, as a block and its shortcut or the two
middle cores of a parallel tensor train do, the first one is charged with the write. The network's own input is not
written but read, by each.

Of a product of two run-time operands both are kept; the right one is counted in ``_run_time``.

A product is ``unfired`` if no membrane stands behind it: its outputs are another product's numbers, or they are added
to those of another one. Its rows of the table are those of ``axbar.cost.training.UNFIRED``. Sums that wait for others
to be added are taken to stay on the chip, as in an inference. The last product keeps the table's rows: its sums are
those of the read-out. So are those of a product whose reader takes spikes, where neurons were not traced.

Factors of a tensor train show the trade that follows: r(I + O) + 6 r^2 weights in place of 9 I O, passed forward, back
and for the update, and as many times fewer operations; but three more maps of r numbers of input.bits and a sign per
position and step are written, read back, and streamed through the array, where one product had one map of spikes.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._graph import EXTERNAL, Graph
from axbar.cost._types import Bools, Floats
from axbar.workload import LayerTrace

__all__ = ["first_readers", "unfired"]


def unfired(graph: Graph) -> Bools:
    """Return which products have outputs that are summed or read as numbers, and pass no neuron, ``[L]``."""
    read = {i for layer, sources in zip(graph.layers, graph.sources, strict=True)
            if _reads_numbers(layer) for i in sources}  # fmt: skip
    return np.array(
        [not hosted and (graph.sends_sums[i] or i in read) for i, hosted in enumerate(graph.neurons)],
        dtype=np.bool_,
    )


def _reads_numbers(layer: LayerTrace) -> bool:
    read = layer.operands[:2] if layer.at_run_time else layer.operands[:1]
    return any(operand.coding not in ("spikes", "signed") for operand in read)


def first_readers(graph: Graph) -> Floats:
    """Return 0 for products whose map of inputs an earlier one was charged with, else 1, ``[L]``."""
    seen: set[object] = set()
    found = np.ones(len(graph.layers))
    for i, layer in enumerate(graph.layers):
        operand = layer.operands[0]
        map_ = (layer.inputs, layer.geometry.in_shape, operand.coding, operand.steps, layer.steps)
        if map_ in seen and EXTERNAL not in graph.sources[i]:
            found[i] = 0.0
        seen.add(map_)
    return found
