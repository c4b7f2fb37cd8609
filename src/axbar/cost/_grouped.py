"""A large sweep, broken down by groups of components as it is evaluated; no breakdown of cells is ever held.

``Estimate.by_group`` sums what an estimate has kept, and of a large sweep it keeps nothing and evaluates again for each
quantity. Here the sums are taken once, in the same order, so they have the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from axbar import registry
from axbar.cost._countable import check_fixed_bits
from axbar.cost._engine import Plan, make_plan
from axbar.cost._result import Estimate
from axbar.cost._sweep import read_sweep
from axbar.cost._types import QUANTITIES, Context, Floats, Quantity, add_up
from axbar.spec import HardwareSpec
from axbar.spec.kind import HardwareKind
from axbar.workload import Workload, check_workload

__all__ = ["Grouped", "estimate_groups"]


@dataclass(frozen=True)
class Grouped:
    """An estimate without cells, and the sums that were asked for.

    Args:
        estimate: totals, feasibility, pace.
        groups: quantity -> group of components -> ``[P]``, as ``Estimate.by_group``.
    """

    estimate: Estimate
    groups: Mapping[Quantity, Mapping[str, Floats]]


def estimate_groups(
    workload: Workload, spec: HardwareSpec, sweep: Mapping[str, ArrayLike], quantities: Sequence[Quantity]
) -> Grouped:
    """Estimate a sweep as ``axbar.cost.estimate`` does, with sums by group of some quantities.

    Raises:
        UsageError: as ``estimate``.
    """
    check_workload(workload)
    kind: HardwareKind = registry.get("hardware", spec.kind)
    columns = read_sweep(spec, sweep)
    check_fixed_bits(workload, [(spec.name, columns.numbers)])
    plan = make_plan(kind, workload, spec, columns)
    points = plan.sweep.points
    totals: dict[Quantity, Floats] = {quantity: np.empty(points) for quantity in QUANTITIES}
    names = tuple(dict.fromkeys(component.group for component in plan.components))
    groups: dict[Quantity, dict[str, Floats]] = {q: {n: np.empty(points) for n in names} for q in quantities}
    feasible = np.array([not events.reasons for events in plan.events])[plan.choice]
    interval_s = np.empty(points)
    for chunk in plan.batches():
        x, at = plan.evaluate(chunk), slice(int(chunk[0]), int(chunk[-1]) + 1)
        feasible[at] &= ~plan.broken(x)
        interval_s[at] = x.interval_s()
        for quantity in QUANTITIES:
            totals[quantity][at] = x.total(quantity)
        for quantity, sums in groups.items():
            _fill(sums, at, plan, x, quantity)
    return Grouped(Estimate(plan, totals, None, feasible, interval_s), groups)


def _fill(sums: Mapping[str, Floats], at: slice, plan: Plan, x: Context, quantity: Quantity) -> None:
    """Write the sums of one chunk; what is nothing adds nothing."""
    parts: dict[str, list[Floats]] = {name: [] for name in sums}
    for component in plan.components:
        value = x.results[quantity][component.name]
        if value is not x.zeros:
            parts[component.group].append(add_up(value))
    for name, values in parts.items():
        sums[name][at] = add_up(np.stack(values)) if values else 0.0
