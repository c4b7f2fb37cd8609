"""Operations of a layer on a systolic array, from recorded spikes and gradient masks, per sample and step.

Forward and for the update of weights, each spike meets the N weights of its input. On the way back each non-zero
gradient meets the inputs of its window whose neuron has a surrogate derivative that is not zero; see
``axbar.cost.training.masks``. The image has no gradient. A blind array (``gating: none``) makes every operation of
the dense layer. Where no gradients were recorded, shares of zeros from the spec stand in, taken as independent.

Pools between a neuron and the layer that reads it: an input's gradient is wanted where any neuron of its pool has a
derivative; where shapes do not tell which ones, every input's is, and so it is with products of two run-time operands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from axbar.cost.training import backward_pairs, ones
from axbar.cost.training.masks import inside_pairs
from axbar.errors import DataError
from axbar.workload import LayerTrace, Workload, synops

__all__ = ["Step", "is_spiking", "step_of"]

Words = NDArray[np.unsignedinteger[Any]]

#: workload -> layer -> multiply-accumulates of its recorded gradients
_backward: WeakKeyDictionary[Workload, dict[str, float]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Step:
    """Operations of one layer.

    Args:
        forward: of spikes, or of numbers.
        dense: of every input of the layer, zeros included, padding not.
        backward: of gradients with weights.
        updates: of membrane gradients.
        assumed: gradients are not recorded, shares stand in.
    """

    forward: float
    dense: float
    backward: float
    updates: float
    assumed: bool


def is_spiking(layer: LayerTrace) -> bool:
    """Return whether a layer's input is spikes, which need no multiplication."""
    return layer.operands[0].coding in ("spikes", "signed")


def step_of(
    layer: LayerTrace,
    workload: Workload,
    hosted: Mapping[str, float],
    runs: float,
    shares: tuple[float, float],
    from_image: bool,
) -> Step:
    """Count the operations of a layer in one training step, of which the forward ones are those of an inference.

    Args:
        layer: a matrix product; its inputs after an early exit are struck out.
        workload: the network.
        hosted: neuron layer behind it -> updates.
        runs: steps on which the layer runs, mean over samples.
        shares: of zeros among du and df, where they were not recorded.
        from_image: the layer reads the network's input alone.
    """
    if "inside" not in layer.cache:
        layer.cache["inside"] = inside_pairs(layer.geometry)
    dense = layer.cache["inside"] * runs
    forward = _forward(layer, dense, runs)
    du, df = shares
    source = _neurons_in_front(layer, workload)
    grad = (workload.grad or {}).get(layer.name)
    if from_image:
        backward = 0.0
    elif grad is None:
        backward = (1.0 - du) * dense * (1.0 - df if source is not None else 1.0)
    else:
        known = _backward.setdefault(workload, {})
        if layer.name not in known:
            known[layer.name] = _pairs(layer, workload, source)
        backward = known[layer.name]
    updates, guessed = 0.0, False
    for name, count in hosted.items():
        words = _surrogate(workload, name)[0]
        updates += (1.0 - df) * count if words is None else ones(words)
        guessed |= words is None
    return Step(forward, dense, backward, updates, guessed or (grad is None and not from_image))


def _forward(layer: LayerTrace, dense: float, runs: float) -> float:
    """Weights that an input other than zero reaches."""
    operand = layer.operands[0]
    if operand.words is not None:
        return synops(layer) or 0.0
    if not is_spiking(layer):
        return dense
    return (synops(layer) or 0.0) * (runs / operand.steps)


def _pairs(layer: LayerTrace, workload: Workload, source: LayerTrace | None) -> float:
    assert workload.grad is not None
    grad = workload.grad[layer.name]
    if grad.du.shape[1:] != layer.geometry.out_shape:
        raise DataError(
            f"the gradients of layer '{layer.name}' have the shape {grad.du.shape[1:]}, its output has "
            f"{layer.geometry.out_shape}; trace the network with loss= again."
        )
    words, steps = (None, 0) if source is None else _surrogate(workload, source.name)
    wanted = None
    if words is not None and steps == grad.steps and len(words) == len(grad.du):
        wanted = _at_input(words, layer.geometry.in_shape)
    return backward_pairs(layer.geometry, grad.du, wanted, grad.steps)


def _surrogate(workload: Workload, neuron: str) -> tuple[Words | None, int]:
    """Masks of the surrogate derivatives of a neuron layer, and their steps; None if not recorded."""
    for grad in (workload.grad or {}).values():
        if grad.neuron == neuron and grad.df is not None:
            return grad.df, grad.df_steps
    return None, 0


def _at_input(words: Words, in_shape: tuple[int, ...]) -> Words | None:
    """Lay the masks ``[B, *shape]`` of neurons on the inputs that they become, pooled where there are fewer."""
    wanted, have = math.prod(in_shape), math.prod(words.shape[1:])
    if have == wanted:
        return words.reshape(len(words), *in_shape)
    if words.ndim != 4 or have % wanted:
        return None
    height, width = words.shape[2:]
    side = math.isqrt(have // wanted)
    if side * side * wanted != have or height % side or width % side:
        return None
    blocks = words.reshape(len(words), words.shape[1], height // side, side, width // side, side)
    pooled = np.bitwise_or.reduce(np.bitwise_or.reduce(blocks, axis=5), axis=3)
    return (
        pooled.reshape(len(words), *in_shape) if in_shape[0] == words.shape[1] or len(in_shape) == 1 else None
    )


def _neurons_in_front(layer: LayerTrace, workload: Workload) -> LayerTrace | None:
    """The neuron layer whose spikes alone a layer reads, through pools and the like; None if there is none."""
    nodes = {node.name: node for node in workload.layers}
    here = layer
    while not layer.at_run_time and len(here.inputs) == 1 and here.inputs[0] in nodes:
        here = nodes[here.inputs[0]]
        if here.op == "neuron":
            return here
        if here.is_matmul:
            return None
    return None
