"""Layers whose grid is learned: what MINT trains, and what becomes of it (``axbar.nn.quantised``).

    t    = tanh(v)                              v: the parameter that is trained
    w    = u w_int / g,    w_int = round(clip(t, -alpha, alpha) / alpha q),    q = 2^(b-1) - 1,    u = alpha / q

(Yin et al., ASP-DAC 2024). Weights and threshold of a layer that is fed by spikes and feeds them may be scaled by one
factor g without changing a spike; g brings the largest weight to 0.9, so that the start v = artanh(g w) stands where
tanh is still steep. Rounding passes gradients straight through, so that

    dw/dv = 1 - t^2  inside the range, 0 outside,      dw/dalpha = (w_int - q t/alpha) / (q g)  inside, ±1/g outside,

the latter that of a learned step (Esser et al., ICLR 2020), with the factor 1/sqrt(n q) on it that is used there, n
weights; alpha is trained as its logarithm, which keeps it above 0. Membranes add their own share to alpha's gradient.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from axbar.nn.neurons import LIF
from axbar.nn.quantised import QuantisedConv2d, QuantisedLIF, QuantisedLinear, _as

__all__ = ["Grid", "LearnedConv2d", "LearnedLIF", "LearnedLinear", "freeze_layer", "freeze_neuron", "learned"]

#: where the largest weight starts on tanh
_TOP = 0.9


class Grid(nn.Module):
    """The range that layers share which feed the same neurons, and these neurons' membranes.

    Args:
        weights: of the layers, to set the factor g by.
        bits: b.
        alpha: first range, in the units of the weights.
        input_step: value of one input code; 1 for spikes.
        shift: m, see ``axbar.nn.quantised``.
    """

    def __init__(
        self, weights: Sequence[Tensor], bits: int, alpha: float, input_step: float = 1.0, shift: int = 0
    ) -> None:
        super().__init__()
        top = max(float(w.detach().abs().max()) for w in weights)
        self.gain = _TOP / top if top > 0 else 1.0
        self.bits, self.input_step, self.shift = bits, input_step, shift
        self.log_alpha = nn.Parameter(torch.zeros(()))
        self._slower = 1.0 / math.sqrt(sum(w.numel() for w in weights) * self.largest)
        self.set_alpha(alpha)

    @property
    def largest(self) -> int:
        """The largest code q."""
        return 2 ** (self.bits - 1) - 1

    @torch.no_grad()
    def set_alpha(self, alpha: float) -> None:
        """Set the range, in the units of the weights."""
        self.log_alpha.fill_(math.log(alpha * self.gain))

    def alpha(self) -> Tensor:
        """Return the range on the scale of tanh."""
        log = self.log_alpha
        return torch.exp(_as(log * self._slower, log.detach()))

    def weight_scale(self) -> Tensor:
        """Return the step of the weights in their units."""
        return self.alpha() / (self.largest * self.gain)

    def product_scale(self) -> Tensor:
        """Return the step of one product of weight and input."""
        return self.weight_scale() * self.input_step

    def membrane_scale(self) -> Tensor:
        """Return the step of the membranes."""
        return self.product_scale() * 2.0**self.shift

    def codes(self, v: Tensor) -> Tensor:
        """Return the whole numbers of the weights, as floats, with a gradient."""
        alpha = self.alpha()
        t = torch.tanh(v)
        inside = torch.maximum(torch.minimum(t, alpha), -alpha) / alpha * self.largest
        return _as(inside, torch.round(inside.detach()))

    def weight(self, v: Tensor) -> Tensor:
        """Return the weights on the grid, in their units."""
        return self.codes(v) * self.weight_scale()

    def bias(self, bias: Tensor | None) -> Tensor | None:
        """Return a bias on the grid of products."""
        if bias is None:
            return None
        step = float(self.product_scale().detach())
        return _as(bias, torch.round(bias.detach() / step) * step)

    def start(self, weight: Tensor) -> Tensor:
        """Return v of given weights; removed ones (0) stay 0."""
        return torch.atanh((weight.detach().double() * self.gain).clamp(-_TOP, _TOP)).to(weight.dtype)


class LearnedConv2d(nn.Conv2d):
    """``nn.Conv2d`` with v in place of its weight."""

    grid: Grid

    def forward(self, input: Tensor) -> Tensor:
        """Convolve with the weights on the grid."""
        return self._conv_forward(input, self.grid.weight(self.weight), self.grid.bias(self.bias))


class LearnedLinear(nn.Linear):
    """``nn.Linear`` with v in place of its weight."""

    grid: Grid

    def forward(self, input: Tensor) -> Tensor:
        """Multiply with the weights on the grid."""
        return F.linear(input, self.grid.weight(self.weight), self.grid.bias(self.bias))


class LearnedLIF(QuantisedLIF):
    """``QuantisedLIF`` whose step is that of a grid in training."""

    def __init__(self, like: LIF, grid: Grid, adds_spikes: bool = False) -> None:
        super().__init__(like, grid.bits, grid.shift, adds_spikes)
        self.learned = grid

    def _scale(self) -> Tensor:
        return self.learned.membrane_scale()


def learned(layer: nn.Conv2d | nn.Linear, grid: Grid) -> None:
    """Put a layer on a grid, in place."""
    with torch.no_grad():
        layer.weight.copy_(grid.start(layer.weight))
    _become(layer, LearnedConv2d if isinstance(layer, nn.Conv2d) else LearnedLinear)
    layer.grid = grid


@torch.no_grad()
def freeze_layer(layer: LearnedConv2d | LearnedLinear) -> None:
    """Write the weights and the bias on the grid into the layer and take the grid away, in place."""
    grid = layer.grid
    layer.weight.copy_(grid.weight(layer.weight))
    if layer.bias is not None:
        layer.bias.copy_(cast(Tensor, grid.bias(layer.bias)))
    scale = grid.weight_scale().detach().to(torch.float64)
    del layer.grid
    quantised(layer, grid.bits, grid.input_step)
    layer.weight_scale.copy_(scale)  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]


def quantised(layer: nn.Module, bits: int, input_step: float) -> None:
    """Make a layer one on a grid, in place; weights and step must be set after it."""
    _become(layer, QuantisedConv2d if isinstance(layer, nn.Conv2d) else QuantisedLinear)
    vars(layer).update(weight_bits=bits, input_step=input_step)
    layer.register_buffer(
        "weight_scale", torch.ones((), dtype=torch.float64, device=cast(Tensor, layer.weight).device)
    )


@torch.no_grad()
def freeze_neuron(neuron: LearnedLIF) -> None:
    """Note the step of the grid and take the grid away, in place."""
    scale = neuron.learned.membrane_scale().detach().to(torch.float64)
    del neuron.learned
    _become(neuron, QuantisedLIF)
    neuron.membrane_scale.copy_(scale)


def _become(module: nn.Module, kind: type[nn.Module]) -> None:
    """Make a module one of another class with the same parameters."""
    module.__class__ = kind
