"""What recorded spikes and gradient masks make of a training step, exactly and without unfolding an image.

Backward, a non-zero gradient du[k, p] at output position p of step t meets every weight of its channel: the
operations are one per input of its window (c, r, s). The gradient of an input whose neuron's surrogate derivative
df is zero is multiplied by zero afterwards and need not be computed. So

    pairs = sum_{t, p, g} ( sum_{k in g} du_t[k, p] ) * ( sum_{c in g, r, s} df_t[c, p * stride + (r, s) - padding] )

for groups g: a sum over channels and a box sum per step, both of one map. Pixels of the padding have no gradient.

A map of n elements on T steps takes T n bits as it is. Packed, as dual-sparse accelerators store it (LoAS, Yin et
al., MICRO 2024): one bit per element that says whether it fires at all, and T bits of each that does,
n + T * (elements that fire).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.workload import Geometry, popcount, unpack

__all__ = ["backward_pairs", "inside_pairs", "ones", "packed_bits", "raw_bits"]

Floats = NDArray[np.float64]
Words = NDArray[np.unsignedinteger[Any]]
Bools = NDArray[np.bool_]


def ones(words: Words) -> float:
    """Return the set bits of packed masks ``[B, ...]``, mean over samples."""
    return float(popcount(words).sum(dtype=np.int64)) / len(words)


def raw_bits(elements: float, bits: float, steps: float) -> float:
    """Return the bits of a map of all steps, each element in ``bits``."""
    return elements * bits * steps


def packed_bits(elements: float, firing: float, steps: float) -> float:
    """Return the bits of a packed map of spikes, of whose elements ``firing`` (0..elements) fire at all.

    >>> packed_bits(100.0, 30.0, 4.0)
    220.0
    """
    return elements + steps * firing


def backward_pairs(shape: Geometry, du: Words, df: Words | None, steps: int) -> float:
    """Return the multiply-accumulates of the way back through one layer, mean over samples.

    Args:
        shape: of the layer.
        du: ``[B, *out_shape]``, bit t set where the gradient of the output at step t is not zero.
        df: ``[B, *in_shape]``, bit t set where the surrogate derivative of the neuron behind the input is not zero;
            None where there is none: every input of a window counts.
        steps: bits in use.
    """
    total = 0.0
    for b in range(len(du)):
        gradients = unpack(du[b], steps)
        wanted = np.ones((steps, *shape.in_shape), np.bool_) if df is None else unpack(df[b], steps)
        total += _pairs(shape, gradients, wanted)
    return total / len(du)


def inside_pairs(shape: Geometry) -> float:
    """Return the dense multiply-accumulates of one step, without those on zeros of the padding.

    >>> inside_pairs(Geometry((2, 4, 4), (3, 4, 4), kernel=(3, 3), padding=(1, 1)))
    600.0
    """
    if len(shape.in_shape) != 3:
        return float(shape.positions * shape.fan_in * shape.fan_out * shape.groups)
    map_ = np.ones((1, *shape.in_shape[1:]), dtype=np.int64)
    return float(_window_sums(shape, map_).sum() * (shape.in_shape[0] // shape.groups) * shape.out_shape[0])


def _pairs(shape: Geometry, gradients: Bools, wanted: Bools) -> float:
    """Sum over steps, positions and groups of one sample; ``[T, *shape]`` each."""
    steps = len(gradients)
    if len(shape.in_shape) != 3:  # [T, tokens, groups, features]
        out = gradients.reshape(steps, shape.positions, shape.groups, -1).sum(axis=3, dtype=np.int64)
        into = wanted.reshape(steps, shape.positions, shape.groups, -1).sum(axis=3, dtype=np.int64)
        return float((out * into).sum())
    grouped = (steps, shape.groups, -1)
    out = gradients.reshape(*grouped, *shape.out_shape[1:]).sum(axis=2, dtype=np.int64)
    into = wanted.reshape(*grouped, *shape.in_shape[1:]).sum(axis=2, dtype=np.int64)
    return float((out * _window_sums(shape, into)).sum())


def _window_sums(shape: Geometry, maps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sums over the kernel's window at every output position, ``[..., H, W] -> [..., E, F]``."""
    (pad_y, pad_x), (step_y, step_x), (gap_y, gap_x) = shape.padding, shape.stride, shape.dilation
    out_y, out_x = shape.out_shape[1:]
    padded = np.pad(maps, (*[(0, 0)] * (maps.ndim - 2), (pad_y, pad_y), (pad_x, pad_x)))
    total = np.zeros((*maps.shape[:-2], out_y, out_x), dtype=np.int64)
    for r in range(shape.kernel[0]):
        for s in range(shape.kernel[1]):
            top, left = r * gap_y, s * gap_x
            total += padded[..., top : top + out_y * step_y : step_y, left : left + out_x * step_x : step_x]
    return total
