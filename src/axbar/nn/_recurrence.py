"""The spiking recurrence, one step at a time.

h[t] membrane potential before the reset, v carried potential, x input, s spike (0 or 1), β decay, θ
threshold, k input scale. "LIF" means three recurrences that give different spikes on the same weights:

* A ``subtract``:           h = βv + kx;           s = [h ≥ θ];  v = h − θs
* B ``subtract_unleaked``:  h = βh₋ + kx − θs₋;    s = [h > θ]   (₋: the step before)
* C ``zero``:               h = βv + kx;           s = [h ≥ θ];  v = h(1 − s)

``strict`` chooses > or ≥ apart from these defaults. The potential is zero before the first step. The product
βv and the sum are rounded separately (no fused multiply-add), so that the spikes equal those of a loop in
numpy.

The spike inside the reset is detached by default: gradients flow through h and v, but not through the
decision to reset. That is the usual choice, and the robust one (Zenke & Vogels, "The Remarkable Robustness of
Surrogate Gradient Learning", Neural Comput. 2021). ``detach_reset=False`` keeps that path.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from axbar.errors import ModelError, unknown_name
from axbar.nn.surrogate import SURROGATES, Surrogate

__all__ = ["Constant", "LIFParams", "LIFState", "Reset", "extent", "lif_loop", "lif_step", "zero_state"]

#: of a neuron layer: one number, or one per neuron in a tensor that broadcasts to a step of the input
Constant = float | Tensor
Reset = Literal["subtract", "subtract_unleaked", "zero"]


@dataclass(frozen=True)
class LIFParams:
    """Constants of the recurrence; β, θ and k may be tensors with one value per neuron.

    Args:
        beta: decay per step β, 0..1 (1: no leak).
        threshold: θ, above 0.
        reset: one of the three semantics above.
        input_scale: factor k on the input; some libraries multiply it by 1 − β.
        strict: fire at h > θ instead of h ≥ θ; None means what the semantics above say.
        surrogate: derivative of the spike.
        detach_reset: keep gradients out of the decision to reset.

    Raises:
        ModelError: a number is out of range or the reset is unknown.
    """

    beta: Constant = 0.5
    threshold: Constant = 1.0
    reset: Reset = "subtract"
    input_scale: Constant = 1.0
    strict: bool | None = None
    surrogate: Surrogate = SURROGATES["atan"]
    detach_reset: bool = True

    def __post_init__(self) -> None:
        if self.reset not in get_args(Reset):
            raise ModelError(unknown_name("reset", self.reset, get_args(Reset)))
        low, high = extent(self.beta)
        if not (0.0 <= low and high <= 1.0):
            wrong = high if 0.0 <= low else low
            raise ModelError(
                f"neuron decay beta = {wrong} is out of range; give 0 (no memory) to 1 (no leak)."
            )
        for name in ("threshold", "input_scale"):
            low, high = extent(getattr(self, name))
            if not (math.isfinite(high) and low > 0):
                wrong = high if low > 0 else low
                raise ModelError(f"neuron {name} = {wrong} is out of range; give a finite number above 0.")
        if self.strict is None:
            object.__setattr__(self, "strict", self.reset == "subtract_unleaked")

    @property
    def uniform(self) -> bool:
        """Whether all neurons have the same constants, which is what the fused form takes."""
        return not any(isinstance(value, Tensor) for value in (self.beta, self.threshold, self.input_scale))


def extent(value: Constant) -> tuple[float, float]:
    """Return the least and the largest of a constant; NaN stays NaN.

    >>> extent(torch.tensor([0.5, 0.25]))
    (0.25, 0.5)
    """
    return (float(value.min()), float(value.max())) if isinstance(value, Tensor) else (value, value)


class LIFState(NamedTuple):
    """What a neuron carries from step to step.

    ``v``: potential after the reset (A, C) or before it (B); ``spikes``: of the last step, which B still has
    to subtract. Both have the shape of one step of the input.
    """

    v: Tensor
    spikes: Tensor


class _Spike(torch.autograd.Function):
    """Threshold with a surrogate gradient."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, p: LIFParams) -> Tensor:
        ctx.save_for_backward(h)
        ctx.p = p
        return p.surrogate.fire(h, p.threshold, bool(p.strict), torch.empty_like(h))

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]  # the decorator hides the names
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor, None]:
        (h,) = ctx.saved_tensors
        return ctx.p.surrogate.weigh(h - ctx.p.threshold, grad_outputs[0], torch.empty_like(h)), None


def zero_state(x: Tensor) -> LIFState:
    """Return the state before the first step for one step of input ``x``."""
    return LIFState(torch.zeros_like(x), torch.zeros_like(x))


def lif_step(x: Tensor, state: LIFState, p: LIFParams) -> tuple[Tensor, LIFState]:
    """Advance by one step.

    Args:
        x: input of one step, any shape, float.
        state: from the step before; ``zero_state(x)`` at the start.
        p: constants.

    Returns:
        ``(spikes, state)``; spikes are 0 or 1 in the shape and type of ``x``.

    >>> p = LIFParams(beta=0.5, threshold=1.0)
    >>> s, state = lif_step(torch.tensor([1.25]), zero_state(torch.zeros(1)), p)
    >>> s, state.v
    (tensor([1.]), tensor([0.2500]))
    """
    unscaled = not isinstance(p.input_scale, Tensor) and p.input_scale == 1.0
    h = state.v * p.beta + (x if unscaled else x * p.input_scale)
    if p.reset == "subtract_unleaked":
        last = state.spikes.detach() if p.detach_reset else state.spikes
        h = h - last * p.threshold
    spikes: Tensor = _Spike.apply(h, p)  # pyright: ignore[reportAssignmentType]
    gate = spikes.detach() if p.detach_reset else spikes
    if p.reset == "subtract":
        v = h - gate * p.threshold
    elif p.reset == "zero":
        v = h * (1.0 - gate)
    else:
        v = h
    return spikes, LIFState(v, spikes)


def lif_loop(x: Tensor, p: LIFParams, state: LIFState | None = None) -> tuple[Tensor, LIFState]:
    """Run ``lif_step`` over the leading time axis of ``x[T, ...]``; return ``(spikes[T, ...], state)``.

    This is the definition that the fused neuron must equal, and the form to use with an initial state.
    """
    state = zero_state(x[0]) if state is None else state
    spikes: list[Tensor] = []
    for x_t in x.unbind(0):
        s, state = lif_step(x_t, state, p)
        spikes.append(s)
    return torch.stack(spikes), state
