"""First-spike neurons of constant slope: a layer of them computes what a layer of ReLUs does.

Inputs arrive in the window [s, e] of the layer before, early = strong: x_i = e - t_i is the time left, 0 without a
spike. Until e each spike that has arrived adds w_ji to the slope of the potential; from e on the slope is 1 for all
neurons, and the threshold is W_j - b_j, with the length W of the layer's own window [e, e + W]:

    V_j(t) = Σ_{i: t_i < t} w_ji (t - t_i)   for t <= e,     V_j(t) = V_j(e) + (t - e)   after that,
    V_j(e) = Σ_i w_ji x_i     =>     t_j = e + W - (Σ_i w_ji x_i + b_j),     x_j = e + W - t_j = Σ_i w_ji x_i + b_j.

A neuron whose x_j would be 0 or less never fires, so x_j = ReLU(Σ_i w_ji x_i + b_j), and training is that of a ReLU
network. One that would cross before e fires at e: x_j is clipped at W, and the share of such neurons is told
(``clipped``). Stanojevic et al., "High-performance deep spiking neural networks with 0.3 spikes per neuron", Nat.
Commun. 15:6793 (2024), with τ = 1. Times are in units of the weights' inverse; nothing here depends on what a unit is
in seconds.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from axbar.errors import ModelError

__all__ = ["Delay", "FirstSpike", "rounded_times"]


class FirstSpike(nn.Module):
    """Constant-slope neurons, element by element: weighted sums in, times left ``x`` out, 0 where silent.

    Args:
        window: W, above 0; a buffer, so that windows fitted to data are kept with the weights.
        bits: of a spike's time: 2^bits - 1 slots of equal length, rounded to the nearest; None leaves it continuous.

    Raises:
        ModelError: the window is not positive, or bits are outside 1 to 16.

    >>> FirstSpike(window=2.0)(torch.tensor([-1.0, 0.5, 3.0]))
    tensor([0.0000, 0.5000, 2.0000])
    """

    is_neuron: ClassVar[bool] = True
    #: neither slope nor potential decays, and a neuron that has fired stays silent: outputs are times left
    alpha: ClassVar[float] = 1.0
    beta: ClassVar[float] = 1.0
    reset: ClassVar[str] = "once"
    window: Tensor

    def __init__(self, window: float = 4.0, bits: int | None = None) -> None:
        super().__init__()
        check_window(window)
        if bits is not None and not (isinstance(bits, int) and 1 <= bits <= 16):
            raise ModelError(f"a spike time of {bits} bits is out of range; give 1 to 16, or None.")
        self.register_buffer("window", torch.tensor(float(window)))
        self.bits = bits

    @property
    def threshold(self) -> float:
        """W, which a neuron without bias reaches at the end of its window."""
        return float(self.window)

    def forward(self, x: Tensor) -> Tensor:
        """Return times left, 0..W, the shape of ``x``."""
        left = F.hardtanh(
            x, 0.0, float(self.window)
        )  # one pass, where a clamp and a minimum are two and slow backward
        return left if self.bits is None else rounded_times(left, self.window, self.bits)

    def clipped(self, x: Tensor) -> Tensor:
        """Return the share of neurons that would cross before their window opens."""
        return (x > self.window).float().mean()

    def extra_repr(self) -> str:
        """Show the constants in ``print(model)``."""
        return f"window={float(self.window):g}" + ("" if self.bits is None else f", bits={self.bits}")


class Delay(nn.Module):
    """Let spikes wait on a skip: t' = t + max(Δ_c, 0), one Δ per channel, learned with the weights (arXiv 2312.00919).

    Times left are those of the window in which the spikes are read, which ends ``gap`` after their own:
    x' = ReLU(x + gap - max(Δ_c, 0)) where there is a spike. One that waits beyond the end is lost.

    Args:
        channels: C.
        initial: Δ at first, in windows of ``unit``.
        unit: time of one step of the parameter.
        learned: False holds Δ; ``initial`` 0 then changes no time.

    Raises:
        ModelError: the unit is not positive, or the initial delay not finite.
    """

    is_neuron: ClassVar[bool] = True
    #: a counter that runs out once
    beta: ClassVar[float] = 1.0
    threshold: ClassVar[float] = 1.0
    reset: ClassVar[str] = "once"

    def __init__(self, channels: int, initial: float = 0.5, unit: float = 1.0, learned: bool = True) -> None:
        super().__init__()
        check_window(unit, "a delay's unit")
        if not math.isfinite(initial):
            raise ModelError(f"an initial delay of {initial} is no time; give a finite number.")
        self.unit = unit
        self.delta = nn.Parameter(torch.full((channels,), float(initial)), requires_grad=learned)

    @property
    def delay(self) -> Tensor:
        """max(Δ, 0) of each channel ``[C]``."""
        return self.delta.clamp(min=0) * self.unit

    def forward(self, values: Tensor, gap: float = 0.0, early: bool = True) -> Tensor:
        """Return delayed ``values[B, C, ...]``, as in ``Spikes``; ``gap`` is read for early ones only."""
        wait = self.delay.view(1, -1, *[1] * (values.ndim - 2))
        if not early:
            return values + wait
        return torch.where(values > 0, (values + gap - wait).clamp(min=0), 0.0)

    def extra_repr(self) -> str:
        """Show the constants in ``print(model)``."""
        return f"channels={self.delta.numel()}, unit={self.unit:g}, learned={self.delta.requires_grad}"


def rounded_times(left: Tensor, window: Tensor | float, bits: int) -> Tensor:
    """Return times left on a grid of 2^bits - 1 slots per window; the gradient is that of the identity.

    >>> rounded_times(torch.tensor([0.1, 0.4, 0.9]), 1.0, 1)
    tensor([0., 0., 1.])
    """
    slot = window / (2**bits - 1)
    return left + (torch.round(left / slot) * slot - left).detach()


def check_window(window: float, what: str = "a window") -> None:
    """Raise a ModelError for a window that is no time."""
    if not (math.isfinite(window) and window > 0):
        raise ModelError(f"{what} of {window} is no time; give a number above 0.")
