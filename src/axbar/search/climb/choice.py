"""Which classes of designs climb to the next rung.

From the sweep, where accuracy is not known: half of the classes by the costs of their best designs, half by distance
in what may move accuracy, so that the cheap and the careful are both there. From a rung that measured: designs on the
front and those that add to it, by hypervolume and diversity (``axbar.search.front.survivors``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from axbar.search.front.survivors import spread_choice
from axbar.search.rows import Row, table, violations
from axbar.search.space import Space
from axbar.search.space.parts import Columns
from axbar.search.sweep import Swept
from axbar.search.sweep.variants import class_paths

__all__ = ["by_cost", "from_rows", "from_sweep"]

Indices = NDArray[np.int64]

#: classes compared one by one at most
_POOL = 4_000


def from_sweep(space: Space, swept: Swept, k: int, seed: int) -> list[Indices]:
    """Return up to k classes, each as the kept rows that are its candidates, the most telling first."""
    rows = np.flatnonzero(swept.candidate & swept.costs.feasible)
    numbers = swept.class_[rows]
    classes = np.unique(numbers)
    if len(classes) > k:
        cheap = swept.class_[by_cost(space, swept, rows, 4 * (k // 2), seed)]
        half = list(dict.fromkeys(int(number) for number in cheap))[: k // 2]
        classes = np.array(_spread(space, swept.columns, rows, numbers, half, k, seed), dtype=np.int64)
    return [rows[numbers == number] for number in classes]


def by_cost(space: Space, swept: Swept, rows: Indices, k: int, seed: int) -> Indices:
    """Return up to k of some kept rows of a sweep, by the costs that are asked for; costs count by their logarithm."""
    asked = [o for o in space.objectives if o.quantity in swept.costs.values]
    if not asked:
        return rows[:k]
    with np.errstate(divide="ignore", invalid="ignore"):
        costs = np.stack([np.log(swept.costs.values[o.quantity][rows]) for o in asked], axis=1)
    return rows[spread_choice(costs, [o.sense == "max" for o in asked], min(len(rows), k), seed=seed)]


def _spread(
    space: Space, columns: Columns, rows: Indices, numbers: Indices, chosen: list[int], k: int, seed: int
) -> list[int]:
    """Fill up with the class farthest from all chosen ones (Gonzalez, Theor. Comput. Sci. 38, 1985)."""
    classes, first = np.unique(numbers, return_index=True)
    if len(classes) > _POOL:
        some = np.random.default_rng(seed).choice(len(classes), _POOL, replace=False)
        keep = np.unique(np.concatenate([some, np.flatnonzero(np.isin(classes, chosen))]))
        classes, first = classes[keep], first[keep]
    place = _places(space, columns.take(rows[first]))
    found = chosen or [int(classes[0])]
    distance = np.full(len(classes), np.inf)
    for number in found:
        np.minimum(distance, _apart(place, int(np.searchsorted(classes, number))), out=distance)
    while len(found) < min(k, len(classes)):
        far = int(distance.argmax())
        found.append(int(classes[far]))
        np.minimum(distance, _apart(place, far), out=distance)
    return found


def _places(space: Space, columns: Columns) -> list[tuple[NDArray[np.float64], bool]]:
    """Return for every path that may move accuracy its values on 0..1, -1 where it does not count; and if in order."""
    found: list[tuple[NDArray[np.float64], bool]] = []
    for path in class_paths(space):
        column = columns.values[path]
        unique, rank = np.unique(column, return_inverse=True)
        scaled = np.where(columns.active[path], rank / max(1, len(unique) - 1), -1.0)
        found.append((scaled, column.dtype.kind in "iuf"))
    return found


def _apart(place: list[tuple[NDArray[np.float64], bool]], row: int) -> NDArray[np.float64]:
    """Squared distance of all rows from one; words are either equal or 1 apart."""
    total = np.zeros(len(place[0][0]))
    for values, ordered in place:
        here = values[row]
        apart = np.abs(values - here) if ordered else (values != here).astype(np.float64)
        total += np.where((values < 0) != (here < 0), 1.0, apart) ** 2
    return total


def from_rows(
    space: Space, rows: Sequence[Row], k: int, seed: int, class_of: Callable[[Row], str]
) -> list[list[Row]]:
    """Return up to k classes with their rows; what keeps the constraints comes first, then what breaks them least.

    Args:
        space: says what is wanted.
        rows: of the rung below.
        k: how many classes.
        seed: of the choice among very many.
        class_of: what rows of one class have in common.
    """
    values = _even(table(rows, [o.quantity for o in space.objectives]), space)
    broken = np.maximum(violations(space, rows, hope=True), 0.0).sum(axis=1)
    known = ~np.isnan(values).any(axis=1) & np.isfinite(broken)
    keys = [class_of(row) if known[i] else "" for i, row in enumerate(rows)]
    senses = [o.sense == "max" for o in space.objectives]
    found: dict[str, None] = {}
    left = np.flatnonzero(known & (broken == 0))
    while len(found) < k and len(left):  # several rows of one class may be chosen at once
        chosen = left[spread_choice(values[left], senses, k - len(found), seed=seed)]
        found |= dict.fromkeys(keys[int(i)] for i in chosen)
        left = np.array([i for i in left if keys[int(i)] not in found], dtype=np.int64)
    worse = np.flatnonzero(known & (broken > 0))
    found |= dict.fromkeys(keys[int(i)] for i in worse[np.argsort(broken[worse], kind="stable")])
    wanted = list(found)[:k]
    return [[row for row, own in zip(rows, keys, strict=True) if own == key] for key in wanted]


def _even(values: NDArray[np.float64], space: Space) -> NDArray[np.float64]:
    """Costs span decades: their logarithm; accuracy as it is."""
    found = values.copy()
    for k, objective in enumerate(space.objectives):
        if objective.quantity != "accuracy":
            with np.errstate(divide="ignore", invalid="ignore"):
                found[:, k] = np.log(found[:, k])
    return found
