"""The whole time axis of neurons on a grid in one autograd node; equations in ``axbar.nn.quantised``.

Equal to a loop over ``QuantisedLIF.step`` under autograd at a fraction of its cost, in the way of ``axbar.nn._fused``:
in place, a chunk of neurons over all steps at a time, keeping only H beside the spikes. Whole numbers are held in
floats. Backward, with g the gradient of the spikes, sigma' the surrogate, u the step, and r = H - s ceil(theta/u) (or
H (1 - s)) what is left before clipping,

    dv[t] = beta dx[t+1],    dr = dv where |r| <= q, else 0,    du = sum of dv sign(r) q where |r| > q
    dx[t] = (g[t] + reset) sigma'((H - ceil(theta/u) + 1/2) u) + dr    (zero reset: dr (1 - s))

with reset = -u ceil(theta/u) dr (zero reset: -u H dr) unless the reset is detached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from axbar.nn._fused import _chunks, _memory_order
from axbar.nn.surrogate import Surrogate

__all__ = ["GridParams", "fused_grid", "whole_currents"]


@dataclass(frozen=True)
class GridParams:
    """Constants of neurons on a grid.

    Args:
        step: u, value of one step of the membrane.
        shift: m; inputs are multiples of ``step / 2^m``.
        threshold: ceil(theta/u), 1 or more.
        leak: k of beta = 2^-k.
        largest: q.
        to_zero: reset to zero instead of by subtraction.
        surrogate, detach_reset: as of ``LIF``.
    """

    step: float
    shift: int
    threshold: int
    leak: int
    largest: int
    to_zero: bool
    surrogate: Surrogate
    detach_reset: bool = True

    @property
    def beta(self) -> float:
        """The decay."""
        return 2.0**-self.leak


def whole_currents(x: Tensor, p: GridParams) -> Tensor:
    """Return ``x`` in whole steps, in a new tensor of its shape."""
    made = torch.mul(x, 2.0**p.shift / p.step).add_(0.5).floor_()
    return made.mul_(2.0**-p.shift).add_(0.5).floor_() if p.shift else made


def fused_grid(x: Tensor, step: Tensor, p: GridParams) -> Tensor:
    """Return the spikes of ``x[T, ...]`` from rest; gradients flow to ``x`` and to the step."""
    order, inverse = _memory_order(x)
    x = x.permute(order)
    if torch.is_grad_enabled() and (x.requires_grad or step.requires_grad):
        spikes: Tensor = _FusedGrid.apply(x, step, p)  # pyright: ignore[reportAssignmentType]
        return spikes.permute(inverse)
    return _forward(x, p, keep=False)[0].permute(inverse)


class _FusedGrid(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, step: Tensor, p: GridParams) -> Tensor:
        spikes, h = _forward(x, p, keep=True)
        ctx.save_for_backward(h)
        ctx.p, ctx.step_type = p, step.dtype
        return spikes

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]  # the decorator hides the names
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor, Tensor, None]:
        grad, share = _backward(ctx.saved_tensors[0], grad_outputs[0], ctx.p)
        return grad, share.to(ctx.step_type), None


def _forward(x: Tensor, p: GridParams, keep: bool) -> tuple[Tensor, Tensor]:
    """Return ``(spikes, H)``; without ``keep`` H is scratch of the last step only."""
    x = x.detach()
    spikes = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    h = torch.empty(x.shape, dtype=x.dtype, device=x.device) if keep else spikes
    for x_rows, h_rows, s_rows in _chunks(x, h, spikes):
        stored = torch.zeros_like(s_rows[0])
        if not keep:
            h_rows = (torch.empty_like(stored),) * len(x_rows)
        for t, row in enumerate(x_rows):
            if p.leak:
                stored.mul_(p.beta).floor_()
            torch.add(whole_currents(row, p), stored, out=h_rows[t])
            p.surrogate.fire(h_rows[t], p.threshold, False, s_rows[t])
            _left(h_rows[t], s_rows[t], p, stored).clamp_(-p.largest, p.largest)
    return spikes, h


def _left(h: Tensor, s: Tensor, p: GridParams, out: Tensor) -> Tensor:
    """Write what the reset leaves, before clipping."""
    if p.to_zero:
        return torch.addcmul(h, h, s, value=-1.0, out=out)
    return torch.sub(h, s, alpha=p.threshold, out=out)


def _backward(h: Tensor, grad: Tensor, p: GridParams) -> tuple[Tensor, Tensor]:
    """Return the gradients of ``x[T, ...]`` and of the step."""
    out = torch.empty(h.shape, dtype=h.dtype, device=h.device)
    share = torch.zeros((), dtype=torch.float64, device=h.device)
    for h_rows, g_rows, o_rows in _chunks(h, grad, out):
        u, s, r = (torch.empty_like(o_rows[0]) for _ in range(3))
        v = torch.zeros_like(u)  # of what a step leaves to the next one; nothing reads the last
        for t in range(len(h_rows) - 1, -1, -1):
            p.surrogate.fire(h_rows[t], p.threshold, False, s)
            share += _clipped(_left(h_rows[t], s, p, r), v, p)
            g = g_rows[t] if p.detach_reset else _with_reset(g_rows[t], h_rows[t], v, p)
            torch.sub(h_rows[t], p.threshold - 0.5, out=u).mul_(p.step)
            p.surrogate.weigh(u, g, o_rows[t])
            o_rows[t].add_(v.sub_(v * s) if p.to_zero else v)
            torch.mul(o_rows[t], p.beta, out=v)
    return out, share


def _clipped(left: Tensor, v: Tensor, p: GridParams) -> Tensor:
    """Return the gradient of the step, and take it out of ``v`` where the potential was clipped."""
    free = left.clamp(-p.largest, p.largest).eq_(left)
    ends = torch.sign(left).mul_(v).mul_(1.0 - free)
    v.mul_(free)
    return ends.sum(dtype=torch.float64) * p.largest


def _with_reset(g: Tensor, h: Tensor, v: Tensor, p: GridParams) -> Tensor:
    """Return the gradient of the spikes plus that of the reset they cause."""
    return g - v * (h * p.step if p.to_zero else p.threshold * p.step)
