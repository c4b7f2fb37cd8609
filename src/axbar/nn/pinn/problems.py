"""Differential equations with known solutions, as data for one training loop.

A problem is a box, a residual that vanishes on solutions, conditions on faces of the box, and the exact solution that
errors are measured against (``exact``, which gives the equations). A residual reads a ``Field``, so that it serves
scattered points and grids. Networks take the hard constraint of a problem unless told otherwise, and the conditions it
holds by construction then leave the loss:

    Poisson              u = (1 - x²)(1 - y²) N
    diffusion-reaction   u = u_0(x) + t (π² - x²) N
    wave                 u = u_0(x) + t² x (1 - x) N      (the square: u_t = 0 at t = 0, too)
    Burgers              u = -sin πx + t (1 - x²) N

Beltrami flow has no such constraint, but weights of 100 on its conditions, as DeepXDE's example has; pressure has no
condition at all and is known up to a function of time. The gates are those under which a network is good enough to be
converted. Relative L2 errors reached with the settings of each problem, seed 0, one CPU thread:

    Poisson              0.007 %    27 s
    diffusion-reaction   0.09 %     62 s (two of its four L-BFGS runs)
    Burgers              0.55 %    136 s
    Beltrami flow        0.2 % in each velocity, 2.9 % in the pressure, 240 s (separable, 7.5 of its 12 runs)
    wave                 not solved: the network's waves die out with time, as small residuals allow (98 %)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from axbar.errors import UsageError, unknown_name
from axbar.nn.pinn import _residuals as residuals
from axbar.nn.pinn import exact
from axbar.nn.pinn._config import SolveConfig
from axbar.nn.pinn._points import Face
from axbar.nn.pinn.fields import Constraint, Field, Function
from axbar.nn.pinn.networks import PinnNet
from axbar.nn.pinn.separable import SeparableNet

__all__ = ["PROBLEMS", "Condition", "Problem", "find_problem"]


@dataclass(frozen=True)
class Condition:
    """Values, or a first derivative, of outputs on faces of the box.

    Args:
        name: for reports.
        faces: axis and end (0 lower, 1 higher) of each face.
        outputs: numbers of the outputs it concerns.
        weight: of its mean square in the loss.
        along: axis of the derivative that is given, which is 0; None for the values, which are the exact ones.
    """

    name: str
    faces: tuple[Face, ...]
    outputs: tuple[int, ...] = (0,)
    weight: float = 1.0
    along: int | None = None


@dataclass(frozen=True)
class Problem:
    """A differential equation on a box, with its exact solution.

    Args:
        name: as in ``PROBLEMS``.
        equation: in one line.
        axes: names of the D coordinates; time, if any, is last and called t.
        box: lower and upper end of each.
        outputs: names of the K outputs.
        residual: from a field to the equations' residuals, each in the shape of the field's points.
        seconds: axes along which it takes second derivatives.
        exact: ``[P, D]`` to ``[P, K]``.
        gate: largest relative L2 error of a trained network in each output, 0.01 for 1 %.
        hidden: widths of the hidden layers of the reference network.
        residual_weight: of the mean squares of the residuals in the loss.
        conditions: initial and boundary conditions; left to the constraint of a network that has one.
        constraint: hard constraint of the networks, if any.
        fourier: spreads of random features of the reference network, as in ``PinnNet``.
        floating: outputs that are known up to a function of time only.
        separable: widths of the hidden layers, and the rank, of the separable network.
        best: the kind of network that reaches the gate soonest, ``plain`` or ``separable``.
        config: settings under which that kind reaches the gate, but for the wave, where none are known here.
    """

    name: str
    equation: str
    axes: tuple[str, ...]
    box: tuple[tuple[float, float], ...]
    outputs: tuple[str, ...]
    residual: Callable[[Field], list[Tensor]]
    seconds: tuple[int, ...]
    exact: Function
    gate: float
    hidden: tuple[int, ...]
    residual_weight: float = 1.0
    conditions: tuple[Condition, ...] = ()
    constraint: Constraint | None = None
    fourier: tuple[tuple[float, ...], ...] | None = None
    floating: tuple[str, ...] = ()
    separable: tuple[tuple[int, ...], int] = ((32, 32), 16)
    best: Literal["plain", "separable"] = "plain"
    config: SolveConfig = field(default_factory=SolveConfig)

    @property
    def dimension(self) -> int:
        """D, the number of axes."""
        return len(self.axes)

    def best_network(self, seed: int = 0) -> PinnNet | SeparableNet:
        """Return an untrained network of the kind that reaches the gate soonest."""
        return self.separable_network(seed) if self.best == "separable" else self.network(seed)

    def network(self, seed: int = 0, activation: str = "tanh") -> PinnNet:
        """Return an untrained reference network, with the problem's hard constraint if it has one."""
        return PinnNet(
            self.box,
            self.hidden,
            len(self.outputs),
            activation=activation,
            constraint=self.constraint,
            fourier=self.fourier,
            seed=seed,
        )

    def separable_network(self, seed: int = 0, activation: str = "tanh") -> SeparableNet:
        """Return an untrained separable network, with the problem's hard constraint if it has one."""
        hidden, rank = self.separable
        return SeparableNet(
            self.box,
            hidden,
            len(self.outputs),
            rank,
            activation=activation,
            constraint=self.constraint,
            fourier=self.fourier,
            seed=seed,
        )


def find_problem(problem: str | Problem) -> Problem:
    """Return a problem by its name; a problem as it is.

    Raises:
        UsageError: the name is unknown (with the closest one).

    >>> find_problem("poisson").axes
    ('x', 'y')
    """
    if isinstance(problem, Problem):
        return problem
    if problem not in PROBLEMS:
        raise UsageError(unknown_name("problem", problem, PROBLEMS))
    return PROBLEMS[problem]


