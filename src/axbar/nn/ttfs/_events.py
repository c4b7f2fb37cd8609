# pyright: standard
# (numba has no annotations)
"""First spikes of a layer, spike by spike: the loops behind ``axbar.nn.ttfs.exact``, compiled.

With z = e^t and V(z) = Σ_{i in C} w_i (1 - z_i / z) over the inputs C that have arrived, a neuron keeps

    d = Σ_C w_i - 1,     b = Σ_C w_i z_i,     so that   V(z) < 1  ⇔  b > z d   and   z_out = b / d.

Inputs of an image come in the order of their spikes. One that arrives at z' first finds out which of its neurons have
fired before (b <= z' d: those keep their d and b from then on), and adds w to d and w z' to b of the others. Between
two arrivals V is monotone, so no crossing is missed, and b <= z d stays true for all later z. Nothing is sorted per
receptive field, nothing is unfolded, and inputs that never spike cost nothing.

Weights are ``[R, C, taps, O]`` with the columns of the kernel in the order in which their output pixels lie in memory:
``[tap_order]`` for each remainder of (column + padding) by the stride, so that the innermost loop runs over all neurons
of one output row that an input reaches. What numba needs for vector code decides the rest: flat arrays and unsigned
indices, which can't count from the end.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

__all__ = ["backward", "forward", "tap_order"]

_FAST = {"nnan", "nsz", "contract", "arcp", "reassoc"}
_RADIX_BITS = 11


def tap_order(columns: int, stride: int) -> tuple[list[int], list[int]]:
    """Return the columns of a kernel as weights are laid out, and where each remainder begins.

    >>> tap_order(3, 1), tap_order(3, 2)
    (([2, 1, 0], [0, 3]), ([2, 0, 1], [0, 2, 3]))
    """
    order: list[int] = []
    begins = [0]
    for remainder in range(stride):
        order += reversed(range(remainder, columns, stride))
        begins.append(len(order))
    return order, begins


@numba.njit(nogil=True, cache=True)
def _in_order(z: Any, keys: Any, order: Any) -> int:
    """Write the places of finite ``z`` in rising order into ``order``; return how many.

    Radix sort of ``keys``, the bits of ``z``: those of positive floats rise with their value. Equal ones stay in order.
    """
    n = 0
    for i in range(z.shape[0]):
        if z[i] < np.inf:
            order[n] = i
            n += 1
    other = np.empty(n, order.dtype)
    count = np.empty(1 << _RADIX_BITS, np.int64)
    mask = (1 << _RADIX_BITS) - 1
    for shift in range(0, 8 * keys.itemsize, _RADIX_BITS):
        count[:] = 0
        for i in range(n):
            count[(np.int64(keys[order[i]]) >> shift) & mask] += 1
        total = 0
        for value in range(count.shape[0]):
            here = count[value]
            count[value] = total
            total += here
        for i in range(n):
            value = (np.int64(keys[order[i]]) >> shift) & mask
            other[count[value]] = order[i]
            count[value] += 1
        order[:n] = other
    return n


@numba.njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def _arrive(d: Any, b: Any, w: Any, z: Any, at: int, weight_at: int, count: int) -> None:
    """Let an input arrive at ``count`` neurons that lie side by side."""
    zero = z - z
    for k in range(count):
        i = np.uint64(at) + np.uint64(k)
        before, sum_before = d[i], b[i]
        weight = w[np.uint64(weight_at) + np.uint64(k)] if sum_before > z * before else zero
        d[i] = before + weight
        b[i] = sum_before + weight * z


@numba.njit(nogil=True, cache=True)
def forward(
    z: Any, keys: Any, w: Any, begins: Any, geometry: Any, z_max: Any, z_out: Any, d_out: Any
) -> None:
    """Compute the first spikes of some samples; it holds no lock, so that threads can take others.

    Args:
        z: e^t of the inputs ``[B, H, W, C]``; infinite where there is no spike.
        keys: their bits as signed integers, the same memory.
        w: weights, flat ``[R, C, taps, O]``.
        begins: of ``tap_order``.
        geometry: rows R of the kernel, taps, stride, padding of rows, padding of columns.
        z_max: end of the window; what would fire then or later stays silent.
        z_out: ``[B, OH, OW, O]``, written: e^t of the outputs, infinite where silent.
        d_out: same, written: Σ w - 1 over the causal set.
    """
    samples, _, width, channels = z.shape
    out_height, out_width, outs = z_out.shape[1:]
    rows, taps, stride, pad_y, pad_x = geometry
    for sample in range(samples):
        flat = z[sample].reshape(-1)
        d, result = d_out[sample].reshape(-1), z_out[sample].reshape(-1)
        b = np.zeros_like(d)
        d[:] = -1
        order = np.empty(flat.shape[0], np.int32)
        live = _in_order(flat, keys[sample].reshape(-1), order)
        for k in range(live):
            place = order[k]
            channel, pixel = place % channels, place // channels
            y, x = pixel // width + pad_y, pixel % width + pad_x
            first, last, tap = _reached(x, stride, begins, out_width)
            for r in range(y % stride, rows, stride):
                out_y = (y - r) // stride
                if last > first and 0 <= out_y < out_height and r <= y:
                    _arrive(
                        d, b, w, flat[place], (out_y * out_width + first) * outs,
                        ((r * channels + channel) * taps + tap) * outs, (last - first) * outs,
                    )  # fmt: skip
        for i in range(d.shape[0]):
            result[i] = b[i] / d[i] if d[i] > 0 and b[i] < z_max * d[i] else np.inf


@numba.njit(nogil=True, cache=True)
def _reached(x: int, stride: int, begins: Any, out_width: int) -> tuple[int, int, int]:
    """Return the output columns ``[first, last)`` that a padded input column reaches, and the first tap."""
    remainder = x % stride
    n = begins[remainder + 1] - begins[remainder]
    last = x // stride + 1  # at column tap = remainder
    first = last - n
    skipped = max(0, -first)
    return first + skipped, min(last, out_width), begins[remainder] + skipped


@numba.njit(nogil=True, cache=True, fastmath=_FAST, error_model="numpy")
def _return(r: Any, z_out: Any, w: Any, w_grad: Any, z: Any, at: int, weight_at: int, count: int) -> Any:
    """Take gradients of ``count`` neurons side by side back to one input; return Σ r w over those it caused."""
    zero = z - z
    total = zero
    for k in range(count):
        i, j = np.uint64(at) + np.uint64(k), np.uint64(weight_at) + np.uint64(k)
        share = r[i] if z < z_out[i] else zero
        w_grad[j] += share * (z - z_out[i])
        total += share * w[j]
    return total


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _shares(z_out: Any, d: Any, grad_out: Any) -> tuple[Any, Any]:
    """Return the gradient by t_out over d z_out, 0 where silent, and z_out with 0 for silent ones."""
    r, fired = np.zeros_like(z_out), np.zeros_like(z_out)
    for i in range(z_out.shape[0]):
        if z_out[i] < np.inf:
            r[i] = grad_out[i] / (d[i] * z_out[i])
            fired[i] = z_out[i]
    return r, fired


@numba.njit(nogil=True, cache=True)
def backward(
    z: Any, w: Any, begins: Any, geometry: Any, z_out: Any, d: Any, grad_out: Any, t_grad: Any, w_grad: Any
) -> None:
    """Compute gradients of some samples.

    Args:
        z, w, begins, geometry: as in ``forward``.
        z_out, d: as ``forward`` wrote them.
        grad_out: gradient by t_out, of the same shape.
        t_grad: ``[B, H, W, C]``, written: gradient by t.
        w_grad: ``[R C taps O]``, written: gradient by w, summed over these samples.
    """
    samples, _, width, channels = z.shape
    out_height, out_width, outs = z_out.shape[1:]
    rows, taps, stride, pad_y, pad_x = geometry
    w_grad[:] = 0
    for sample in range(samples):
        flat, grad = z[sample].reshape(-1), t_grad[sample].reshape(-1)
        mine, fired = _shares(z_out[sample].reshape(-1), d[sample].reshape(-1), grad_out[sample].reshape(-1))
        for place in range(flat.shape[0]):
            grad[place] = 0
            if not flat[place] < np.inf:
                continue
            channel, pixel = place % channels, place // channels
            y, x = pixel // width + pad_y, pixel % width + pad_x
            first, last, tap = _reached(x, stride, begins, out_width)
            for row in range(y % stride, rows, stride):
                out_y = (y - row) // stride
                if last > first and 0 <= out_y < out_height and row <= y:
                    grad[place] += _return(
                        mine, fired, w, w_grad, flat[place], (out_y * out_width + first) * outs,
                        ((row * channels + channel) * taps + tap) * outs, (last - first) * outs,
                    )  # fmt: skip
            grad[place] *= flat[place]
