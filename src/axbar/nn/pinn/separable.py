"""Separable networks: one small network per axis, multiplied and summed over a rank.

    u_k(x) = Σ_{q=1..r} Π_axes g_axis^{k,q}(x_axis)        (Cho et al., "Separable Physics-Informed Neural Networks",
                                                            NeurIPS 2023, eq. 5)

On a grid of N points per axis that takes D N evaluations of the axis networks instead of N^D; what remains dense is
the product, N^D r multiplications per output. It is worked out as a matrix product of two halves of the axes.
Derivatives come from forward mode on the axis networks: ∂/∂x_i replaces g_i by g_i' in the product, ∂²/∂x_i² by g_i''.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from axbar.errors import ModelError, OptionError, is_whole
from axbar.nn.models._options import seeded
from axbar.nn.pinn._layers import Box, FourierFeatures, UnitBox, check_spreads, perceptron
from axbar.nn.pinn._taylor import propagate
from axbar.nn.pinn.fields import Constraint, Output, Points, grid_points

__all__ = ["SeparableNet"]


class SeparableNet(nn.Module):
    """One perceptron per axis; outputs are sums of products of theirs.

    Args:
        box: lower and upper end of each of the D axes.
        hidden: widths of the hidden layers of each perceptron.
        outputs: K.
        rank: r, products per output.
        activation: as in ``PinnNet``.
        constraint: what the solution is known to be, e.g. on the boundary.
        fourier, features: random Fourier features of the inputs, as in ``PinnNet``, each axis its own.
        seed: of weights and frequencies.

    Raises:
        UsageError: the activation is unknown.
        OptionError: a width, the rank, the box or a spread is out of range.

    >>> net = SeparableNet([(-1, 1), (0, 1)], hidden=(8,), outputs=3, rank=4)
    >>> net(torch.zeros(5, 2)).shape, net.grid([torch.zeros(5), torch.zeros(7)]).shape
    (torch.Size([5, 3]), torch.Size([5, 7, 3]))
    """

    def __init__(
        self,
        box: Box,
        hidden: Sequence[int] = (32, 32),
        outputs: int = 1,
        rank: int = 16,
        *,
        activation: str = "tanh",
        constraint: Constraint | None = None,
        fourier: Sequence[Sequence[float]] | None = None,
        features: int = 16,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not is_whole(rank, 1, 4096) or not is_whole(outputs, 1, 4096):
            raise OptionError(
                f"rank {rank} or outputs {outputs} are out of range; give whole numbers from 1 to 4096."
            )
        self.encoders = nn.ModuleList(_encoders(box, fourier, features, seed))
        with seeded(seed):
            made = [perceptron([_width(e), *hidden, outputs * rank], activation) for e in self.encoders]
            for inner in made:
                _spread(inner, rank, len(box))
        self.perceptrons = nn.ModuleList(made)
        self.rank, self.n_outputs = rank, outputs
        self.constraint = constraint

    def forward(self, points: Tensor) -> Tensor:
        """Return the solution ``[P, K]`` at scattered points ``[P, D]``."""
        dimension = len(self.encoders)
        if points.ndim != 2 or points.shape[1] != dimension:
            raise ModelError(
                f"points {tuple(points.shape)} do not fit a network of {dimension} axes; give [P, {dimension}]."
            )
        points = points.to(self._like)
        product = self._factor(0, points[:, 0])
        for i in range(1, dimension):
            product = product * self._factor(i, points[:, i])
        outputs = product.sum(-1)
        return outputs if self.constraint is None else self.constraint.apply(points, outputs)

    def grid(self, axes: Sequence[Tensor]) -> Tensor:
        """Return the solution ``[N_1, ..., N_D, K]`` on the grid of coordinates ``[N_i]`` per axis."""
        self._check_axes(axes)
        factors = [self._factor(i, axis.to(self._like)) for i, axis in enumerate(axes)]
        plain = [_GridOutput([[factor[:, k]] for factor in factors]).value for k in range(self.n_outputs)]
        outputs = torch.stack(plain, -1)
        if self.constraint is None:
            return outputs
        flat = grid_points([axis.to(self._like) for axis in axes])
        return self.constraint.apply(flat, outputs.flatten(0, -2)).view_as(outputs)

    def inner_inputs(self, i: int, coordinates: Tensor) -> Tensor:
        """Return what the perceptron of axis i reads at ``coordinates[N]``: ``[N, 1]``, or ``[N, features]``."""
        return self.encoders[i](coordinates.unsqueeze(-1).to(self._like))

    def outputs(self, points: Points, seconds: Sequence[int]) -> list[Output]:
        """Return the K outputs before any constraint with their derivatives; see ``TaylorField``."""
        if isinstance(points, Tensor):
            raise ModelError(
                "a SeparableNet differentiates forward on grids; give a tuple with the coordinates of each axis, or "
                "take PointField for scattered points."
            )
        self._check_axes(points)
        series = [self._series(i, axis.to(self._like)) for i, axis in enumerate(points)]
        return [
            _GridOutput([[part[:, k] for part in axis] for axis in series]) for k in range(self.n_outputs)
        ]

    def carried(self, inners: Sequence[nn.Module]) -> SeparableNet:
        """Return a copy with other modules in place of the perceptrons, one per axis, e.g. spiking ones.

        Args:
            inners: each maps its ``inner_inputs`` to ``[N, K r]``; they are not copied, and the rest takes their
                float type.

        Raises:
            ModelError: there are more or fewer than axes.
        """
        if len(inners) != len(self.perceptrons):
            raise ModelError(f"{len(inners)} modules for {len(self.perceptrons)} axes; give one per axis.")
        others = {id(old): new for old, new in zip(self.perceptrons, inners, strict=True)}
        copied = copy.deepcopy(self, others)
        kind = next(
            (w.dtype for i in inners for w in i.parameters() if w.is_floating_point()), self._like.dtype
        )
        copied.encoders.to(kind)
        return copied

    def _check_axes(self, axes: Sequence[Tensor]) -> None:
        if len(axes) != len(self.encoders) or any(axis.ndim != 1 for axis in axes):
            raise ModelError(
                f"a grid of axes {[tuple(axis.shape) for axis in axes]} does not fit a network of "
                f"{len(self.encoders)} axes; give a tuple of that many tensors [N]."
            )

    @property
    def _like(self) -> Tensor:
        """A tensor of the type that the axis networks compute in."""
        return next(self.encoders.buffers())

    def _factor(self, i: int, coordinates: Tensor) -> Tensor:
        """Return g_i ``[N, K, r]``."""
        return self._split(self.perceptrons[i](self.inner_inputs(i, coordinates)))

    def _series(self, i: int, coordinates: Tensor) -> list[Tensor]:
        """Return g_i, g_i' and g_i'', each ``[N, K, r]``."""
        layers = nn.Sequential(self.encoders[i], self.perceptrons[i])
        column = coordinates.unsqueeze(-1)
        series = propagate(layers, column, column.new_ones(1, 1), 1)
        return [self._split(part) for part in (series.value, series.first[0], series.second[0])]

    def _split(self, flat: Tensor) -> Tensor:
        return flat.unflatten(-1, (self.n_outputs, self.rank))


