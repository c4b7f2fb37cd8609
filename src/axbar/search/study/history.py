"""How much of the objectives' space a study had covered after so many evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from axbar.search.front.volume import hypervolume
from axbar.search.rows import Row, table, violations
from axbar.search.space import Space

__all__ = ["history"]

#: how far the reference lies beyond the worst value, as a share of the range
_BEYOND = 0.1


def history(space: Space, rows: Sequence[Row], rungs: Sequence[str]) -> list[dict[str, Any]]:
    """Return after each generation of each measured rung ``evaluations`` so far, ``hypervolume`` and ``rung``.

    A design counts with its most careful figures so far, so the volume may shrink where a closer look disappoints. It
    is a share of the box from the worst to the best value of each objective among measured designs that keep all
    constraints; costs count by their logarithm.
    """
    measured = [row for rung in rungs if rung != "sweep" for row in rows if row.rung == rung]
    if not measured:
        return []
    values = _scaled(space, measured)
    latest: dict[str, int] = {}
    found: list[dict[str, Any]] = []
    for i, row in enumerate(measured):
        latest[row.id] = i
        after = measured[i + 1] if i + 1 < len(measured) else None
        if after is None or (after.rung, after.generation) != (row.rung, row.generation):
            known = values[list(latest.values())]
            volume = _volume(known[~np.isnan(known).any(axis=1)], space)
            found.append({"evaluations": i + 1, "hypervolume": volume, "rung": row.rung})
    return found


def _scaled(space: Space, rows: Sequence[Row]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return objectives on 0..1, 1 the best; NaN where a design fails or breaks a constraint."""
    values = table(rows, [o.quantity for o in space.objectives])
    values[(violations(space, rows, hope=False) > 0).any(axis=1)] = np.nan
    for k, objective in enumerate(space.objectives):
        column = values[:, k]
        if objective.quantity != "accuracy":
            with np.errstate(divide="ignore", invalid="ignore"):
                column = np.log(column)
        signed = column if objective.sense == "max" else -column
        known = signed[np.isfinite(signed)]
        low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
        values[:, k] = (
            (signed - low) / (high - low) if high > low else np.where(np.isfinite(signed), 1.0, np.nan)
        )
    return values


def _volume(values: Any, space: Space) -> float:
    if not len(values):
        return 0.0
    count = len(space.objectives)
    return float(hypervolume(values, [True] * count, [-_BEYOND] * count)) / (1 + _BEYOND) ** count
