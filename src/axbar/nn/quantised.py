"""Layers and neurons on one grid of b bits: weights and membranes are integers, and so is all that inference computes.

MINT (Yin, Li, Moitra and Panda, ASP-DAC 2024; arXiv 2305.09850) gives the weights that feed a layer of neurons and the
membranes of these neurons one learned range alpha, hence one step u:

    q = 2^(b-1) - 1,    u = alpha / q,    w = u w_int,    w_int = -q..q        (how w_int is learned: ``_grid``)

Spikes are 0 or 1, so a current is a whole number of steps and a neuron needs no multiplier. With U the stored
potential, -q..q, and k the leak beta = 2^-k (k = 0: none),

    I    = sum w_int s + b_int          b_int: the bias in steps, at the width of the sum
    H    = (U >> k) + I                 arithmetic shift: rounds down, also below zero
    s    = [H >= ceil(theta / u)]       strict neurons (>): [H >= floor(theta / u) + 1]
    U    = clip(H - s ceil(theta / u), -q, q)    or, with reset to zero,    U = clip(H (1 - s), -q, q)

``QuantisedLIF`` computes this on floats that hold whole numbers; ``axbar.nn.integer_copy`` on integers alone. Both give
the same spikes at every step: a current that a float layer computed is rounded to the step that it means. That step is
the right one as long as float32 adds n products with an error below half a product, which

    n 2^-24 sum |w_int x_int| < 1/2

grants. Spikes (x_int = 0, 1) stay below in practice, where errors grow as sqrt(n) rather than as n. The first layer of
a wide network may not: 784 bright pixels and weights of one sign on 8 bits make sums of 2 10^7, at which float32 itself
counts in twos; a step of the membrane is 2^m = 256 of them, and one current in 70 was a step off, so that a spike may
differ. ``mint`` counts these currents (``currents_off``).

**First layer.** Inputs that are no spikes are multiples of a step d (1/255 for images of bytes). A product is then a
multiple of u_w d with u_w the step of the weights; the membrane's is u = u_w d 2^m, m the whole number that brings it
closest to u_w, and

    I = (sum w_int x_int + b_int + 2^(m-1)) >> m.

A network that normalises its images subtracts a whole number of codes from each channel first (``QuantisedNormalise``).

**Read-out.** It has a step and bits of its own, no neuron behind it, and its sums are the logits.

All layers have b bits, the first and the last too, because a chip has one width of weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn._fused_grid import GridParams, fused_grid, whole_currents
from axbar.nn._recurrence import LIFParams, LIFState, _Spike, zero_state
from axbar.nn.network import Normalise
from axbar.nn.neurons import IF, LIF, _full, _sequence, drop_single_spikes
from axbar.nn.shared import SharedLIF, _in_turn, _side_by_side

__all__ = [
    "QuantisedConv2d",
    "QuantisedLIF",
    "QuantisedLinear",
    "QuantisedNormalise",
    "leak_of",
    "membrane_step",
]


class QuantisedNormalise(Normalise):
    """Subtract a whole number of codes from each channel of images ``[B, C, H, W]``; there is no division.

    Args:
        codes: of the channels.
        step: d, value of one code.
    """

    def __init__(self, codes: Sequence[int], step: float) -> None:
        super().__init__([code * step for code in codes], [1.0] * len(codes))
        self.codes, self.step = tuple(codes), step

    def forward(self, x: Tensor) -> Tensor:
        """Return the centred images."""
        return x - self.mean

    def extra_repr(self) -> str:
        """Show the codes in ``print(model)``."""
        return f"codes={self.codes}, step={self.step:.6g}"


class QuantisedConv2d(nn.Conv2d):
    """``nn.Conv2d`` whose weights are ``weight_scale`` times whole numbers of ``weight_bits`` bits.

    Attributes:
        weight_bits: b, sign included.
        weight_scale: u, part of ``state_dict``.
        input_step: d, value of one input code; 1 for spikes.
    """

    weight_bits: int
    weight_scale: Tensor
    input_step: float

    def extra_repr(self) -> str:
        """Show the bits in ``print(model)``."""
        return f"{super().extra_repr()}, bits={self.weight_bits}"


class QuantisedLinear(nn.Linear):
    """``nn.Linear`` on such weights."""

    weight_bits: int
    weight_scale: Tensor
    input_step: float

    def extra_repr(self) -> str:
        """Show the bits in ``print(model)``."""
        return f"{super().extra_repr()}, bits={self.weight_bits}"


def leak_of(beta: Any) -> int:
    """Return k of ``beta = 2^-k``.

    Raises:
        ModelError: beta is no such number, or differs from neuron to neuron.

    >>> leak_of(0.5)
    1
    """
    mantissa, exponent = math.frexp(beta) if isinstance(beta, float | int) and beta > 0 else (0.0, 0)
    if mantissa != 0.5 or exponent > 1:
        raise ModelError(
            f"neurons of decay beta = {beta} can't leak by an arithmetic shift; integer membranes take one beta for "
            "the layer, a power of 1/2 (1, 0.5, 0.25, ...)."
        )
    return 1 - exponent


def membrane_step(current: Tensor, stored: Tensor, p: GridParams) -> tuple[Tensor, Tensor]:
    """Advance potentials by one step, in steps of the grid; whole numbers, as integers or as floats.

    Args:
        current: I.
        stored: U of the step before.

    Returns:
        ``(fires, U)``; fires is bool.
    """
    h = current + _shifted(stored, p.leak)
    fires = h >= p.threshold
    after = torch.zeros_like(h) if p.to_zero else h - p.threshold
    return fires, torch.where(fires, after, h).clamp_(-p.largest, p.largest)


def _shifted(x: Tensor, places: int) -> Tensor:
    """Return ``x >> places``, rounded down, of whole numbers."""
    if not places:
        return x
    return torch.floor(x * 2.0**-places) if x.is_floating_point() else x >> places


class QuantisedLIF(LIF):
    """LIF neurons with membranes of b bits on the grid of the weights that feed them.

    Equations: the module's. ``state.v`` of ``step`` is U u, in the units of the input. Gradients pass straight through
    rounding, and to the step through clipped potentials; the surrogate stands at the middle of the step below the
    threshold, which is where a current that is rounded to steps crosses it.

    Args:
        like: neurons to take decay, threshold, reset and surrogate of; an input scale becomes part of the threshold.
        bits: b, 2..8.
        shift: m of the first layer; 0 where spikes come in.
        adds_spikes: spikes of other neurons are added to the current; a sum of n of them is worth ``round(n/u)`` steps,
            which is not n times ``round(1/u)``.

    Attributes:
        membrane_bits: b.
        membrane_scale: u, part of ``state_dict``; 1 until it is set or loaded.

    Raises:
        ModelError: the neurons have no integer form.
    """

    membrane_scale: Tensor

    def __init__(self, like: LIF, bits: int, shift: int = 0, adds_spikes: bool = False) -> None:
        check_integer_form(like)
        assert not isinstance(like.threshold, Tensor) and not isinstance(like.input_scale, Tensor)
        super().__init__(
            like.beta, like.threshold / like.input_scale, like.reset, 1.0, like.strict, like.surrogate,
            like.detach_reset, like.fused, like.mask_single_spikes,
        )  # fmt: skip
        self.membrane_bits, self.shift, self.adds_spikes = bits, shift, adds_spikes
        self.share = int(getattr(like, "share", 1))
        self.register_buffer("membrane_scale", torch.ones((), dtype=torch.float64))

    @property
    def largest(self) -> int:
        """The largest code q."""
        return 2 ** (self.membrane_bits - 1) - 1

    @property
    def grid(self) -> GridParams:
        """The constants, with the threshold in steps."""
        step = float(self._scale().detach())
        steps = cast(float, self.threshold) / step
        code = max(1, math.floor(steps) + 1 if self.strict else math.ceil(steps))
        return GridParams(
            step, self.shift, code, leak_of(self.beta), self.largest, self.reset == "zero", self.surrogate,
            self.detach_reset,
        )  # fmt: skip

    def _scale(self) -> Tensor:
        return self.membrane_scale

    def forward(self, x: Tensor) -> Tensor:
        """Return the spikes of ``x[T, ...]``; as in ``LIF``."""
        x = _sequence(x)
        last = x.ndim > 3 and x.stride(2) == 1
        turns = _in_turn(x, self.share, last) if self.share > 1 else x
        spikes = fused_grid(turns, self._scale(), self.grid) if self.fused else self._loop(turns)
        spikes = _side_by_side(spikes, self.share, last) if self.share > 1 else spikes
        return drop_single_spikes(spikes) if self.mask_single_spikes else spikes

    def step(self, x: Tensor, state: LIFState | None = None) -> tuple[Tensor, LIFState]:
        """Advance by one step ``x[...]``; as in ``LIF``, with shared membranes as in ``SharedLIF``."""
        self._need_no_mask()
        x, p, u = _full(x), self.grid, self._scale()
        groups = x.chunk(self.share, dim=1) if self.share > 1 else (x,)
        now = zero_state(groups[0]) if state is None else state
        fired = list[Tensor]()
        for group in groups:
            spikes, now = _step(group, now, p, u.to(group.dtype))
            fired.append(spikes)
        return torch.cat(fired, dim=1) if self.share > 1 else fired[0], now

    def _loop(self, x: Tensor) -> Tensor:
        state, p, u = zero_state(x[0]), self.grid, self._scale().to(x.dtype)
        spikes = list[Tensor]()
        for x_t in x.unbind(0):
            s, state = _step(x_t, state, p, u)
            spikes.append(s)
        return torch.stack(spikes)

    def extra_repr(self) -> str:
        """Show the constants in ``print(model)``."""
        shared = f", groups={self.share}" if self.share > 1 else ""
        return f"{super().extra_repr()}, bits={self.membrane_bits}{shared}"


def _step(x: Tensor, state: LIFState, p: GridParams, u: Tensor) -> tuple[Tensor, LIFState]:
    """Advance by one step: the values of ``membrane_step`` in units of the input, with a gradient."""
    with torch.no_grad():
        codes = torch.round(state.v / p.step)
        h_code = whole_currents(x, p) + _shifted(codes, p.leak)
        fires = h_code >= p.threshold
        left_code = torch.where(
            fires, torch.zeros_like(h_code) if p.to_zero else h_code - p.threshold, h_code
        )
        after = left_code.clamp(-p.largest, p.largest)
    h = _as(x + state.v * p.beta, h_code * p.step)
    at = LIFParams(threshold=(p.threshold - 0.5) * p.step, surrogate=p.surrogate)
    spikes: Tensor = _Spike.apply(h, at)  # pyright: ignore[reportAssignmentType]
    gate = spikes.detach() if p.detach_reset else spikes
    left = h * (1.0 - gate) if p.to_zero else h - gate * (p.threshold * p.step)
    v = torch.where(after != left_code, after * u, left)
    return spikes, LIFState(_as(v, after * p.step), spikes)


def rounded_shift(x: Tensor, places: int) -> Tensor:
    """Return ``(x + 2^(places-1)) >> places`` of whole numbers: the nearest, halves up.

    >>> rounded_shift(torch.tensor([5, 6, -6]), 2)
    tensor([ 1,  2, -1])
    """
    return _shifted(x + 2 ** (places - 1), places) if places else x


class _Straight(torch.autograd.Function):
    """The value of one tensor with the gradient of another."""

    @staticmethod
    def forward(ctx: Any, smooth: Tensor, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        return grad_outputs[0], None


def _as(smooth: Tensor, value: Tensor) -> Tensor:
    """Return ``value``, bit for bit, with the gradient of ``smooth``."""
    made: Tensor = _Straight.apply(smooth, value)  # pyright: ignore[reportAssignmentType]
    return made


def check_integer_form(neuron: nn.Module, path: str = "") -> None:
    """Refuse neurons that can't be computed in integers.

    Raises:
        ModelError: with what is wrong.
    """
    where = f"neurons '{path}'" if path else "neurons"
    if not isinstance(neuron, LIF) or type(neuron) not in (LIF, IF, SharedLIF):
        raise ModelError(
            f"{where} are {type(neuron).__name__}, which have no integer form here; use axbar.nn.LIF, IF or SharedLIF."
        )
    if neuron.reset == "subtract_unleaked":
        raise ModelError(
            f"{where} reset by 'subtract_unleaked', which has no integer form here; train with reset=subtract or zero."
        )
    if isinstance(neuron.threshold, Tensor) or isinstance(neuron.input_scale, Tensor):
        raise ModelError(
            f"{where} have thresholds or input scales that differ within the layer; integer membranes take one number."
        )
    leak_of(neuron.beta)
