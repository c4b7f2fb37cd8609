"""The energy-delay product of one inference where samples leave after different numbers of steps.

    EDP = E · L · c,   c = Σ_k p_k E_k L_k / (Σ_k p_k E_k · Σ_k p_k L_k)

E and L are the means over samples, p_k is the share that runs k steps, E_k and L_k the cost of k steps at mean
activity. So it is the mean over samples of energy × delay, as a user meets it, and not the product of two means, which
is smaller: who stays long spends much on both. c is 1 where all run the same steps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from axbar.cost._types import Floats
from axbar.workload import Workload

if TYPE_CHECKING:
    from axbar.cost._result import Estimate

__all__ = ["edp_of"]

#: workload -> steps -> the workload with all samples leaving then; kept, because events are counted once a workload
_leaving: WeakKeyDictionary[Workload, dict[int, Workload]] = WeakKeyDictionary()


def edp_of(found: Estimate) -> Floats:
    """Return the energy-delay product of every point, ``[P]``."""
    product = found.totals["energy_J"] * found.totals["latency_s"]
    left = found.exit_histogram
    if len(left) < 2:
        return product
    each = [_at(found, step) for step in left]
    share = np.array(list(left.values()), dtype=np.float64)[:, None] / sum(left.values())
    energy, latency = (np.stack([e.totals[q] for e in each]) for q in ("energy_J", "latency_s"))
    means = (share * energy).sum(0) * (share * latency).sum(0)
    return product * np.divide(
        (share * energy * latency).sum(0), means, out=np.ones_like(means), where=means > 0
    )


def _at(found: Estimate, step: int) -> Estimate:
    """Return the estimate as if all samples left after ``step`` steps."""
    from axbar.cost._estimate import estimate  # estimates themselves

    known = _leaving.setdefault(found.plan.workload, {})
    if step not in known:
        stops = np.full(sum(found.exit_histogram.values()), step)
        known[step] = replace(found.plan.workload, exit_step=stops)
    return estimate(known[step], found.plan.spec, found.points)