def _product(points: Tensor, factors: Sequence[Callable[[Tensor], Tensor]]) -> Tensor:
    """Return the product of functions of one axis each, ``[P, 1]``."""
    value = torch.ones_like(points[..., 0])
    for axis, factor in enumerate(factors):
        value = value * factor(points[..., axis])
    return value.unsqueeze(-1)


def _starting_at(solution: Function, factors: Sequence[Callable[[Tensor], Tensor]]) -> Constraint:
    """Return u = u_0(x) + factors N, with u_0 the solution at t = 0."""

    def base(points: Tensor) -> Tensor:
        return solution(torch.cat([points[..., :-1], torch.zeros_like(points[..., -1:])], -1))

    return Constraint(base, lambda points: _product(points, factors))


_WALLS_2D = ((0, 0), (0, 1), (1, 0), (1, 1))
_X_ENDS = ((0, 0), (0, 1))
_START = ((1, 0),)

PROBLEMS: dict[str, Problem] = {
    "poisson": Problem(
        name="poisson",
        equation="-Δu = 2π² sin πx sin πy",
        axes=("x", "y"),
        box=((-1.0, 1.0), (-1.0, 1.0)),
        outputs=("u",),
        residual=residuals.poisson,
        seconds=(0, 1),
        exact=exact.poisson,
        gate=0.01,
        hidden=(32, 32, 32),
        conditions=(Condition("boundary", _WALLS_2D, weight=100.0),),
        constraint=Constraint(
            lambda points: torch.zeros_like(points[..., :1]),
            lambda points: _product(points, [lambda x: 1 - x**2, lambda y: 1 - y**2]),
        ),
        config=SolveConfig(dtype="float32", lbfgs_restarts=4, lbfgs_steps=300),
    ),
    "diffusion-reaction": Problem(
        name="diffusion-reaction",
        equation="u_t = u_xx + e^-t [3/2 sin 2x + 8/3 sin 3x + 15/4 sin 4x + 63/8 sin 8x]",
        axes=("x", "t"),
        box=((-math.pi, math.pi), (0.0, 1.0)),
        outputs=("u",),
        residual=residuals.diffusion_reaction,
        seconds=(0,),
        exact=exact.diffusion_reaction,
        gate=0.01,
        hidden=(30,) * 6,
        conditions=(Condition("initial", _START, weight=100.0), Condition("boundary", _X_ENDS, weight=100.0)),
        constraint=_starting_at(exact.diffusion_reaction, [lambda x: math.pi**2 - x**2, lambda t: t]),
        config=SolveConfig(dtype="float32", adam_steps=2000, points=1000, lbfgs_restarts=4),
    ),
    "wave": Problem(
        name="wave",
        equation="u_tt = 100 u_xx",
        axes=("x", "t"),
        box=((0.0, 1.0), (0.0, 1.0)),
        outputs=("u",),
        residual=residuals.wave,
        seconds=(0, 1),
        exact=exact.wave,
        gate=0.05,
        hidden=(100, 100, 100),
        residual_weight=1e-4,
        conditions=(
            Condition("initial", _START, weight=10.0),
            Condition("initial velocity", _START, weight=0.01, along=1),
            Condition("boundary", _X_ENDS, weight=10.0),
        ),
        constraint=_starting_at(exact.wave, [lambda x: x * (1 - x), lambda t: t**2]),
        fourier=((1.0,), (1.0, 30.0)),
        config=SolveConfig(
            dtype="float32", lr=5e-3, adam_steps=4000, points=2000, axis_points=64, redraw_every=250
        ),
    ),
    "burgers": Problem(
        name="burgers",
        equation="u_t + u u_x = (0.01/π) u_xx",
        axes=("x", "t"),
        box=((-1.0, 1.0), (0.0, 0.99)),
        outputs=("u",),
        residual=residuals.burgers,
        seconds=(0,),
        exact=exact.burgers,
        gate=0.02,
        hidden=(20, 20, 20),
        conditions=(Condition("initial", _START, weight=10.0), Condition("boundary", _X_ENDS, weight=10.0)),
        constraint=_starting_at(exact.burgers, [lambda x: 1 - x**2, lambda t: t]),
        config=SolveConfig(
            dtype="float32",
            adam_steps=2000,
            lr=5e-3,
            points=2000,
            redraw_every=500,
            adaptive=True,
            lbfgs_restarts=14,
            lbfgs_steps=400,
        ),
    ),
    "beltrami": Problem(
        name="beltrami",
        equation="w_t + (w·∇)w + ∇p = Δw, ∇·w = 0, w = (u, v, w)",
        axes=("x", "y", "z", "t"),
        box=((-1.0, 1.0), (-1.0, 1.0), (-1.0, 1.0), (0.0, 1.0)),
        outputs=("u", "v", "w", "p"),
        residual=residuals.beltrami,
        seconds=(0, 1, 2),
        exact=exact.beltrami,
        gate=0.03,
        hidden=(50,) * 4,
        conditions=(
            Condition("initial", ((3, 0),), outputs=(0, 1, 2), weight=100.0),
            Condition(
                "boundary", tuple((i, e) for i in range(3) for e in (0, 1)), outputs=(0, 1, 2), weight=100.0
            ),
        ),
        floating=("p",),
        best="separable",
        config=SolveConfig(
            dtype="float32",
            lr=1e-2,
            points=5000,
            condition_points=1200,
            axis_points=10,
            redraw_every=100,
            lbfgs_restarts=12,
            lbfgs_steps=300,
        ),
    ),
}
