"""One multiplicative factor per kind of component, fitted to measured energies.

Minimised over theta = ln(factor):

    sum over chips of mean over points of sum over measurements of (ln sum_k exp(theta_k) m_k - ln measured)^2
        + lambda |theta|^2,

m_k the modelled energies of the kinds that one measurement covers: a component where a breakdown is published, all
of them where only the total is. Every chip weighs the same, however many points it has. lambda is the square of
how far chips scatter around such a model, over how far factors are expected to lie from 1 (both in logarithms).

Between chips both are about x/÷ 2: lambda = 1, a kind measured by itself on one chip moves half of the way, on n chips
n / (n + 1) of it. Between points of one chip the scatter is about x/÷ 1.15 (other voltages and precisions of published
chips): lambda = 0.04, one point moves a kind 96 % of the way. Gauss-Newton, halved steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from axbar.cost._types import Floats

__all__ = ["SHRINKAGE", "SHRINKAGE_OWN", "Observation", "fit_factors"]

SHRINKAGE = 1.0
SHRINKAGE_OWN = 0.04
_STEPS = 60


@dataclass(frozen=True)
class Observation:
    """One measured energy and what the model says of it.

    Args:
        chip: measurements of one chip share the weight of one.
        measured_J: measured.
        modelled_J: kind -> energy, of the kinds that the measurement covers.
        point: operating point; components of one point each count in full.
    """

    chip: str
    measured_J: float
    modelled_J: Mapping[str, float]
    point: str = ""


def fit_factors(observations: Sequence[Observation], shrinkage: float = SHRINKAGE) -> dict[str, float]:
    """Return the factor of every kind that the observations cover; 1 where there is no model energy.

    >>> seen = [Observation("a", 4.0, {"array": 1.0}), Observation("b", 4.0, {"array": 1.0})]
    >>> round(fit_factors(seen)["array"], 3)
    2.52
    """
    kinds = sorted({k for o in observations for k, v in o.modelled_J.items() if v > 0.0})
    if not kinds:
        return {}
    modelled = np.array([[o.modelled_J.get(k, 0.0) for k in kinds] for o in observations])
    rows = modelled.sum(axis=1) > 0.0
    measured = np.log(np.array([o.measured_J for o in observations]))[rows]
    weight = _weights([o for o, used in zip(observations, rows, strict=True) if used])
    theta = _solve(modelled[rows], measured, weight, shrinkage)
    return {kind: float(np.exp(t)) for kind, t in zip(kinds, theta, strict=True)}


def _weights(observations: Sequence[Observation]) -> Floats:
    """Return one over the number of points of each one's chip."""
    seen: dict[str, set[str]] = {}
    for o in observations:
        seen.setdefault(o.chip, set()).add(o.point)
    return np.array([1.0 / len(seen[o.chip]) for o in observations])


def _solve(modelled: Floats, measured: Floats, weight: Floats, shrinkage: float) -> Floats:
    count = len(modelled[0])
    theta: Floats = np.zeros(count, dtype=np.float64)
    loss = _loss(modelled, measured, weight, shrinkage, theta)
    for _ in range(_STEPS):
        scaled = modelled * np.exp(theta)
        total = scaled.sum(axis=1)
        residual, jacobian = np.log(total) - measured, scaled / total[:, None]
        normal = (jacobian * weight[:, None]).T @ jacobian + shrinkage * np.eye(count)
        gradient = (jacobian * weight[:, None]).T @ residual + shrinkage * theta
        step = _solved(normal, gradient)
        size = 1.0
        while size > 1e-6 and _loss(modelled, measured, weight, shrinkage, theta - size * step) > loss:
            size /= 2.0
        theta = theta - size * step
        loss = _loss(modelled, measured, weight, shrinkage, theta)
        if np.abs(size * step).max() < 1e-12:
            break
    return theta


def _solved(normal: Floats, gradient: Floats) -> Floats:
    # numpy's stubs leave the result of solve open
    return np.asarray(np.linalg.solve(normal, gradient), dtype=np.float64)  # pyright: ignore


def _loss(modelled: Floats, measured: Floats, weight: Floats, shrinkage: float, theta: Floats) -> float:
    residual = np.log((modelled * np.exp(theta)).sum(axis=1)) - measured
    return float((weight * residual * residual).sum() + shrinkage * (theta @ theta))
