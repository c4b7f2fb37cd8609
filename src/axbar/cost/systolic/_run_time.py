"""Products of two operands that are both computed at run time, as attention's scores and mixes, on a systolic array.

H products [M, K] [K, N] per step. The left operand is the input of the array, as that of any layer. The right one takes
the place of the weights: a number stands in weight_bits, sign included, a spike in spike_bits, b_r each. Where either
operand is spikes, nothing is multiplied. What is right is an activation, so

    forward    the buffer for maps holds it beside the left one and feeds the array with it; it is written there and
               read as often as a weight would be. DRAM and the buffer for weights see nothing of it, but DRAM takes
               the share of both operands that the buffer for maps does not hold, as of any map: ``_held``
    back       dL/dleft = dL/dout right^T and dL/dright = left^T dL/dout, both in the phase of the way back, as layers
               in front wait for both. They take what the gradients of inputs and of weights take elsewhere: (M, N, K)
               and (K, M, N), rows "bwd" and "wup" of the table. A training step keeps both operands in DRAM and reads
               both again. Gradients of operands are those of the outputs of layers in front, which are charged with
               them
    update     nothing: there are no weights

Where the network's input alone feeds a product, nothing is computed on the way back. Gradients of products are taken
for all inputs: which of them meet a surrogate derivative of zero is not looked up.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from axbar.cost._graph import EXTERNAL, Graph
from axbar.cost._types import Bools, Floats
from axbar.cost.training import TRAFFIC, packed_bits
from axbar.spec.systolic import SystolicSpec
from axbar.workload import LayerTrace, Operand, phases

__all__ = ["accumulates", "at_run_time", "passes_of", "right_bits", "right_element", "right_reads", "run_time_note",
           "run_time_traffic", "ways_back"]  # fmt: skip

_SPIKES = ("spikes", "signed")


def at_run_time(graph: Graph) -> Bools:
    """Return which layers are products of two run-time operands, ``[L]``."""
    return np.array([layer.at_run_time for layer in graph.layers], dtype=np.bool_)


def accumulates(layer: LayerTrace) -> bool:
    """Return whether a layer adds without multiplying, as one of its operands is spikes."""
    read = layer.operands[:2] if layer.at_run_time else layer.operands[:1]
    return any(operand.coding in _SPIKES for operand in read)


def right_element(graph: Graph, spec: SystolicSpec) -> Floats:
    """Return the bits of an element that stands where weights do: of a weight, or of a right operand, ``[L]``."""
    return np.array([_element(layer, spec) for layer in graph.layers])


def _element(layer: LayerTrace, spec: SystolicSpec) -> float:
    if not layer.at_run_time or layer.operands[1].coding not in _SPIKES:
        return float(spec.weight_bits)
    return float(spec.spike_bits * phases(layer.operands[1]))


def right_bits(graph: Graph, spec: SystolicSpec) -> Floats:
    """Return the bits of the right operands of all steps, as they are stored; 0 for stored weights, ``[L]``."""
    return np.array(
        [_stored(layer, run, spec) for layer, run in zip(graph.layers, graph.runs.tolist(), strict=True)]
    )


def _stored(layer: LayerTrace, runs: float, spec: SystolicSpec) -> float:
    if not layer.at_run_time:
        return 0.0
    operand, each = layer.operands[1], _element(layer, spec)
    size = float(np.prod(operand.shape, dtype=np.int64))
    if operand.coding not in _SPIKES:  # numbers; the same ones on every step are stored once
        return size * each * (runs if operand.per_step else min(1.0, runs))
    if spec.memory.spikes == "raw":
        return size * each * runs
    return packed_bits(size, _firing(operand, runs) * each, runs)


def _firing(operand: Operand, runs: float) -> float:
    size = float(np.prod(operand.shape, dtype=np.int64))
    if operand.words is None:
        return size * (1.0 - (1.0 - (operand.rate or 0.0)) ** runs)
    return float(np.count_nonzero(operand.words)) / len(operand.words)


def right_reads(graph: Graph, spec: SystolicSpec) -> Floats:
    """Return the bits that folds of the array read of what is right, on all steps, ``[L]``."""
    shape = graph.shapes
    again = np.ceil(shape.positions / spec.array.rows) if spec.dataflow == "os" else 1.0
    each = graph.runs * shape.groups * shape.fan_in * shape.fan_out
    return right_element(graph, spec) * each * again


def passes_of(graph: Graph, spec: SystolicSpec, left: Floats, passes: Floats, written: float) -> Floats:
    """Return how often both operands pass DRAM where the buffer for maps does not hold them, in the mean of their bits.

    Args:
        graph: the products.
        spec: array, dataflow, widths.
        left: bits of the left operands, as stored.
        passes: of them.
        written: passes of a right operand beside those in which the array reads it; -1 if one of these is counted
            elsewhere.
    """
    right = right_bits(graph, spec)
    both = left * passes + right * written + np.where(right > 0.0, right_reads(graph, spec), 0.0)
    return np.divide(both, left + right, out=np.zeros_like(both), where=left + right > 0.0)


def run_time_traffic(graph: Graph, spec: SystolicSpec) -> dict[str, Floats]:
    """Return the bits of right operands that pass the memories beside what layers with weights have, ``[L]``."""
    right = right_bits(graph, spec)
    reads = np.where(right > 0.0, right_reads(graph, spec), 0.0) if spec.memory.reads == "array" else right
    image = np.array([float(sources == (EXTERNAL,)) for sources in graph.sources])
    training = spec.task == "training"
    behind = 1.0 - image
    return {
        "dram_fwd_bits": right if training else right * image,
        "glb_fwd_map_bits": right + reads,
        "spad_fwd_bits": right * TRAFFIC["spad_fwd"].weights,
        "dram_bwd_bits": right * behind,
        "glb_bwd_map_bits": (right + reads) * behind,
        "spad_bwd_bits": right * TRAFFIC["spad_bwd"].weights * behind,
    }


def ways_back(graph: Graph, columns: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the counts with the gradients of right operands on the way back, in place of an update.

    Args:
        graph: the products.
        columns: event -> ``[L]``, counted as if the right operands were weights that are updated.
    """
    moved = at_run_time(graph)
    behind = np.array([sources != (EXTERNAL,) for sources in graph.sources], dtype=np.bool_)
    found = dict(columns)
    for name in [name for name in columns if "wup" in name]:
        back = name.replace("wup", "bwd")
        if back in columns:
            found[back] = columns[back] + np.where(moved & behind, columns[name], 0.0)
        found[name] = np.where(moved, 0.0, columns[name])
    return found


def run_time_note(graph: Graph) -> tuple[str, ...]:
    """Return the sentence that says how products of run-time operands are computed; none where there are none."""
    names = [layer.name for layer in graph.layers if layer.at_run_time]
    if not names:
        return ()
    which = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    return (
        f"the right operand of products of run-time operands ({which}) takes the place of weights, in weight_bits, and "
        "comes from the buffer for maps",
    )
