"""An average pool and the layer behind it are one layer of larger kernel.

A pool of window k, stride s, padding p and divisor n (k² unless told otherwise), then a convolution of kernel K, stride
S, padding P, dilation D, along one axis:

    q[m] = (1/n) Σ_i x[s·m + i − p]            i = 0..k−1
    y[o] = Σ_j W[j]·q[S·o + D·j − P] = Σ_j Σ_i (W[j]/n)·x[s·S·o + (s·D·j + i) − (s·P + p)]

is one convolution of kernel s·D·(K−1) + k, stride s·S, padding s·P + p, whose weights are those of W spread by s·D and
convolved with a box of k. A linear layer on the flattened map is the case of one output pixel: the weight of a pooled
pixel goes to each pixel of its window.

Exact, if no window of a pooled pixel that the convolution reads beyond the pooled map (there it finds zeros) holds a
pixel of the fine map: no pixel of 0..N−1 in s·m − p .. s·m − p + k − 1 for each m < 0 or m ≥ M that it reads. Windows
that tile the map fulfil it; windows that overlap (k > s + p) or leave pixels out (s·M − p < N) do not where P > 0. And
if every window has one divisor: zeros of the padding count, or there are none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from axbar.workload import Geometry, LayerTrace

__all__ = ["AvgPool", "conv_shape", "folded_kernel", "folded_matrix", "pool_of", "why_inexact"]

Pair = tuple[int, int]


@dataclass(frozen=True)
class AvgPool:
    """Window, stride, padding, divisor of a pool, rows before columns; shapes ``[C, H, W]`` before and behind it."""

    kernel: Pair
    stride: Pair
    padding: Pair
    divisor: int
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]


def _pair(value: Any) -> Pair:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[-1]))


def pool_of(module: nn.Module, layer: LayerTrace) -> AvgPool | str:
    """Return what an average pool does at one place, or why no fold is exact."""
    shapes = tuple(layer.geometry.in_shape), tuple(layer.geometry.out_shape)
    if len(shapes[0]) != 3 or len(shapes[1]) != 3:
        return "it does not pool maps of rows and columns"
    size, out = shapes[0][1:], shapes[1][1:]
    if isinstance(module, nn.AdaptiveAvgPool2d):
        if any(n % m for n, m in zip(size, out, strict=True)):
            return f"its windows differ in size ({_text(size)} to {_text(out)} pixels)"
        window = (size[0] // out[0], size[1] // out[1])
        return AvgPool(window, window, (0, 0), window[0] * window[1], *shapes)
    assert isinstance(module, nn.AvgPool2d)
    kernel, padding = _pair(module.kernel_size), _pair(module.padding)
    stride = _pair(module.stride)
    if any(padding) and not module.count_include_pad and module.divisor_override is None:
        return "windows at the border have a divisor of their own (count_include_pad=False)"
    whole = tuple((n + 2 * p - k) // s + 1 for n, p, k, s in zip(size, padding, kernel, stride, strict=True))
    if whole != out:
        return "windows reach beyond the map (ceil_mode=True)"
    return AvgPool(kernel, stride, padding, module.divisor_override or kernel[0] * kernel[1], *shapes)


def _text(size: tuple[int, ...]) -> str:
    return "x".join(str(n) for n in size)


def why_inexact(pool: AvgPool, layer: LayerTrace) -> str | None:
    """Return why the layer behind a pool can't take it in, None where it can."""
    shape = layer.geometry
    if layer.op == "linear":
        wanted = int(np.prod(pool.out_shape))
        if shape.in_shape != (wanted,):
            return f"it gives {wanted} values, and '{layer.name}' reads {_text(shape.in_shape)} of them at a time"
        return None
    if shape.in_shape != pool.out_shape:
        return (
            f"it gives a map of {_text(pool.out_shape)}, and '{layer.name}' reads one of {_text(shape.in_shape)}: "
            "padded between them, or by the layer in a way of its own"
        )
    for axis in (0, 1):
        reason = _edge(pool, shape, axis, layer.name)
        if reason:
            return reason
    return None


def _edge(pool: AvgPool, conv: Geometry, axis: int, name: str) -> str | None:
    k, s, p = pool.kernel[axis], pool.stride[axis], pool.padding[axis]
    pixels, windows = pool.in_shape[1 + axis], pool.out_shape[1 + axis]
    starts = np.arange(conv.out_shape[1 + axis]) * conv.stride[axis] - conv.padding[axis]
    reads = starts[:, None] + np.arange(conv.kernel[axis]) * conv.dilation[axis]
    zeros = reads[(reads < 0) | (reads >= windows)]
    seen = zeros[(s * zeros - p + k > 0) & (s * zeros - p < pixels)]
    if seen.size == 0:
        return None
    return (
        f"its windows overlap or leave pixels out ({pixels} pixels in windows of {k} every {s}), which the padding of "
        f"'{name}' would see"
    )


def conv_shape(pool: AvgPool, conv: Geometry) -> Geometry:
    """Return the geometry of the convolution that pools too."""

    def pair(rule: Callable[[int], int]) -> Pair:
        return (rule(0), rule(1))

    return Geometry(
        pool.in_shape,
        conv.out_shape,
        kernel=pair(lambda i: pool.stride[i] * conv.dilation[i] * (conv.kernel[i] - 1) + pool.kernel[i]),
        stride=pair(lambda i: pool.stride[i] * conv.stride[i]),
        padding=pair(lambda i: pool.stride[i] * conv.padding[i] + pool.padding[i]),
        groups=conv.groups,
    )


def folded_kernel(weight: Tensor, pool: AvgPool, dilation: Pair = (1, 1)) -> Tensor:
    """Return the weights ``[K, C/groups, R', S']`` of ``[K, C/groups, R, S]`` behind the pool; float64 inside."""
    step = (pool.stride[0] * dilation[0], pool.stride[1] * dilation[1])
    spread = _boxed(weight.reshape(-1, 1, *weight.shape[2:]), pool, step)
    return spread.reshape(*weight.shape[:2], *spread.shape[2:]).to(weight.dtype)


def folded_matrix(weight: Tensor, pool: AvgPool) -> Tensor:
    """Return the weights ``[F, C·H·W]`` of ``[F, C·M·N]`` behind the pool and a flatten."""
    _, rows, columns = pool.in_shape
    spread = _boxed(weight.reshape(-1, 1, *pool.out_shape[1:]), pool, pool.stride)
    spread = spread[:, :, pool.padding[0] :, pool.padding[1] :]  # what lies in the padding multiplies zeros
    spread = F.pad(spread, (0, max(0, columns - spread.shape[3]), 0, max(0, rows - spread.shape[2])))
    return spread[:, :, :rows, :columns].reshape(len(weight), -1).to(weight.dtype)


def _boxed(weight: Tensor, pool: AvgPool, step: Pair) -> Tensor:
    wide = weight.detach().double()
    box = wide.new_full((1, 1, *pool.kernel), 1.0) / pool.divisor
    return F.conv_transpose2d(wide, box, stride=step)
