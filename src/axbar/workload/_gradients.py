"""What the recorded gradient masks make hardware do in one step of training.

With the input x[t] and the output gradient du[t] of a layer, backpropagation through time multiplies twice:

    backward   dx[t] = transposed weights applied to du[t]      one product per du that is not 0 and weight it meets
    update     dW   += x[t] du[t]^T, over positions p            one product per pair of x and du, both not 0

A weight (c, r, s) -> k meets the gradient at the output position p unless it points into the zero padding,
which has no gradient; so with v(p) taps of the kernel inside the image and D[t, p] gradients that are not 0
there, summed over k,

    backward[t] = C / groups * sum_p D[t, p] v(p),
    update[t]   = sum over groups and p of D[t, p] X[t, p],    X: inputs in the window of p that are not 0.

All counts are exact. Dense counterparts: ``macs`` (which counts the taps in the padding too).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.errors import DataError
from axbar.workload._types import GradTrace, LayerTrace, Operand

__all__ = ["backward_synops", "df_counts", "df_rate", "du_counts", "du_rate", "update_synops"]

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
Words = NDArray[np.unsignedinteger[Any]]


def du_counts(grad: GradTrace) -> Counts:
    """Return how many output gradients are not zero, ``[B, steps]``.

    >>> du_counts(GradTrace(np.array([[3, 2], [0, 1]], dtype=np.uint8), steps=2)).tolist()
    [[1, 2], [1, 0]]
    """
    return _counts(grad.du, grad.steps)


def df_counts(grad: GradTrace) -> Counts | None:
    """Return how many surrogate derivatives are not zero, ``[B, df_steps]``; None where no neurons follow."""
    return None if grad.df is None else _counts(grad.df, grad.df_steps)


def du_rate(grad: GradTrace) -> Array:
    """Return the share of output gradients that are not zero, 0..1, at each of the layer's steps ``[steps]``."""
    return du_counts(grad).sum(axis=0) / grad.du.size


def df_rate(grad: GradTrace) -> Array | None:
    """Return the share of surrogate derivatives that are not zero, 0..1, per step ``[df_steps]``.

    None where no neurons follow.
    """
    counts = df_counts(grad)
    return None if counts is None or grad.df is None else counts.sum(axis=0) / grad.df.size


def backward_synops(layer: LayerTrace, grad: GradTrace) -> Array:
    """Return the products that give the gradient of the layer's input, ``[steps]``, mean per sample.

    Raises:
        DataError: the masks are not those of the layer.
    """
    _check(layer, grad)
    shape = layer.geometry
    if layer.op != "conv2d":
        return du_counts(grad).mean(axis=0) * shape.fan_in
    down, across = (_taps_inside(layer, axis) for axis in (0, 1))
    channels = shape.in_shape[0] // shape.groups
    placed = [_bits(grad.du, t).sum(axis=(0, 1), dtype=np.int64) for t in range(grad.steps)]
    met = [float(down @ found @ across) for found in placed]
    return np.array(met, dtype=np.float64) * channels / grad.du.shape[0]


def update_synops(layer: LayerTrace, grad: GradTrace) -> Array:
    """Return the products that give the gradient of the layer's weights, ``[steps]``, mean per sample.

    Those of inputs and output gradients that are both not zero; a real-valued input counts once.

    Raises:
        DataError: the masks are not those of the layer, or its input was not recorded.
    """
    _check(layer, grad)
    operand = layer.operands[0] if layer.operands else None
    if operand is None or operand.words is None:
        raise DataError(
            f"the input of layer '{layer.name}' was not recorded; trace the network with a batch."
        )
    samples, groups = grad.du.shape[0], layer.geometry.groups
    counts = np.zeros(grad.steps)
    for t in range(grad.steps):
        active, changed = _active(operand, t), _bits(grad.du, t)
        if layer.op != "conv2d":
            pairs = _by_head(active, groups) * _by_head(changed, groups)
        else:
            pairs = _windows(layer, _by_group(active, groups)) * _by_group(changed, groups)
        counts[t] = pairs.sum() / samples
    return counts


def _counts(words: Words, steps: int) -> Counts:
    rest = tuple(range(1, words.ndim))
    found = [np.count_nonzero(_bits(words, t), axis=rest) for t in range(steps)]
    return np.stack(found, axis=1).astype(np.int64)


def _bits(words: Words, step: int) -> NDArray[np.bool_]:
    """Return bit ``step`` of each word."""
    return (words & words.dtype.type(1 << step)) != 0


def _active(operand: Operand, step: int) -> NDArray[np.bool_]:
    """Return which elements are not zero at a step, ``[B, *shape]``."""
    assert operand.words is not None
    if operand.coding in ("spikes", "signed"):
        return _bits(operand.words, step)
    return (operand.words[:, step] if operand.per_step else operand.words) != 0


def _by_head(elements: NDArray[np.bool_], groups: int) -> Counts:
    """Count ``[B, ..., F]`` over the features of each group, ``[B, ..., groups]``."""
    return elements.reshape(*elements.shape[:-1], groups, -1).sum(axis=-1, dtype=np.int64)


def _by_group(elements: NDArray[np.bool_], groups: int) -> Counts:
    """Count ``[B, C, H, W]`` over the channels of each group, ``[B, groups, H, W]``."""
    by_group = elements.reshape(elements.shape[0], groups, -1, *elements.shape[2:])
    return by_group.sum(axis=2, dtype=np.int64)


def _windows(layer: LayerTrace, elements: Counts) -> Counts:
    """Sum ``[.., H, W]`` over the taps of the kernel at each output position."""
    shape = layer.geometry
    (pad_y, pad_x), (step_y, step_x), (gap_y, gap_x) = shape.padding, shape.stride, shape.dilation
    out_y, out_x = shape.out_shape[1:]
    padded = np.pad(elements, (*[(0, 0)] * (elements.ndim - 2), (pad_y, pad_y), (pad_x, pad_x)))
    total = np.zeros((*elements.shape[:-2], out_y, out_x), dtype=np.int64)
    for r in range(shape.kernel[0]):
        for s in range(shape.kernel[1]):
            top, left = r * gap_y, s * gap_x
            total += padded[
                ..., top : top + out_y * step_y : step_y, left : left + out_x * step_x : step_x
            ]  # fmt: skip
    return total


def _taps_inside(layer: LayerTrace, axis: int) -> Array:
    """Return how many taps of the kernel stand inside the image, by output row (0) or column (1)."""
    shape = layer.geometry
    first = np.arange(shape.out_shape[1 + axis]) * shape.stride[axis] - shape.padding[axis]
    at = first[:, None] + np.arange(shape.kernel[axis]) * shape.dilation[axis]
    return ((at >= 0) & (at < shape.in_shape[1 + axis])).sum(axis=1).astype(np.float64)


def _check(layer: LayerTrace, grad: GradTrace) -> None:
    if not layer.is_matmul or grad.du.shape[1:] != layer.geometry.out_shape:
        raise DataError(
            f"masks of gradients of the shape {grad.du.shape[1:]} per sample do not fit the layer '{layer.name}' "
            f"({layer.op}) with outputs of the shape {layer.geometry.out_shape}; take those of its name from "
            "workload.grad."
        )
