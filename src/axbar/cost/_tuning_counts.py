"""What training asks of each layer, counted from a workload, per image.

A layer of M multiply-accumulates (dense, all steps) takes M in the forward pass, M for the gradient of its
input and M for the gradient of its weights,

    y = W x,     dL/dx = W^T dL/dy,     dL/dW = dL/dy x^T,

(Rumelhart, Hinton & Williams, Nature 1986). The gradient of an input is needed only where something trained lies
before it: the first norm, if norms are trained; the first weights, if weights are.

Norms are mostly folded away in a workload, but a norm has one channel per output of the layer before it. Unless
told otherwise every product but the last (the classifier) has one behind it; batch norms that were traced because
they do not fold count too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from axbar.errors import UsageError, unknown_name
from axbar.workload import LayerTrace, Workload, element_bits, macs

__all__ = ["VALUE_BITS", "Demand", "demand_of"]

#: bits of a number that training keeps
VALUE_BITS = 32
#: activations whose gradient is told by the sign of their input
_SIGN_ONLY = ("relu",)


@dataclass(frozen=True)
class Demand:
    """Counts of one image, all steps; of training norms and of training weights where they differ.

    Args:
        macs: forward.
        macs_to_norms, macs_to_weights: input gradients back to the first norm, to the first weights.
        channels, norm_values: of all norms.
        neurons_to_norms, neurons_to_weights: neuron updates on the way back.
        weights, weights_to_norms: stored weights, those whose layer passes a gradient back to a norm.
        saved_bits_to_norms, saved_bits_to_weights: activations kept for the backward pass.
        layer_weights: of each product, in execution order.
    """

    macs: int
    macs_to_norms: int
    macs_to_weights: int
    channels: int
    norm_values: int
    neurons_to_norms: int
    neurons_to_weights: int
    weights: int
    weights_to_norms: int
    saved_bits_to_norms: int
    saved_bits_to_weights: int
    layer_weights: tuple[int, ...]


def demand_of(workload: Workload, input_bits: int, norms: Sequence[str] | None) -> Demand:
    """Count what training ``workload`` takes.

    Args:
        input_bits: magnitude bits in which the chip is given real-valued inputs.
        norms: layers whose output a norm reads; None: all products but the last, and traced batch norms.

    Raises:
        UsageError: an unknown layer, or no norm at all.
    """
    normed = _normed(workload, norms)
    names = {layer.name for layer in normed}
    to_norms = _behind(workload, lambda layer: layer.name in names)
    to_weights = _behind(workload, lambda layer: layer.is_matmul)
    products = workload.matmuls
    kept_norms = VALUE_BITS * sum(_values(layer) for layer in normed)
    kept_inputs = {(layer.inputs, layer.at_run_time): _input_bits(layer, input_bits) for layer in products}
    return Demand(
        macs=sum(macs(layer) for layer in products),
        macs_to_norms=sum(macs(layer) for layer in to_norms),
        macs_to_weights=sum(macs(layer) for layer in to_weights),
        channels=sum(_channels(layer) for layer in normed),
        norm_values=sum(_values(layer) for layer in normed),
        neurons_to_norms=sum(_values(layer) for layer in to_norms if layer.op == "neuron"),
        neurons_to_weights=sum(_values(layer) for layer in to_weights if layer.op == "neuron"),
        weights=sum(_weights(layer) for layer in products),
        weights_to_norms=sum(_weights(layer) for layer in to_norms),
        saved_bits_to_norms=kept_norms + sum(_saved_bits(layer) for layer in to_norms),
        saved_bits_to_weights=kept_norms
        + sum(_saved_bits(layer) for layer in to_weights)
        + sum(kept_inputs.values()),
        layer_weights=tuple(_weights(layer) for layer in products),
    )


def _normed(workload: Workload, norms: Sequence[str] | None) -> list[LayerTrace]:
    """Layers whose output has a norm's channels, in execution order: products, or norms after anything else."""
    products = {layer.name for layer in workload.matmuls if not layer.at_run_time}
    if norms is None:
        names = {layer.name for layer in workload.matmuls[:-1]} & products
        for layer in workload.layers:
            if layer.op == "norm" and layer.kind == "batch_norm":
                alone = len(layer.inputs) == 1 and layer.inputs[0] in products
                names.add(layer.inputs[0] if alone else layer.name)
    else:
        names = set(norms)
        for name in norms:
            if name not in products:
                raise UsageError(unknown_name("layer in norms", name, products))
    if not names:
        raise UsageError(
            f"workload '{workload.name}' has no layer with a norm behind it (the last product counts as the "
            "classifier); name such layers in norms."
        )
    return [layer for layer in workload.layers if layer.name in names]


def _behind(workload: Workload, starts: Callable[[LayerTrace], bool]) -> list[LayerTrace]:
    """Layers whose input depends on a layer that ``starts``, in execution order, loops included."""
    reached: set[str] = set()
    passing: set[str] = {layer.name for layer in workload.layers if starts(layer)}
    grown = True
    while grown:
        found = {layer.name for layer in workload.layers if passing & set(layer.inputs)}
        grown = bool(found - reached)
        reached |= found
        passing |= found
    return [layer for layer in workload.layers if layer.name in reached]


def _values(layer: LayerTrace) -> int:
    return math.prod(layer.geometry.out_shape) * len(layer.steps)


def _channels(layer: LayerTrace) -> int:
    return layer.geometry.fan_out * layer.geometry.groups


def _weights(layer: LayerTrace) -> int:
    shape = layer.geometry
    return shape.groups * shape.fan_in * shape.fan_out if layer.is_matmul and not layer.at_run_time else 0


def _input_bits(layer: LayerTrace, input_bits: int) -> int:
    """Bits of a product's inputs as the chip is given them: a spike is one bit; both operands of a run-time product."""
    return sum(
        math.prod(operand.shape) * operand.steps * element_bits(operand, input_bits)
        for operand in layer.operands
    )


def _saved_bits(layer: LayerTrace) -> int:
    """Bits that a layer without weights keeps for its gradient."""
    match layer.op:
        case "neuron":  # the membrane, for the surrogate gradient
            each = VALUE_BITS
        case "activation":
            each = 1 if layer.kind in _SIGN_ONLY else VALUE_BITS
        case "pool" if "max" in layer.kind:  # which of the inputs was largest
            each = math.ceil(math.log2(max(1, math.prod(layer.geometry.kernel))))
        case _:
            each = 0
    return each * _values(layer)
