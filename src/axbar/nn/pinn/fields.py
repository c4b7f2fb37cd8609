"""What a differential equation sees of a network: its outputs and their derivatives, however they are computed.

A residual is written once, against a ``Field``: ``field[k]`` is output k with its ``value``, ``d(i)`` = ∂/∂x_i and
``dd(i, j)`` = ∂²/∂x_i ∂x_j, and ``field.x(i)`` coordinate i; they broadcast against each other. Two ways to get them:

* ``PointField``: reverse mode, for any network that maps points ``[P, D]`` to outputs ``[P, K]``;
* ``TaylorField``: forward mode (``_taylor``), for a ``PinnNet`` at scattered points or a ``SeparableNet`` on a grid,
  several times faster. Where the network's solution is u = g + f N (a hard constraint), the product rule is applied
  to the derivatives of the known functions g and f, which are worked out once per set of points (``known``).

Derivatives are computed when first asked for and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from axbar.errors import ModelError

__all__ = [
    "Constraint",
    "Differentiable",
    "Field",
    "Known",
    "Output",
    "PointField",
    "Points",
    "TaylorField",
    "grid_points",
    "known",
]

#: scattered points ``[P, D]``, or the coordinates ``[N_i]`` of each of D axes, for their grid ``[N_1, ..., N_D]``
Points = Tensor | tuple[Tensor, ...]
Function = Callable[[Tensor], Tensor]


class Output(Protocol):
    """One output of a network, and its derivatives, at all points: tensors ``[P]`` or ``[N_1, ..., N_D]``."""

    @property
    def value(self) -> Tensor:
        """The output."""
        ...

    def d(self, i: int) -> Tensor:
        """Return the first derivative along axis i."""
        ...

    def dd(self, i: int, j: int) -> Tensor:
        """Return the second derivative along axes i and j."""
        ...


class Field(Protocol):
    """All outputs of a network at a set of points."""

    def __getitem__(self, k: int) -> Output:
        """Return output k."""
        ...

    def x(self, i: int) -> Tensor:
        """Return coordinate i, in a shape that broadcasts against the outputs."""
        ...


class Differentiable(Protocol):
    """A network that computes its derivatives forward."""

    constraint: Constraint | None

    def outputs(self, points: Points, seconds: Sequence[int]) -> list[Output]:
        """Return the K outputs before any constraint; second derivatives along ``seconds`` are cheap."""
        ...


@dataclass(frozen=True)
class Constraint:
    """A hard constraint: the solution is u = base(x) + factor(x) N(x) of a network N, and factor 0 where u is known.

    Args:
        base: g, ``[P, D]`` to ``[P, K]``, or to ``[P, 1]`` for all outputs alike.
        factor: f, likewise.
    """

    base: Function
    factor: Function

    def apply(self, points: Tensor, outputs: Tensor) -> Tensor:
        """Return u at ``points[P, D]`` from the network's ``outputs[P, K]``."""
        return self.base(points) + self.factor(points) * outputs


class PointField:
    """Outputs of any function of scattered points, differentiated in reverse mode.

    Args:
        network: ``[P, D]`` to ``[P, K]``; a module or a plain function, an exact solution for one.
        points: ``[P, D]``, detached.

    >>> field = PointField(lambda x: x[:, :1] ** 2 * x[:, 1:], torch.tensor([[2.0, 3.0]]))
    >>> [float(part.detach()) for part in (field[0].value, field[0].d(0), field[0].dd(0, 1))]
    [12.0, 12.0, 4.0]
    """

    def __init__(self, network: Function, points: Tensor) -> None:
        self._points = points.detach().clone().requires_grad_()
        self._values = network(self._points)
        self._outputs: dict[int, _ReverseOutput] = {}

    def __getitem__(self, k: int) -> Output:
        """Return output k."""
        if k not in self._outputs:
            self._outputs[k] = _ReverseOutput(self._values[:, k], self._points)
        return self._outputs[k]

    def x(self, i: int) -> Tensor:
        """Return coordinate i, ``[P]``."""
        return self._points[:, i]


class _ReverseOutput:
    """One output, with its gradient and the rows of its Hessian kept."""

    def __init__(self, value: Tensor, points: Tensor) -> None:
        self.value = value
        self._points = points
        self._gradient: Tensor | None = None
        self._rows: dict[int, Tensor] = {}

    def d(self, i: int) -> Tensor:
        if self._gradient is None:
            self._gradient = _gradient(self.value, self._points)
        return self._gradient[:, i]

    def dd(self, i: int, j: int) -> Tensor:
        if j in self._rows:
            return self._rows[j][:, i]
        if i not in self._rows:
            self._rows[i] = _gradient(self.d(i), self._points)
        return self._rows[i][:, j]