def _encoders(
    box: Box, fourier: Sequence[Sequence[float]] | None, features: int, seed: int
) -> list[nn.Sequential]:
    """Return what stands before the perceptron of each axis."""
    if fourier is None:
        return [nn.Sequential(UnitBox([ends])) for ends in box]
    check_spreads(fourier, len(box))
    generator = torch.Generator().manual_seed(seed)
    return [
        nn.Sequential(UnitBox([ends]), FourierFeatures([spreads], features, generator))
        for ends, spreads in zip(box, fourier, strict=True)
    ]


def _width(encoder: nn.Module) -> int:
    """Return the number of an encoder's outputs for one coordinate."""
    return int(encoder(torch.zeros(1, 1)).shape[1])


def _spread(inner: nn.Sequential, rank: int, dimension: int) -> None:
    """Draw the last weights so that a sum of r products of D factors starts at the size of one factor."""
    last = inner[-1]
    assert isinstance(last, nn.Linear)
    nn.init.normal_(last.weight, 0.0, rank ** (-1 / (2 * dimension)) / math.sqrt(last.in_features))


class _GridOutput:
    """One output on a grid, from factors and their derivatives per axis, ``factors[axis][order]`` ``[N, r]``."""

    def __init__(self, factors: list[list[Tensor]]) -> None:
        self._factors = factors
        self._halves: dict[tuple[int, ...], Tensor] = {}
        self._cache: dict[tuple[int, ...], Tensor] = {}

    @property
    def value(self) -> Tensor:
        return self._product([0] * len(self._factors))

    def d(self, i: int) -> Tensor:
        return self._product([int(axis == i) for axis in range(len(self._factors))])

    def dd(self, i: int, j: int) -> Tensor:
        return self._product([(axis == i) + (axis == j) for axis in range(len(self._factors))])

    def _product(self, orders: list[int]) -> Tensor:
        """Return the sum over the rank of factors differentiated ``orders[axis]`` times, ``[N_1, ..., N_D]``."""
        key = tuple(orders)
        if key not in self._cache:
            middle = len(orders) // 2
            left, right = self._half(0, key[:middle]), self._half(middle, key[middle:])
            shape = [len(axis[0]) for axis in self._factors]
            self._cache[key] = (left @ right.T).reshape(shape)
        return self._cache[key]

    def _half(self, start: int, orders: tuple[int, ...]) -> Tensor:
        """Return products of the factors of some axes at all their points, ``[N_start · ..., r]``."""
        key = (start, *orders)
        if key not in self._halves:
            factors = [self._factors[start + i][order] for i, order in enumerate(orders)]
            rank = self._factors[0][0].shape[-1]
            product = self._factors[0][0].new_ones(1, rank)
            for factor in factors:
                product = (product.unsqueeze(1) * factor.unsqueeze(0)).reshape(-1, rank)
            self._halves[key] = product
        return self._halves[key]
