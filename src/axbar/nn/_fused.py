"""The whole time axis of a neuron in one autograd node.

Equal bit for bit, forward and backward, to ``lif_loop`` under autograd, at a fraction of its cost: the loop
runs in place, keeps only h (the potential before the reset) for the backward pass, and walks through the
neurons in chunks that stay in the cache over all T steps. Backward, with g the gradient of the spikes and σ'
the surrogate:

    ∂h[t] = (g[t] − θ∂r) σ'(h[t] − θ) + ∂v[t]      ∂r: gradient of the reset, 0 when detached
    ∂v[t−1] = β ∂h[t]   (zero reset: times 1 − s)        ∂x[t] = k ∂h[t]

Element-wise operations give each element the same bits wherever the chunks are cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from axbar.nn._recurrence import LIFParams

__all__ = ["fused_lif", "leaky_sum"]

#: neurons per chunk and thread: a step of the four arrays in use then fits the last-level cache
_CHUNK = 131_072


def fused_lif(x: Tensor, p: LIFParams) -> Tensor:
    """Return the spikes of ``x[T, ...]`` from rest, as ``lif_loop(x, p)[0]`` would."""
    order, inverse = _memory_order(x)
    x = x.permute(order)
    if torch.is_grad_enabled() and x.requires_grad:
        spikes: Tensor = _FusedLIF.apply(x, p)  # pyright: ignore[reportAssignmentType]
        return spikes.permute(inverse)
    return _forward(x, p, keep=False)[0].permute(inverse)


def leaky_sum(x: Tensor, alpha: float) -> Tensor:
    """Return i[t] = α·i[t−1] + x[t] over the leading axis of ``x[T, ...]``, from zero."""
    order, inverse = _memory_order(x)
    current: Tensor = _LeakySum.apply(x.permute(order), alpha)  # pyright: ignore[reportAssignmentType]
    return current.permute(inverse)


class _FusedLIF(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, p: LIFParams) -> Tensor:
        spikes, h = _forward(x, p, keep=True)
        ctx.save_for_backward(h)
        ctx.p = p
        return spikes

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]  # the decorator hides the names
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor, None]:
        return _backward(ctx.saved_tensors[0], grad_outputs[0], ctx.p), None


class _LeakySum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, alpha: float) -> Tensor:
        ctx.alpha = alpha
        out = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        for source, target in _chunks(x, out):
            _accumulate(source, target, alpha)
        return out

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]  # the decorator hides the names
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor, None]:
        (grad,) = grad_outputs
        out = torch.empty(grad.shape, dtype=grad.dtype, device=grad.device)
        for source, target in _chunks(grad, out):
            _accumulate(source[::-1], target[::-1], ctx.alpha)
        return out, None


def _memory_order(x: Tensor) -> tuple[list[int], list[int]]:
    """Return the order of dimensions, time first, in which a step lies in memory, and its inverse.

    Walking along memory keeps the layout (such as channels last) that the layers around chose for speed.
    """
    inner = sorted(range(1, x.ndim), key=x.stride, reverse=True)
    order = [0, *inner] if x[0].permute([d - 1 for d in inner]).is_contiguous() else list(range(x.ndim))
    return order, [order.index(d) for d in range(x.ndim)]


Rows = tuple[Tensor, ...]


def _chunks(*arrays: Tensor) -> Iterator[tuple[Rows, ...]]:
    """Yield, for each chunk of neurons, the T rows of every ``[T, ...]`` array."""
    flat = [a.reshape(a.shape[0], -1) for a in arrays]
    n = flat[0].shape[1]
    size = _CHUNK * torch.get_num_threads() if flat[0].device.type == "cpu" else max(n, 1)
    for start in range(0, n, size):
        yield tuple(a[:, start : start + size].unbind(0) for a in flat)


def _accumulate(x: Rows, out: Rows, alpha: float) -> None:
    out[0].copy_(x[0])
    for t in range(1, len(x)):
        torch.mul(out[t - 1], alpha, out=out[t]).add_(x[t])


def _forward(x: Tensor, p: LIFParams, keep: bool) -> tuple[Tensor, Tensor]:
    """Return ``(spikes, h)``; without ``keep`` h is scratch of the last step only."""
    x = x.detach()
    spikes = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    h = torch.empty(x.shape, dtype=x.dtype, device=x.device) if keep else spikes
    for x_rows, h_rows, s_rows in _chunks(x, h, spikes):
        carried = torch.empty_like(s_rows[0])
        if not keep:
            h_rows = (torch.empty_like(carried),) * len(x_rows)
        for t in range(len(x_rows)):
            _charge(t, x_rows[t], h_rows, s_rows, carried, p)
            p.surrogate.fire(h_rows[t], p.threshold, bool(p.strict), s_rows[t])
    return spikes, h


def _charge(t: int, x: Tensor, h: Rows, s: Rows, v: Tensor, p: LIFParams) -> None:
    """Write h[t] from x[t] and what step t − 1 left; ``v`` is scratch."""
    theta: Any = p.threshold  # one number: layers with one per neuron run the plain loop
    scaled = x if p.input_scale == 1.0 else torch.mul(x, p.input_scale)
    if t == 0:
        h[0].copy_(scaled)
    elif p.reset == "subtract":
        torch.sub(h[t - 1], s[t - 1], alpha=theta, out=v).mul_(p.beta)  # θs is exact: s is 0 or 1
        torch.add(v, scaled, out=h[t])
    elif p.reset == "zero":
        torch.addcmul(h[t - 1], h[t - 1], s[t - 1], value=-1.0, out=v).mul_(p.beta)
        torch.add(v, scaled, out=h[t])
    else:
        torch.mul(h[t - 1], p.beta, out=h[t]).add_(scaled).sub_(s[t - 1], alpha=theta)


def _backward(h: Tensor, grad: Tensor, p: LIFParams) -> Tensor:
    """Return ∂x[T, ...] from the gradient of the spikes."""
    out = torch.empty(h.shape, dtype=h.dtype, device=h.device)
    for h_rows, g_rows, o_rows in _chunks(h, grad, out):
        u, v, w = (torch.empty_like(o_rows[0]) for _ in range(3))
        last = len(h_rows) - 1
        for t in range(last, -1, -1):
            torch.sub(h_rows[t], p.threshold, out=u)
            if t == last:
                p.surrogate.weigh(u, g_rows[t], o_rows[t])
                continue
            torch.mul(o_rows[t + 1], p.beta, out=v)
            g = g_rows[t] if p.detach_reset else _with_reset(g_rows[t], h_rows[t], o_rows[t + 1], v, w, p)
            p.surrogate.weigh(u, g, u)
            if p.reset == "zero":
                gate = p.surrogate.fire(h_rows[t], p.threshold, bool(p.strict), w)
                v.mul_(gate.neg_().add_(1.0))
            torch.add(u, v, out=o_rows[t])
        if p.input_scale != 1.0:
            for row in o_rows:
                row.mul_(p.input_scale)
    return out


def _with_reset(g: Tensor, h: Tensor, grad_next: Tensor, grad_v: Tensor, w: Tensor, p: LIFParams) -> Tensor:
    """Return the gradient of the spikes plus that of the reset they cause, in scratch ``w``."""
    if p.reset == "zero":
        return torch.mul(grad_v, h, out=w).neg_().add_(g)
    source = grad_next if p.reset == "subtract_unleaked" else grad_v
    return torch.mul(source, -p.threshold, out=w).add_(g)
