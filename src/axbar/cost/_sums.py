"""Bits that the sum of a layer takes on a chip that adds integers, and what is said where an adder has fewer.

A sum of n products of weights of b bits, one of them the sign, with inputs of at most x (a spike: 1) reaches

    S = n (2^(b-1) - 1) x,     which needs ceil(log2(S + 1)) + 1 bits: S <= 2^(bits-1) - 1,

at most b + ceil(log2 n) bits for spikes. n is the most inputs of one output: those of the kernel that lie on the map
and not in its padding, and where weights were recorded no more than the weights of an output that differ from zero.
The bound is that of any weights of b bits and any spikes; those of a network may stay below it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from axbar.cost._types import Bools, Context, Floats, Rule
from axbar.workload import Geometry, LayerTrace

__all__ = ["SUM_EVENT", "SUM_MEANING", "most_inputs", "narrow_sums", "sum_bits"]

#: name of the event in which a kind keeps ``sum_bits``
SUM_EVENT: Final = "least_sum_bits"
SUM_MEANING: Final = "bit without which the largest sum of a layer does not fit, sign included"

#: widest adder or membrane that a spec takes
_WIDEST: Final = 32


def most_inputs(layer: LayerTrace) -> int:
    """Return how many inputs at most are summed into one output of a product."""
    inputs = _inside(layer.geometry)
    if layer.weight is None:
        return inputs
    if "weights_per_output" not in layer.cache:
        kept = layer.weight != 0 if layer.mask is None else (layer.weight != 0) & layer.mask
        layer.cache["weights_per_output"] = int(kept.reshape(len(kept), -1).sum(axis=1).max(initial=0))
    return min(inputs, layer.cache["weights_per_output"])


def _inside(shape: Geometry) -> int:
    """Return the most inputs of a window that are no padding."""
    if len(shape.in_shape) != 3:
        return shape.fan_in
    taps = 1
    for axis, size in enumerate(shape.in_shape[1:]):
        first = np.arange(shape.out_shape[1 + axis]) * shape.stride[axis] - shape.padding[axis]
        at = first[:, None] + np.arange(shape.kernel[axis]) * shape.dilation[axis]
        taps *= int(((at >= 0) & (at < size)).sum(axis=1).max())
    return taps * (shape.in_shape[0] // shape.groups)


def sum_bits(layer: LayerTrace, weight_bits: int, input_max: int = 1) -> float:
    """Return the bits that hold any sum of a product.

    Args:
        layer: multiplies stored weights.
        weight_bits: sign included.
        input_max: largest magnitude code of an input; 1 for spikes and bit planes.
    """
    largest = most_inputs(layer) * (2 ** (weight_bits - 1) - 1) * input_max
    return float(largest.bit_length() + 1)


def narrow_sums(widths: Callable[[Context], Mapping[str, Floats]]) -> Rule:
    """Return a soft rule: sums of the layer that needs most do not fit into what holds them.

    Args:
        widths: returns field of the spec -> bits of what holds a sum, ``[P]`` or ``[1]``; infinite where none is
            held. Its points share their words.
    """

    def violated(x: Context) -> Bools:
        needed = x.n(SUM_EVENT).max(axis=0)
        return functools.reduce(np.logical_or, (bits < needed for bits in widths(x).values()))

    def reason(x: Context) -> str:
        needed = x.n(SUM_EVENT)[:, 0]
        worst, bits = int(needed.argmax()), int(needed.max())
        short = [path for path, given in widths(x).items() if given.item() < bits]
        given = " and ".join(f"{path} = {x.p(path).item():g}" for path in short)
        return (
            f"layer '{x.layers[worst]}' has sums of up to {bits} bits, more than {given}, so that large ones may "
            f"saturate, which the accuracy does not model; {_advice(short, bits)}"
        )

    def depends(x: Context) -> Floats:
        needed = x.n(SUM_EVENT)
        numbers = (needed.max(axis=0), needed.argmax(axis=0), *widths(x).values())
        return np.stack([np.broadcast_to(each, x.points).astype(np.float64) for each in numbers])

    return Rule(violated, reason, fatal=False, depends=depends)


def _advice(short: Sequence[str], bits: int) -> str:
    if bits > _WIDEST:
        return f"set weight_bits lower by {bits - _WIDEST} or more, and {' and '.join(short)} to {_WIDEST}"
    return f"set {' and '.join(short)} to {bits} or more, or weight_bits lower"
