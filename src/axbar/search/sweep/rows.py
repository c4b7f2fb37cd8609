"""What a sweep kept, as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from axbar.search.rows import Row
from axbar.search.space import Space, point_hash
from axbar.search.sweep._sweep import Swept

__all__ = ["sweep_records", "sweep_rows"]


def sweep_rows(space: Space, swept: Swept, chosen: Iterable[int] | None = None) -> Iterator[Row]:
    """Yield the kept points of a sweep, all of them or those with the numbers ``chosen``."""
    at = np.arange(len(swept)) if chosen is None else np.fromiter(chosen, np.int64)
    some = swept.costs.take(at)
    values = {key: column.tolist() for key, column in some.values.items()}
    shares = {q: {g: c.tolist() for g, c in groups.items()} for q, groups in some.shares.items()}
    reasons = some.reasons
    for i, point in enumerate(_points(space, swept, at)):
        yield Row(
            id=point_hash(point), point=point, rung="sweep", generation=0,
            values={key: column[i] for key, column in values.items()},
            shares={q: {g: c[i] for g, c in groups.items()} for q, groups in shares.items()},
            reason=reasons[i],
        )  # fmt: skip


def sweep_records(space: Space, swept: Swept, quantities: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the kept points of a sweep as flat mappings: id, rung, generation, parameters, figures, front, reason."""
    nothing = [None] * len(swept)
    known = {key: column.tolist() for key, column in swept.costs.values.items()}
    values = {key: known.get(key, nothing) for key in quantities}
    front, reasons = swept.front.tolist(), swept.costs.reasons
    for i, point in enumerate(_points(space, swept, np.arange(len(swept)))):
        yield {
            "id": point_hash(point), "rung": "sweep", "generation": 0,
            **{path: point.get(path) for path in space.paths}, **{key: column[i] for key, column in values.items()},
            "front": front[i], "reason": reasons[i],
        }  # fmt: skip


def _points(space: Space, swept: Swept, at: np.ndarray[Any, np.dtype[np.int64]]) -> Iterator[dict[str, Any]]:
    """Yield plain points, all columns turned to Python values at once."""
    columns = swept.columns.take(at)
    values = [columns.values[path].tolist() for path in space.paths]
    active = [columns.active[path].tolist() for path in space.paths]
    for i in range(len(at)):
        yield {
            path: column[i] for path, column, mask in zip(space.paths, values, active, strict=True) if mask[i]
        }
