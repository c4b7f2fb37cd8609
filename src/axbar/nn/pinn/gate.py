"""How good a network's solution is, against the exact one on points that it was not trained on.

    rel L2 of output k = |u_k - u_k*|_2 / |u_k*|_2        over an even grid of the box, ends included

An output that is known up to a function of time (``Problem.floating``) has its mean over space subtracted first, at
each time, from both.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from axbar.errors import ModelError, OptionError, is_whole
from axbar.nn.pinn._points import even_axes
from axbar.nn.pinn.fields import grid_points
from axbar.nn.pinn.problems import Problem, find_problem

__all__ = ["check_solved", "held_out_points", "relative_differences", "relative_errors"]

#: points per axis of the held-out grid, by the number of axes
_PER_AXIS = {1: 1001, 2: 101, 3: 25, 4: 11}


def held_out_points(problem: str | Problem, per_axis: int | None = None) -> Tensor:
    """Return the even grid ``[N^D, D]`` that errors are measured on, in float64, the last axis fastest.

    Args:
        problem: or its name.
        per_axis: N; 101 in two dimensions and 11 in four unless given.

    Raises:
        OptionError: N is below 2.
    """
    problem = find_problem(problem)
    count = per_axis or _PER_AXIS.get(problem.dimension, 11)
    if not is_whole(count, 2, 10**6):
        raise OptionError(
            f"a held-out grid of {per_axis} points per axis is out of range; give a whole number from 2."
        )
    return grid_points(even_axes(problem.box, [count] * problem.dimension))


def relative_errors(
    problem: str | Problem, network: Callable[[Tensor], Tensor], per_axis: int | None = None
) -> dict[str, float]:
    """Return the relative L2 error of each output against the exact solution.

    Args:
        problem: or its name.
        network: ``[P, D]`` to ``[P, K]``.
        per_axis: points per axis, as in ``held_out_points``.

    >>> errors = relative_errors("poisson", lambda points: 1.02 * find_problem("poisson").exact(points))
    >>> round(errors["u"], 6)
    0.02
    """
    problem = find_problem(problem)
    points = held_out_points(problem, per_axis)
    return relative_differences(problem, network, problem.exact, points)


def relative_differences(
    problem: str | Problem,
    network: Callable[[Tensor], Tensor],
    reference: Callable[[Tensor], Tensor],
    points: Tensor,
) -> dict[str, float]:
    """Return |network - reference|_2 / |reference|_2 of each output, e.g. of a converted network to its original.

    Args:
        problem: or its name; says which outputs are known up to a function of time.
        network, reference: ``[P, D]`` to ``[P, K]``.
        points: ``[P, D]``; their last coordinate is the time of outputs that are known up to a function of it.

    Raises:
        ModelError: a result does not have one column per output, or holds values that are no numbers.
    """
    problem = find_problem(problem)
    with torch.no_grad():
        found, wanted = network(points).double(), reference(points).double()
    errors = {}
    for values, what in ((found, "the network"), (wanted, "the reference")):
        if values.shape != (len(points), len(problem.outputs)):
            raise ModelError(
                f"{what} gives {tuple(values.shape)} for {len(points)} points of problem '{problem.name}', which has "
                f"the outputs {', '.join(problem.outputs)}; it must give [{len(points)}, {len(problem.outputs)}]."
            )
    for k, name in enumerate(problem.outputs):
        u, v = found[:, k], wanted[:, k]
        if name in problem.floating:
            u, v = _centred(u, points[:, -1]), _centred(v, points[:, -1])
        errors[name] = float((u - v).norm() / v.norm())
    return errors


def _centred(values: Tensor, times: Tensor) -> Tensor:
    """Return values less their mean over all points of the same time."""
    _, which = torch.unique(times, return_inverse=True)
    sums = torch.zeros(int(which.max()) + 1, dtype=values.dtype).index_add(0, which, values)
    return values - (sums / torch.bincount(which))[which]


def check_solved(
    problem: str | Problem, network: Callable[[Tensor], Tensor], gate: float | None = None
) -> dict[str, float]:
    """Return the relative errors of a network that solves a problem; refuse one that does not.

    Args:
        problem: or its name.
        network: ``[P, D]`` to ``[P, K]``.
        gate: largest relative L2 error allowed in any output; the problem's unless given.

    Raises:
        ModelError: an error is above the gate, or no number.
    """
    problem = find_problem(problem)
    allowed = problem.gate if gate is None else gate
    errors = relative_errors(problem, network)
    worst = max(errors, key=lambda name: _rank(errors[name]))
    if not errors[worst] <= allowed:
        raise ModelError(
            f"the network's {worst} misses the exact solution of '{problem.name}' by {errors[worst]:.3g} (relative "
            f"L2), above the gate of {allowed:g}: it is not trained to the end; train it with solve, with more Adam "
            "steps or L-BFGS restarts, or give a higher gate."
        )
    return errors


def _rank(error: float) -> float:
    return error if error == error else float("inf")
