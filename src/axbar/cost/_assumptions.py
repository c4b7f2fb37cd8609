"""How much of the energy rests on numbers without a source: assumed ones and those that a user set.

A component rests on such a number if any formula behind its energy reads it, and then with all of its energy:
shares of several numbers overlap and do not add up.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._basis import Basis, bases, is_weak, point_spec
from axbar.cost._engine import Plan
from axbar.cost._types import Floats, add_up

__all__ = ["assumed_share", "assumptions"]


def assumed_share(plan: Plan, energy_J: Floats, total_J: Floats) -> Floats:
    """Return the share of the energy, ``[P]``, that is spent in components with weak numbers behind them.

    Args:
        plan: the design points.
        energy_J: by component, ``[P, C]``.
        total_J: ``[P]``.
    """
    weak = np.zeros(plan.sweep.points)
    for number in range(len(plan.words)):
        members = np.flatnonzero(plan.group == number)
        columns = [i for i, found in enumerate(_weak(plan, int(members[0]))) if found]
        if columns:
            weak[members] = add_up(energy_J[members][:, columns].T)
    return np.divide(weak, total_J, out=np.zeros_like(weak), where=total_J > 0)


def assumptions(plan: Plan, energy_J: Floats, total_J: float) -> tuple[tuple[Basis, float], ...]:
    """Return the weak numbers behind the first point, with the share of its energy that rests on each.

    Args:
        plan: the design points.
        energy_J: of the first point by component, ``[C]``.
        total_J: of the first point.
    """
    found: dict[str, tuple[Basis, float]] = {}
    for value, weak in zip(energy_J, _weak(plan, 0), strict=True):
        for basis in weak:
            share = found[basis.name][1] if basis.name in found else 0.0
            found[basis.name] = (basis, share + (float(value) / total_J if total_J > 0 else 0.0))
    return tuple(sorted(found.values(), key=lambda item: -item[1]))


def _weak(plan: Plan, point: int) -> list[list[Basis]]:
    """Return the weak numbers behind the energy of each component at one point."""
    x = plan.context(np.array([point]))
    spec = point_spec(plan, x)
    return [
        [basis for basis in bases(plan, x, spec, component, "energy_J") if is_weak(basis)]
        for component in plan.components
    ]
