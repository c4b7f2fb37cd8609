"""Single points: plain mappings, as stores, optimisers and users hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from axbar.errors import UsageError, unknown_name
from axbar.search.space.domains import Choices, Column, Domain, Value
from axbar.search.space.grid import Grid
from axbar.search.space.parts import Columns, PointParts, technique_of

__all__ = ["encode", "split"]


def encode(grid: Grid, points: Sequence[Mapping[str, Any]]) -> Columns:
    """Return points as columns; parameters that don't count have their first value.

    Raises:
        UsageError: a path or value is none of the space, or what counts for a point is not what it holds.
    """
    for i, point in enumerate(points):
        for path in point:
            if path not in grid.domains:
                raise UsageError(f"point {i}: {unknown_name('parameter of the space', path, grid.domains)}")
    values = {path: _column(path, domain, points) for path, domain in grid.domains.items()}
    active = grid.active(values, len(points))
    for path, mask in active.items():
        given = np.fromiter((path in point for point in points), np.bool_, len(points))
        if (given != mask).any():
            i = int(np.argmax(given != mask))
            said = "is given but does not count for it" if given[i] else "is missing"
            raise UsageError(f"point {i}: {path} {said}; a point holds what counts for it and nothing else.")
    return Columns(values, active)


def _column(path: str, domain: Domain, points: Sequence[Mapping[str, Any]]) -> Column:
    first: Value = domain.at(np.zeros(1, dtype=np.int64))[0].item()
    values = [_plain(point.get(path, first)) for point in points]
    words = isinstance(domain, Choices) and isinstance(first, str | bool)
    wanted = type(first) if words else int | float
    for i, value in enumerate(values):
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            raise UsageError(f"point {i}: {path} = {value!r} is none of the values of the space: {domain}.")
    column = np.asarray(values, dtype=None if values else np.asarray(first).dtype)
    digits = domain.digits(column)
    if (digits < 0).any():
        i = int(np.argmax(digits < 0))
        raise UsageError(f"point {i}: {path} = {values[i]!r} is none of the values of the space: {domain}.")
    return column.astype(np.float64) if domain.size is None else domain.at(digits)


def _plain(value: Any) -> Any:
    return value.item() if callable(getattr(value, "item", None)) else value


def split(point: Mapping[str, Any], order: Sequence[str]) -> PointParts:
    """Return what of a point is chip, network and technique.

    A technique runs if the point holds ``technique.NAME: true``, or settings of it and no such switch.

    Args:
        order: names of techniques in which they run.
    """
    changes: dict[str, Any] = {}
    arguments: dict[str, Any] = {}
    settings: dict[str, dict[str, Any]] = {}
    for path, value in point.items():
        head, _, rest = path.partition(".")
        name, setting = technique_of(path)
        if name:
            mine = settings.setdefault(name, {})
            if setting:
                mine[setting] = value
        elif head == "model":
            if rest:
                arguments[rest] = value
        elif path != "hardware":
            changes[path] = value
    running = {
        name: settings[name] for name in order if name in settings and point.get(f"technique.{name}", True)
    }
    return PointParts(point.get("hardware"), changes, point.get("model"), arguments, running)
