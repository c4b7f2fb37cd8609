"""Soft limits that design points exceed: figures stand, but leave something out."""

from __future__ import annotations

import numpy as np

from axbar.cost._engine import Plan

__all__ = ["warnings_of"]


def warnings_of(plan: Plan) -> tuple[str, ...]:
    """Return a sentence per point, empty where no soft limit is exceeded."""
    found = [""] * plan.sweep.points
    soft = [rule for rule in plan.rules if not rule.fatal]
    for points in plan.chunks():
        x = plan.context(points)
        for rule in soft:
            broken = np.broadcast_to(rule.violated(x), len(points))
            for i in points[broken].tolist():
                sentence = rule.reason(plan.context(np.array([i])))
                found[i] = f"{found[i]}; {sentence}" if found[i] else sentence
    return tuple(found)
