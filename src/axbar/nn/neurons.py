"""Spiking neurons as layers: LIF, IF and the current-based LIF.

A neuron layer takes the whole sequence ``x[T, B, ...]`` in one call and returns spikes of the same shape,
starting from rest in each call; nothing is kept between calls. ``step`` is the streaming form with explicit
state. The equations of the three reset semantics stand in ``axbar.nn._recurrence``; the current-based neuron
puts i[t] = α·i[t−1] + x[t] in front of them.

Inputs in half precision are computed in float32: a leaking sum over time loses its small terms in 8 bits.

With ``mask_single_spikes`` a neuron that fires exactly once within T steps stays silent (the masked neurons of LoAS,
Yin et al., MICRO 2024):

    y[t] = s[t] · (1 − m),   m = 1 where Σ_t s[t] = 1, else 0,   ∂y[t]/∂s[t] := 1

The gradient passes straight through, so that a masked neuron still learns to fire twice or never (how LoAS
differentiates its mask is not published). Potential and reset do not see the mask.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NamedTuple, Self

import torch
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn._fused import fused_lif, leaky_sum
from axbar.nn._recurrence import (
    Constant,
    LIFParams,
    LIFState,
    Reset,
    extent,
    lif_loop,
    lif_step,
    zero_state,
)
from axbar.nn.surrogate import Surrogate, surrogate_of

__all__ = ["IF", "LIF", "SynapticLIF", "SynapticState", "drop_single_spikes"]


class LIF(nn.Module):
    """Leaky integrate-and-fire neurons, element by element.

    ``beta``, ``threshold`` and ``input_scale`` may be tensors with one value per neuron; such layers run the
    plain loop over time instead of the fused one.

    Args:
        beta: decay of the potential per step, 0..1.
        threshold: potential at which a neuron fires.
        reset: ``subtract`` (A), ``subtract_unleaked`` (B) or ``zero`` (C).
        input_scale: factor on the input.
        strict: fire above instead of at the threshold; None: above for B, at it for A and C.
        surrogate: ``atan``, ``triangle``, ``rect`` or a ``Surrogate``.
        detach_reset: keep gradients out of the decision to reset.
        fused: one autograd node over time instead of one per operation and step; same bits, less time and
            memory.
        mask_single_spikes: silence neurons that fire exactly once within the T steps of a call.

    Raises:
        ModelError: a constant is out of range or a name is unknown.

    >>> LIF(beta=0.5)(torch.tensor([[0.75], [0.75], [0.75]])).flatten()
    tensor([0., 1., 0.])
    """

    is_neuron: ClassVar[bool] = True
    #: constants may be tensors
    per_neuron: ClassVar[bool] = True

    def __init__(
        self,
        beta: Constant = 0.5,
        threshold: Constant = 1.0,
        reset: Reset = "subtract",
        input_scale: Constant = 1.0,
        strict: bool | None = None,
        surrogate: str | Surrogate = "atan",
        detach_reset: bool = True,
        fused: bool = True,
        mask_single_spikes: bool = False,
    ) -> None:
        super().__init__()
        # The constants are plain attributes that techniques may set; ``params`` checks them at each call.
        self.beta, self.threshold, self.input_scale = beta, threshold, input_scale
        self.reset: Reset = reset
        self.surrogate = surrogate_of(surrogate)
        self.detach_reset = detach_reset
        self.fused = fused
        self.mask_single_spikes = mask_single_spikes
        self.strict = bool(LIFParams(beta, threshold, reset, input_scale, strict).strict)

    @property
    def params(self) -> LIFParams:
        """The constants of the recurrence."""
        return LIFParams(
            self.beta,
            self.threshold,
            self.reset,
            self.input_scale,
            self.strict,
            self.surrogate,
            self.detach_reset,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the spikes of ``x[T, ...]``, same shape, 0 or 1.

        Raises:
            ModelError: ``x`` has no time axis or no steps, or one step while single spikes are masked.
        """
        x = self._current(_sequence(x))
        p = self.params
        spikes = fused_lif(x, p) if self.fused and p.uniform else lif_loop(x, p)[0]
        return drop_single_spikes(spikes) if self.mask_single_spikes else spikes

    def _current(self, x: Tensor) -> Tensor:
        """Return what charges the membrane, ``[T, ...]``."""
        return x

    def step(self, x: Tensor, state: LIFState | None = None) -> tuple[Tensor, LIFState]:
        """Advance by one step ``x[...]``; without a state from rest. Return ``(spikes, state)``.

        Raises:
            ModelError: single spikes are masked, which needs all steps at once.
        """
        self._need_no_mask()
        x = _full(x)
        return lif_step(x, zero_state(x) if state is None else state, self.params)

    def _need_no_mask(self) -> None:
        if self.mask_single_spikes:
            raise ModelError(
                "a neuron layer with mask_single_spikes can't run step by step: whether a spike is the only one is "
                "known after the last step; call the layer on [T, ...], or set mask_single_spikes = False."
            )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move constants that differ from neuron to neuron along with the weights."""
        super()._apply(fn, recurse)
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                vars(self)[name] = fn(value)
        return self

    def extra_repr(self) -> str:
        """Show the constants in ``print(model)``."""
        masked = ", mask_single_spikes=True" if self.mask_single_spikes else ""
        compare = ">" if self.strict else ">="
        scale = "" if extent(self.input_scale) == (1.0, 1.0) else f", input_scale={_text(self.input_scale)}"
        return (
            f"beta={_text(self.beta)}, threshold={_text(self.threshold)} ({compare}), reset={self.reset}{scale}, "
            f"surrogate={self.surrogate.name}{masked}"
        )


def drop_single_spikes(spikes: Tensor) -> Tensor:
    """Silence neurons that fire exactly once in ``spikes[T, ...]`` (0 or 1); the gradient is that of the identity.

    Raises:
        ModelError: there is one step only, in which every spike would be masked.

    >>> drop_single_spikes(torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]))
    tensor([[0., 1., 0.],
            [0., 1., 0.]])
    """
    if spikes.shape[0] < 2:
        raise ModelError(
            f"single spikes can't be masked within T = {spikes.shape[0]} step: every neuron that fires would be "
            "silenced; run the network on two steps or more."
        )
    single = spikes.detach().sum(0, keepdim=True) == 1
    return spikes - spikes.detach() * single


class IF(LIF):
    """Integrate-and-fire neurons: ``LIF`` without leak. Arguments as there, without ``beta``."""

    def __init__(
        self,
        threshold: Constant = 1.0,
        reset: Reset = "subtract",
        input_scale: Constant = 1.0,
        strict: bool | None = None,
        surrogate: str | Surrogate = "atan",
        detach_reset: bool = True,
        fused: bool = True,
        mask_single_spikes: bool = False,
    ) -> None:
        super().__init__(
            1.0, threshold, reset, input_scale, strict, surrogate, detach_reset, fused, mask_single_spikes
        )


class SynapticState(NamedTuple):
    """Synaptic current and membrane state of one step."""

    current: Tensor
    membrane: LIFState


class SynapticLIF(LIF):
    """Current-based LIF: i[t] = α·i[t−1] + x[t] charges the membrane.

    Args:
        alpha: decay of the current per step, 0..1; 0 is ``LIF``.
        others: as in ``LIF``.

    Raises:
        ModelError: a constant is out of range or a name is unknown.
    """

    def __init__(
        self,
        alpha: Constant = 0.5,
        beta: Constant = 0.5,
        threshold: Constant = 1.0,
        reset: Reset = "subtract",
        input_scale: Constant = 1.0,
        strict: bool | None = None,
        surrogate: str | Surrogate = "atan",
        detach_reset: bool = True,
        fused: bool = True,
        mask_single_spikes: bool = False,
    ) -> None:
        super().__init__(
            beta, threshold, reset, input_scale, strict, surrogate, detach_reset, fused, mask_single_spikes
        )
        low, high = extent(alpha)
        if not (0.0 <= low and high <= 1.0):
            wrong = high if 0.0 <= low else low
            raise ModelError(
                f"synapse decay alpha = {wrong} is out of range; give 0 (no memory) to 1 (no decay)."
            )
        self.alpha = alpha

    def _current(self, x: Tensor) -> Tensor:
        if self.fused and not isinstance(self.alpha, Tensor):
            return leaky_sum(x, self.alpha)
        current = torch.zeros_like(x[0])
        currents = [current := current * self.alpha + x_t for x_t in x.unbind(0)]
        return torch.stack(currents)

    def step(  # pyright: ignore[reportIncompatibleMethodOverride]  # the state has one more field
        self, x: Tensor, state: SynapticState | None = None
    ) -> tuple[Tensor, SynapticState]:
        """Advance by one step ``x[...]``; as in ``LIF``."""
        self._need_no_mask()
        x = _full(x)
        before = SynapticState(torch.zeros_like(x), zero_state(x)) if state is None else state
        current = before.current * self.alpha + x
        spikes, membrane = lif_step(current, before.membrane, self.params)
        return spikes, SynapticState(current, membrane)

    def extra_repr(self) -> str:
        """Show the constants in ``print(model)``."""
        return f"alpha={_text(self.alpha)}, {super().extra_repr()}"


def _text(value: Constant) -> str:
    low, high = extent(value)
    return f"{low:g}" if low == high else f"{low:g}..{high:g}"


def _full(x: Tensor) -> Tensor:
    """Return ``x`` in at least float32."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _sequence(x: Tensor) -> Tensor:
    if x.ndim < 2 or x.shape[0] == 0 or not x.is_floating_point():
        raise ModelError(
            f"a neuron layer got an input of shape {tuple(x.shape)} and type {x.dtype}; it takes floats "
            "[T, B, ...] with the time axis first and at least one step."
        )
    return _full(x)