def _gradient(values: Tensor, points: Tensor) -> Tensor:
    """Return the gradient ``[P, D]`` of values ``[P]``, zero where they do not depend on the points."""
    if not values.requires_grad:
        return torch.zeros_like(points)
    (found,) = torch.autograd.grad(
        values.sum(), points, create_graph=True, allow_unused=True, materialize_grads=True
    )
    return found


class TaylorField:
    """Outputs of a network of this package, differentiated in forward mode.

    Args:
        network: a ``PinnNet`` or ``SeparableNet``.
        points: ``[P, D]`` for the one, the coordinates of D axes for the other.
        seconds: axes along which second derivatives will be asked for; others cost a pass of their own.
        known_parts: what ``known`` returns for the network's constraint at these points, if it is at hand.
    """

    def __init__(
        self,
        network: Differentiable,
        points: Points,
        seconds: Sequence[int] | None = None,
        known_parts: Known | None = None,
    ) -> None:
        dimension = points.shape[-1] if isinstance(points, Tensor) else len(points)
        self._points = points
        self._outputs = network.outputs(points, range(dimension) if seconds is None else seconds)
        if network.constraint is not None:
            parts = known_parts or known(network.constraint, points)
            self._outputs = [_ConstrainedOutput(*parts.of(k), o) for k, o in enumerate(self._outputs)]

    def __getitem__(self, k: int) -> Output:
        """Return output k."""
        return self._outputs[k]

    def x(self, i: int) -> Tensor:
        """Return coordinate i: ``[P]``, or ``[1, ..., N_i, ..., 1]`` on a grid."""
        if isinstance(self._points, Tensor):
            return self._points[:, i]
        shape = [1] * len(self._points)
        shape[i] = -1
        return self._points[i].view(shape)


class Known:
    """Derivatives of a constraint's functions at fixed points, each worked out once."""

    def __init__(self, fields: Sequence[Field], widths: Sequence[int], shape: Sequence[int]) -> None:
        self._fields, self._widths, self._shape = fields, widths, shape
        self._cache: dict[tuple[int, int], _KnownOutput] = {}

    def of(self, k: int) -> tuple[Output, Output]:
        """Return base and factor of output k."""
        return self._part(0, k), self._part(1, k)

    def _part(self, which: int, k: int) -> Output:
        k = min(k, self._widths[which] - 1)  # one column serves all outputs
        if (which, k) not in self._cache:
            self._cache[which, k] = _KnownOutput(self._fields[which][k], self._shape)
        return self._cache[which, k]


def known(constraint: Constraint, points: Points) -> Known:
    """Return the functions of a constraint with their derivatives at ``points``."""
    flat = points if isinstance(points, Tensor) else grid_points(points)
    shape = flat.shape[:1] if isinstance(points, Tensor) else [len(axis) for axis in points]
    functions = constraint.base, constraint.factor
    widths = [function(flat[:1]).shape[-1] for function in functions]
    return Known([PointField(function, flat) for function in functions], widths, shape)


def grid_points(axes: Sequence[Tensor]) -> Tensor:
    """Return all points ``[N_1 · ... · N_D, D]`` of a grid, the last axis fastest.

    >>> grid_points([torch.tensor([0.0, 1.0]), torch.tensor([5.0])])
    tensor([[0., 5.],
            [1., 5.]])
    """
    if not axes:
        raise ModelError("a grid without axes has no points; give one tensor of coordinates per axis.")
    return torch.stack([m.flatten() for m in torch.meshgrid(*axes, indexing="ij")], -1)


class _KnownOutput:
    """A known function without gradients to anything, in the shape of the points."""

    def __init__(self, inner: Output, shape: Sequence[int]) -> None:
        self._inner = inner
        self._shape = tuple(shape)
        self.value = inner.value.detach().reshape(self._shape)
        self._cache: dict[tuple[int, ...], Tensor] = {}

    def d(self, i: int) -> Tensor:
        if (i,) not in self._cache:
            self._cache[i,] = self._inner.d(i).detach().reshape(self._shape)
        return self._cache[i,]

    def dd(self, i: int, j: int) -> Tensor:
        if (i, j) not in self._cache:
            self._cache[i, j] = self._inner.dd(i, j).detach().reshape(self._shape)
        return self._cache[i, j]


class _ConstrainedOutput:
    """u = g + f n by the product rule."""

    def __init__(self, base: Output, factor: Output, inner: Output) -> None:
        self._g, self._f, self._n = base, factor, inner

    @property
    def value(self) -> Tensor:
        return self._g.value + self._f.value * self._n.value

    def d(self, i: int) -> Tensor:
        return self._g.d(i) + self._f.d(i) * self._n.value + self._f.value * self._n.d(i)

    def dd(self, i: int, j: int) -> Tensor:
        crossed = self._f.d(i) * self._n.d(j) + self._f.d(j) * self._n.d(i)
        bent = self._f.dd(i, j) * self._n.value + self._f.value * self._n.dd(i, j)
        return self._g.dd(i, j) + bent + crossed
