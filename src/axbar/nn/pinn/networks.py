"""A perceptron as the solution of a differential equation (Raissi et al., J. Comput. Phys. 378, 2019).

    N(x) = MLP(features(s(x))),   s scales the box of the problem to -1..1 on each axis,
    u(x) = N(x),   or   u(x) = g(x) + f(x) N(x)   with a hard constraint, which holds whatever the weights are.

What is trained, and later converted to spikes, is the perceptron alone; scaling, features and constraint are digital
work around it.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn.models._options import seeded
from axbar.nn.pinn._layers import Box, FourierFeatures, UnitBox, check_spreads, perceptron
from axbar.nn.pinn._taylor import propagate
from axbar.nn.pinn.fields import Constraint, Output, Points

__all__ = ["PinnNet"]


class PinnNet(nn.Module):
    """A perceptron from points ``[P, D]`` to outputs ``[P, K]``.

    Args:
        box: lower and upper end of each of the D axes.
        hidden: widths of the hidden layers.
        outputs: K.
        activation: ``tanh``, ``sin``, ``gelu``, ``silu`` or ``relu``; the second derivatives of the last are 0, so it
            fits data but solves no equation of second order.
        constraint: what the solution is known to be, e.g. on the boundary.
        fourier: per axis the spreads of random Fourier features of the inputs, see ``FourierFeatures``.
        features: of each block of them.
        seed: of weights and frequencies.

    Raises:
        UsageError: the activation is unknown.
        OptionError: a width, the box or a spread is out of range.

    >>> net = PinnNet([(-1, 1), (0, 1)], hidden=(8, 8), outputs=3)
    >>> net(torch.zeros(5, 2)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        box: Box,
        hidden: Sequence[int] = (32, 32, 32),
        outputs: int = 1,
        *,
        activation: str = "tanh",
        constraint: Constraint | None = None,
        fourier: Sequence[Sequence[float]] | None = None,
        features: int = 32,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.scale = UnitBox(box)
        self.features: nn.Module = nn.Identity()
        inputs = len(box)
        if fourier is not None:
            check_spreads(fourier, inputs)
            generator = torch.Generator().manual_seed(seed)
            self.features = FourierFeatures(fourier, features, generator)
            inputs = 2 * len(self.features.frequencies)
        with seeded(seed):
            self.perceptron: nn.Module = perceptron([inputs, *hidden, outputs], activation)
        self.constraint = constraint

    def forward(self, points: Tensor) -> Tensor:
        """Return the solution ``[P, K]``; points are taken in the type of the weights."""
        points = self._check(points)
        outputs = self.perceptron(self.inner_inputs(points))
        return outputs if self.constraint is None else self.constraint.apply(points, outputs)

    def inner_inputs(self, points: Tensor) -> Tensor:
        """Return what the perceptron reads at ``points[P, D]``: scaled points, or features of them."""
        return self.features(self.scale(self._check(points)))

    def outputs(self, points: Points, seconds: Sequence[int]) -> list[Output]:
        """Return the K outputs before any constraint with their derivatives; see ``TaylorField``."""
        if not isinstance(points, Tensor):
            raise ModelError(
                "a PinnNet takes scattered points [P, D], not axes; give grid_points(axes), or take a SeparableNet."
            )
        return _forward_outputs(
            nn.Sequential(self.scale, self.features, self.perceptron), self._check(points), seconds
        )

    def carried(self, inner: nn.Module) -> PinnNet:
        """Return a copy with another module in place of the perceptron, e.g. a spiking one.

        Args:
            inner: maps ``[P, inputs]`` to ``[P, K]``; it is not copied, and the rest takes its float type.
        """
        others = {id(self.perceptron): inner}  # what deepcopy finds here it takes as already copied
        copied = copy.deepcopy(self, others)
        kind = next(
            (w.dtype for w in inner.parameters() if w.is_floating_point()), self.scale.half_width.dtype
        )
        copied.scale.to(kind)
        copied.features.to(kind)
        return copied

    def _check(self, points: Tensor) -> Tensor:
        dimension = len(self.scale.half_width)
        if points.ndim != 2 or points.shape[1] != dimension:
            raise ModelError(
                f"points {tuple(points.shape)} do not fit a network of {dimension} inputs; give [P, {dimension}]."
            )
        return points.to(self.scale.half_width)


def _forward_outputs(layers: nn.Module, points: Tensor, seconds: Sequence[int]) -> list[Output]:
    """Run one pass along all axes, those with second derivatives first."""
    dimension = points.shape[1]
    order = [*seconds, *(i for i in range(dimension) if i not in seconds)]
    directions = torch.eye(dimension, dtype=points.dtype, device=points.device)[order]
    pass_ = _Pass(layers, points)
    series = propagate(layers, points, directions, len(seconds))
    return [
        _ForwardOutput(pass_, k, series.value[:, k], series.first[..., k], series.second[..., k], order)
        for k in range(series.value.shape[1])
    ]


class _Pass:
    """Second derivatives along any direction, for all outputs, each computed once."""

    def __init__(self, layers: nn.Module, points: Tensor) -> None:
        self._layers, self._points = layers, points
        self._cache: dict[tuple[int, ...], Tensor] = {}

    def along(self, *axes: int) -> Tensor:
        """Return ∂²/∂ε² of the outputs ``[P, K]`` at x + ε Σ e_i."""
        if axes not in self._cache:
            direction = self._points.new_zeros(1, self._points.shape[1])
            direction[0, list(axes)] = 1
            self._cache[axes] = propagate(self._layers, self._points, direction, 1).second[0]
        return self._cache[axes]


class _ForwardOutput:
    """One output of a perceptron, from coefficients along the axes."""

    def __init__(
        self, pass_: _Pass, k: int, value: Tensor, first: Tensor, second: Tensor, order: list[int]
    ) -> None:
        self.value = value
        self._pass, self._k, self._first, self._second, self._order = pass_, k, first, second, order

    def d(self, i: int) -> Tensor:
        return self._first[self._order.index(i)].expand_as(self.value)

    def dd(self, i: int, j: int) -> Tensor:
        if i != j:  # u_ij = (u_vv - u_ii - u_jj) / 2 along v = e_i + e_j
            both = self._pass.along(*sorted((i, j)))[:, self._k]
            return (both - self.dd(i, i) - self.dd(j, j)) / 2
        place = self._order.index(i)
        found = self._second[place] if place < len(self._second) else self._pass.along(i)[:, self._k]
        return found.expand_as(self.value)
