"""Maximum likelihood of a few parameters, with profile-likelihood intervals.

The interval of a parameter holds all values that the data do not refuse:

    { v :  2 (min loss(theta) - min loss(theta | theta_i = v))  >=  -q^2 },      q = t_0.975(degrees of freedom),

loss being the negative log-likelihood (Venzon and Moolgavkar, Applied Statistics 37, 87, 1988). Unlike
``estimate +- 2 standard errors`` it keeps to the allowed range and holds where a spread is near 0. Student's q
instead of 1.96 makes up for the spread of variance estimates from few cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

__all__ = ["Fitted", "Problem", "maximise"]

Floats = NDArray[np.float64]
#: parameters ``[p]`` -> negative log-likelihood and its gradient ``[p]``
Loss = Callable[[Floats], tuple[float, Floats]]

_TOLERANCE = 1e-7  # of the loss
_CLOSE = 0.02  # of q, at an end of an interval
_FAR = 30.0  # standard errors to a bound that need not be watched
_BETTER = 1e-3  # a profile that finds a loss lower by this much has found the true minimum


@dataclass(frozen=True)
class Problem:
    """A likelihood and where its parameters may lie.

    Args:
        names: of the parameters ``[p]``.
        loss: negative log-likelihood with gradient.
        start: where to begin ``[p]``.
        scale: size of a step that matters ``[p]``, > 0.
        lower, upper: bounds ``[p]``.
        sums: ``sums @ theta >= 0`` is demanded ``[k, p]``.
    """

    names: tuple[str, ...]
    loss: Loss
    start: Floats
    scale: Floats
    lower: Floats
    upper: Floats
    sums: Floats


@dataclass(frozen=True)
class Fitted:
    """The maximum of a likelihood.

    Args:
        values: name -> estimate.
        intervals: name -> ends of the 95 % interval.
        loss: negative log-likelihood there.
        information: second derivatives of the loss ``[p, p]``, in the order of ``values``.
    """

    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    loss: float
    information: Floats


def maximise(problem: Problem, q: float, wanted: tuple[str, ...] | None = None) -> Fitted:
    """Find the most likely parameters and the intervals of those ``wanted``.

    Args:
        problem: likelihood, start and bounds.
        q: half width of an interval in standard errors, 1.96 for 95 % of many cells.
        wanted: parameters to give intervals for; all if None.
    """
    rough = np.diag(1 / problem.scale**2)
    theta, loss = _descend(problem, problem.start, rough)
    again, lower_loss = _descend(problem, theta + 0.5 * problem.scale, rough)
    if lower_loss < loss - _BETTER:
        theta, loss = again, lower_loss
    names = problem.names if wanted is None else wanted
    metric = _curvature(problem, theta)
    ends: dict[str, list[float]] = {}
    for give_up in (False, False, True):
        ends, better = _all_ends(problem, theta, loss, metric, q, names, give_up)
        if better is None:
            break
        theta, loss = _descend(problem, better, rough)
        metric = _curvature(problem, theta)
    return Fitted(
        dict(zip(problem.names, theta.tolist(), strict=True)),
        {name: (ends[name][0], ends[name][1]) for name in names},
        loss,
        metric,
    )


def _all_ends(
    problem: Problem,
    theta: Floats,
    loss: float,
    curvature: Floats,
    q: float,
    names: tuple[str, ...],
    last_round: bool,
) -> tuple[dict[str, list[float]], Floats | None]:
    """Return both ends of every interval; before the last round, a better minimum that turns up on the way."""
    metric = _upward(curvature, problem.scale)
    covariance = np.linalg.inv(metric)
    ends: dict[str, list[float]] = {}
    for name in names:
        i = problem.names.index(name)
        ends[name] = []
        path = covariance[:, i] / covariance[i, i]
        for side in (-1.0, 1.0):
            walk = _Walk(problem, metric, theta, loss, i, side * path, float(np.sqrt(covariance[i, i])), q)
            end, better = _end(walk)
            if better is not None and not last_round:
                return ends, better
            ends[name].append(end)
    return ends, None


@dataclass(frozen=True)
class _Walk:
    """From the estimate ``theta`` outwards in parameter ``i``; ``path``: how all move with it."""

    problem: Problem
    metric: Floats
    theta: Floats
    loss: float
    i: int
    path: Floats
    error: float
    q: float


def _end(walk: _Walk) -> tuple[float, Floats | None]:
    """Walk to where the data refuse the value; a bound of the parameter ends the walk."""
    i, q, side = walk.i, walk.q, float(walk.path[walk.i])
    here = float(walk.theta[i])
    bound = float(walk.problem.upper[i] if side > 0 else walk.problem.lower[i])
    reach = abs(bound - here)
    inner, outer = (0.0, 0.0), (np.inf, np.inf)  # (distance, root of twice the loss gained)
    step, warm = min(q * walk.error, reach), walk.theta
    for _ in range(25):
        at = warm + walk.path * (step - inner[0])
        at[i] = here + side * step
        found, value = _descend(walk.problem, at, walk.metric, fixed=i)
        if value < walk.loss - _BETTER:
            return here, found
        root = float(np.sqrt(2 * max(value - walk.loss, 0.0)))
        if abs(root - q) < _CLOSE * q or (root < q and step >= reach):
            break
        if root < q:
            inner, warm = (step, root), found
        else:
            outer = (step, root)
        if np.isfinite(outer[0]) and outer[0] - inner[0] < 1e-6 * outer[0]:
            break
        step = _next_step(inner, outer, q, reach)
    return here + side * step, None


def _next_step(inner: tuple[float, float], outer: tuple[float, float], q: float, reach: float) -> float:
    """Return the next distance to try: the root grows nearly in proportion to the distance."""
    if not np.isfinite(outer[0]):
        grown = inner[0] * (q / inner[1] if inner[1] > 0.2 * q else 5.0)
        return min(max(grown, inner[0] * 1.02), reach)
    share = (q - inner[1]) / (outer[1] - inner[1]) if np.isfinite(outer[1]) else 0.5
    return inner[0] + min(max(share, 0.02), 0.98) * (outer[0] - inner[0])


def _descend(
    problem: Problem, start: Floats, metric: Floats, fixed: int | None = None
) -> tuple[Floats, float]:
    """Return the minimum within the bounds, one parameter held where ``start`` has it if asked.

    ``metric`` (second derivatives, positive definite) sets the steps of the search.
    """
    free = np.array([i for i in range(len(start)) if i != fixed], dtype=np.int64)
    theta = np.clip(start, problem.lower, problem.upper)
    if free.size == 0:
        return theta, _allowed_loss(problem, theta)
    # in u every direction curves alike, so that the search needs few steps
    basis = np.linalg.inv(np.linalg.cholesky(metric[np.ix_(free, free)])).T

    def loss_of(u: Floats) -> tuple[float, Floats]:
        whole = theta.copy()
        whole[free] += basis @ u
        value, gradient = problem.loss(whole)
        return value, basis.T @ gradient[free]

    slope = np.vstack([problem.sums[:, free] @ basis, basis, -basis])
    slack = np.concatenate(
        [problem.sums @ theta, (theta - problem.lower)[free], (problem.upper - theta)[free]]
    )
    with np.errstate(all="ignore"):
        done = optimize.minimize(
            loss_of,
            np.zeros(len(free)),
            jac=True,
            method="SLSQP",
            constraints=[{"type": "ineq", "fun": lambda u: slope @ u + slack, "jac": lambda u: slope}],
            options={"ftol": _TOLERANCE, "maxiter": 100},
        )
    found = theta.copy()
    # the solver may end a hair outside of a bound
    found[free] = np.clip(found[free] + basis @ done.x, problem.lower[free], problem.upper[free])
    value, before = _allowed_loss(problem, found), _allowed_loss(problem, theta)
    return (found, value) if value <= before else (theta, before)


def _allowed_loss(problem: Problem, theta: Floats) -> float:
    """Return the loss, infinite where a demanded sum is below 0."""
    slack = 1e-6 * np.abs(problem.sums) @ problem.scale
    return np.inf if np.any(problem.sums @ theta < -slack) else problem.loss(theta)[0]


def _curvature(problem: Problem, theta: Floats) -> Floats:
    """Return second derivatives of the loss from differences of its gradient."""
    step = 1e-4 * problem.scale
    columns: list[Floats] = []
    for i, h in enumerate(step):
        ahead, behind = theta.copy(), theta.copy()
        ahead[i] += h
        behind[i] -= h
        columns.append((problem.loss(ahead)[1] - problem.loss(behind)[1]) / (2 * h))
    matrix = np.array(columns)
    return (matrix + matrix.T) / 2


def _upward(curvature: Floats, scale: Floats) -> Floats:
    """Return second derivatives that are positive in every direction: at a bound the loss may curve down."""
    values, vectors = np.linalg.eigh(curvature * scale[:, None] * scale[None])
    unit = (vectors * np.maximum(np.abs(values), 0.1)) @ vectors.T
    return unit / scale[:, None] / scale[None]
