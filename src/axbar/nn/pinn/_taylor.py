"""Truncated Taylor series through a perceptron: value, first and second derivatives in one pass forward.

Along a direction v the inputs are x + εv. Each layer maps the three coefficients of its input to those of its output:

    linear        z = Wx + b,     z' = W x',           z'' = W x''
    activation    y = f(z),       y' = f'(z) z',       y'' = f''(z) z'² + f'(z) z''

with ' and '' the derivatives to ε at 0, so that along the unit vector of axis i they are ∂/∂x_i and ∂²/∂x_i² of the
outputs. (Griewank and Walther, Evaluating Derivatives, 2008, ch. 13.) A training step then costs one pass back through
this pass, where reverse mode would go back once per output and derivative first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from axbar.errors import ModelError
from axbar.nn.pinn._layers import FourierFeatures, Sine, UnitBox

__all__ = ["Taylor", "known_layers", "propagate"]


@dataclass(frozen=True)
class Taylor:
    """Coefficients of a layer's outputs along M directions, of which the first S have second derivatives.

    Args:
        value: ``[P, H]``.
        first: ``[M, P, H]``, or ``[M, 1, H]`` where they are the same at all points.
        second: ``[S, P, H]`` or ``[S, 1, H]``, S <= M.
    """

    value: Tensor
    first: Tensor
    second: Tensor


def propagate(layers: nn.Module, points: Tensor, directions: Tensor, seconds: int) -> Taylor:
    """Return the outputs of a network with their derivatives along ``directions``.

    Args:
        layers: a layer of a known type, or an ``nn.Sequential`` of them.
        points: ``[P, D]``.
        directions: ``[M, D]``.
        seconds: S, how many of them, from the first on, get second derivatives.

    Raises:
        ModelError: a layer is of a type without a rule.

    >>> series = propagate(nn.Tanh(), torch.zeros(1, 1), torch.ones(1, 1), seconds=1)
    >>> [float(part) for part in (series.value, series.first, series.second)]
    [0.0, 1.0, 0.0]
    """
    first = directions.unsqueeze(1)
    return _apply(layers, Taylor(points, first, torch.zeros_like(first[:seconds])))


def known_layers(layers: nn.Module) -> bool:
    """Whether series can be propagated through a network."""
    if isinstance(layers, nn.Sequential):
        return all(known_layers(layer) for layer in layers)
    return type(layers) in _CURVES or type(layers) in _RULES


def _apply(layer: nn.Module, series: Taylor) -> Taylor:
    if isinstance(layer, nn.Sequential):
        for inner in layer:
            series = _apply(inner, series)
        return series
    if type(layer) in _CURVES:
        return _bend(_CURVES[type(layer)](series.value), series)
    if type(layer) in _RULES:
        return _RULES[type(layer)](layer, series)
    raise ModelError(
        f"a layer of type {type(layer).__name__} has no rule for Taylor series; take PointField, which "
        "differentiates any network."
    )


def _bend(curve: Sequence[Tensor], series: Taylor) -> Taylor:
    """Apply an activation, given as f, f' and f'' at the values."""
    value, slope, bend = curve
    first = slope * series.first
    second = bend * series.first[: len(series.second)] ** 2 + slope * series.second
    return Taylor(value, first, second)


def _linear(layer: nn.Linear, series: Taylor) -> Taylor:
    return Taylor(
        layer(series.value), F.linear(series.first, layer.weight), F.linear(series.second, layer.weight)
    )


def _unit_box(layer: UnitBox, series: Taylor) -> Taylor:
    return Taylor(layer(series.value), series.first / layer.half_width, series.second / layer.half_width)


def _fourier(layer: FourierFeatures, series: Taylor) -> Taylor:
    phase = Taylor(
        *(F.linear(part, layer.frequencies) for part in (series.value, series.first, series.second))
    )
    cosine, sine = torch.cos(phase.value), torch.sin(phase.value)
    parts = (_bend((cosine, -sine, -cosine), phase), _bend((sine, cosine, -sine), phase))
    return Taylor(
        *(torch.cat([getattr(p, name) for p in parts], -1) for name in ("value", "first", "second"))
    )


def _tanh(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    y = torch.tanh(z)
    slope = 1 - y * y
    return y, slope, -2 * y * slope


def _sine(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    y = torch.sin(z)
    return y, torch.cos(z), -y


def _gelu(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    below = (1 + torch.erf(z / math.sqrt(2))) / 2
    density = torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return z * below, below + z * density, density * (2 - z * z)


def _silu(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    share = torch.sigmoid(z)
    change = share * (1 - share)
    return z * share, share + z * change, change * (2 + z * (1 - 2 * share))


def _relu(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return torch.relu(z), (z > 0).to(z.dtype), torch.zeros_like(z)


#: f, f' and f'' of an activation; GELU is the exact one
_CURVES: dict[type[nn.Module], Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]] = {
    nn.GELU: _gelu,
    nn.ReLU: _relu,
    nn.SiLU: _silu,
    nn.Tanh: _tanh,
    Sine: _sine,
}
_RULES: dict[type[nn.Module], Callable[[Any, Taylor], Taylor]] = {
    FourierFeatures: _fourier,
    UnitBox: _unit_box,
    nn.Identity: lambda layer, series: series,
    nn.Linear: _linear,
}
