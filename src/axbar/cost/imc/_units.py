"""What the layers between products ask of the digital units: pooling, norms, softmax, element-wise operations.

Such a layer runs on the tiles of the mapped layer that feeds it (the latest one in execution order, the first
layer where the network's input comes without one). Per inference, with E outputs on T steps:

    max-pool of spikes, window n         E T (n - 1) ORs
    max-pool of sums                     E T (n - 1) compares of a sum's width w
    average, sum of spikes               E T (n - 1) additions of ceil(log2 n) + 1 bits
    average, sum of sums                 E T (n - 1) additions of w + ceil(log2 n) bits
    norm by recorded statistics          E T multiply-adds
    norm over d elements of its input    E T (3 multiplications + 4 additions), one inverse root per d
    softmax over n elements              n compares, n subtractions, n exponentials, n - 1 additions,
                                         1 reciprocal, n multiplications
    addition of m operands               E T (m - 1) additions
    comparisons, ReLU, rounding          E T compares
    multiplication, leaky ReLU           E T multiplications
    other functions of one value         E T look-ups, each interpolated by a multiply-add

The division of an average is a shift, or part of the next layer's scale. Windows at the rim count in full; an
adaptive pool's window is the mean number of inputs of one output. What has no rule here (top-k, medians, random
numbers, ...) stays unpriced.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np

from axbar.cost._priced import LOOKUPS, MAX_POOLS, MULTIPLIES, STATIC_NORMS, is_priced
from axbar.cost._types import Floats
from axbar.workload import LayerTrace, Workload

__all__ = ["UNIT_EVENTS", "unit_events"]

#: event -> what one of them is
UNIT_EVENTS: Final = {
    "pool_ors": "OR of two spikes in a pooling window",
    "pool_operations": "comparison or addition in a pooling window",
    "pool_wide": "the same, of sums at full width",
    "pool_bits": "bit of a pooling addition of spikes, or beyond a sum's width",
    "norm_multiplies": "multiplication of a norm",
    "norm_adds": "addition or subtraction of a norm",
    "norm_roots": "inverse square root of a norm",
    "softmax_values": "element of a softmax",
    "softmax_vectors": "vector that a softmax normalises",
    "element_operations": "element of an element-wise operation",
    "element_adds": "addition, comparison or selection of one element",
    "element_multiplies": "multiplication of one element",
    "element_lookups": "element looked up in a table",
}

#: workload -> steps of its nodes on units -> events
_counted: WeakKeyDictionary[Workload, dict[tuple[float, ...], dict[str, Floats]]] = WeakKeyDictionary()


def unit_events(workload: Workload, steps: Mapping[str, float] | None = None) -> dict[str, Floats]:
    """Count the operations of all units, ``[L]`` each by mapped layer; counted once, so read-only.

    Args:
        workload: recorded, or built from shapes.
        steps: node -> steps on which it runs, mean over samples; all of a node's steps where it is missing.
    """
    runs = {layer.name: float(len(layer.steps)) for layer in workload.layers if _on_a_unit(layer)}
    runs |= {name: value for name, value in (steps or {}).items() if name in runs}
    known = _counted.setdefault(workload, {})
    key = tuple(runs.values())
    if key not in known:
        known[key] = _events(workload, runs)
    return known[key]


def _on_a_unit(layer: LayerTrace) -> bool:
    return not layer.is_matmul and layer.op != "neuron" and is_priced(layer)


def _events(workload: Workload, runs: Mapping[str, float]) -> dict[str, Floats]:
    events = {name: np.zeros(len(workload.matmuls)) for name in UNIT_EVENTS}
    hosts: dict[str, int] = {}
    spikes: dict[str, bool] = {}
    mapped = 0
    for layer in workload.layers:
        host = max((hosts.get(name, -1) for name in layer.inputs), default=-1)
        spiking = all(spikes.get(name, False) for name in layer.inputs)
        hosts[layer.name] = mapped if layer.is_matmul else host
        mapped += layer.is_matmul
        spikes[layer.name] = layer.op == "neuron" or (_is_max(layer) and spiking)
        if layer.name in runs:
            for name, value in _count(layer, spiking, runs[layer.name]).items():
                events[name][max(host, 0)] += value
    for value in events.values():
        value.setflags(write=False)
    return events


def _is_max(layer: LayerTrace) -> bool:
    return layer.op in ("pool", "reduce") and layer.kind in MAX_POOLS


def _count(layer: LayerTrace, spiking: bool, runs: float) -> dict[str, float]:
    if layer.op in ("pool", "mean", "sum", "reduce"):
        return _pool(layer, spiking, runs)
    elements = math.prod(layer.geometry.out_shape) * runs
    if layer.op == "norm":
        return _norm(layer, elements, runs)
    if layer.op == "softmax":
        return {"softmax_values": elements, "softmax_vectors": elements / layer.geometry.out_shape[-1]}
    return _elementwise(layer, elements)


def _pool(layer: LayerTrace, spiking: bool, runs: float) -> dict[str, float]:
    shape = layer.geometry
    outputs, inputs = float(math.prod(shape.out_shape)), float(math.prod(shape.in_shape))
    kernel = float(math.prod(shape.kernel))
    window = kernel if kernel > 1.0 else max(1.0, inputs / outputs)
    operations = outputs * (window - 1.0) * runs
    if _is_max(layer):
        if spiking:
            return {"pool_ors": operations}
        return {"pool_operations": operations, "pool_wide": operations}
    growth = math.ceil(math.log2(window))
    if spiking:
        return {"pool_operations": operations, "pool_bits": operations * (growth + 1.0)}
    return {"pool_operations": operations, "pool_wide": operations, "pool_bits": operations * growth}


def _norm(layer: LayerTrace, elements: float, runs: float) -> dict[str, float]:
    if layer.kind in STATIC_NORMS:
        return {"norm_multiplies": elements, "norm_adds": elements}
    shape = layer.geometry.out_shape
    # an image is normalised as a whole (or by channel), a token by itself
    groups = {"instance_norm": shape[0] if len(shape) == 3 else 1}.get(layer.kind, 1)
    roots = float(groups) if len(shape) == 3 else elements / (shape[-1] * runs)
    return {"norm_multiplies": 3.0 * elements, "norm_adds": 4.0 * elements, "norm_roots": roots * runs}


def _elementwise(layer: LayerTrace, elements: float) -> dict[str, float]:
    kind = layer.kind
    joined = max(1.0, len(layer.inputs) - 1.0)
    if kind in LOOKUPS:  # a quotient is a reciprocal and a product
        counts = (elements, elements, elements)
    elif kind in MULTIPLIES:
        adds = elements if kind in ("lerp", "addcmul", "hardsigmoid", "hardswish") else 0.0
        counts = (adds, elements * (joined if kind == "mul" else 1.0), 0.0)
    else:
        counts = (elements * joined, 0.0, 0.0)
    return {
        "element_operations": elements * joined,
        "element_adds": counts[0],
        "element_multiplies": counts[1],
        "element_lookups": counts[2],
    }
