"""Which k designs go on to the next, dearer look: those that carry the front, and those unlike all others.

Fronts are peeled off (the front, the front of what is left, …) and taken whole while there is room, as NSGA-II does
(Deb et al., IEEE TEVC 6, 2002). Of the front that no longer fits, objectives scaled to 0…1 on it:

1. the best row of each objective;
2. then three times the row that adds most hypervolume to those chosen, against a reference a tenth beyond the worst
   of every objective (greedy inclusion: Guerreiro, Fonseca and Paquete, Evolutionary Computation 24, 2016), once the
   row farthest from all chosen (Gonzalez, Theor. Comput. Sci. 38, 1985), and so on.

Hypervolume alone crowds where the front bends, and a cheap look may be wrong about where that is; distance alone
ignores how good a row is. Equal rows are taken after all others: as designs they may still differ in what this look
did not see. Quantities that span decades are better given as logarithms.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from axbar.errors import UsageError, is_whole
from axbar.search.front.pareto import Indices, nondominated
from axbar.search.front.volume import Floats, library, minimised

__all__ = ["spread_choice"]

#: a larger front is thinned at random before rows are compared one by one
_POOL = 2_000

#: of so many choices one is by distance: on spheres of 3 and 4 objectives a quarter costs 2 and 5 % of the
#: hypervolume of 20 rows, half 5 and 11 %
_TURN = 4

#: beyond so many chosen rows the next gain in hypervolume is small and dear, and distance alone decides
_BY_VOLUME = 128

#: how far the reference lies beyond the worst value of an objective, whose range is 1
_BEYOND = 0.1


def spread_choice(values: ArrayLike, maximise: Sequence[bool], k: int, *, seed: int = 0) -> Indices:
    """Return the rows of up to k survivors: front by front, within a front that is cut the most telling first.

    Rows with NaN are never chosen, so fewer than k may come back.

    Args:
        values: [N, M] objectives.
        maximise: for each column, whether more is better.
        k: how many rows to choose.
        seed: which rows of a front of more than 2,000 rows are looked at; the same seed chooses the same rows.

    Raises:
        UsageError: ``k`` is no whole number from 0, or ``values`` doesn't fit ``maximise``.

    >>> spread_choice([[0.0, 4.0], [1.0, 3.9], [2.0, 1.0], [4.0, 0.0]], [False, False], 3).tolist()
    [0, 3, 2]
    """
    if not is_whole(k, 0):
        raise UsageError(f"k = {k!r} survivors can't be chosen; give a whole number from 0")
    table = minimised(values, maximise)
    known = np.flatnonzero(~np.isnan(table).any(axis=1))
    first = np.sort(np.unique(table[known], axis=0, return_index=True)[1])
    again = np.setdiff1d(known, known[first])
    chosen = _by_fronts(table, known[first], k, seed)
    if len(chosen) < k:
        chosen = np.concatenate([chosen, _by_fronts(table, again, k - len(chosen), seed)])
    return chosen


def _by_fronts(table: Floats, left: Indices, k: int, seed: int) -> Indices:
    """Up to k of the rows ``left`` of a minimised table."""
    chosen = np.empty(0, dtype=np.int64)
    senses = (False,) * table.shape[1]
    while len(chosen) < k and len(left):
        flags = nondominated(table[left], senses)
        front, left, room = left[flags], left[~flags], k - len(chosen)
        if len(front) > room:
            front = front[_cut(table[front], room, seed)]
        chosen = np.concatenate([chosen, front])
    return chosen


def _cut(front: Floats, k: int, seed: int) -> Indices:
    """K of the rows of a front [F, M] that has more of them, in the order of choice."""
    ends = list(dict.fromkeys(int(row) for row in front.argmin(axis=0)))[:k]
    pool = np.arange(len(front))
    if len(front) > max(_POOL, 4 * k):
        some = np.random.default_rng(seed).choice(len(front), max(_POOL, 4 * k), replace=False)
        pool = np.unique(np.concatenate([some, ends]))
    rows = _scaled(front[pool])
    taken = [int(row) for row in np.searchsorted(pool, ends)]
    distance = np.full(len(rows), np.inf)
    for row in taken:
        _nearer(distance, rows, row)
    gains = _gains(rows, taken)
    while len(taken) < k:
        by_volume = (len(taken) - len(ends)) % _TURN < _TURN - 1 and len(taken) < _BY_VOLUME
        row = next(gains) if by_volume else int(distance.argmax())
        taken.append(row)
        _nearer(distance, rows, row)
    return pool[np.array(taken, dtype=np.int64)]


def _scaled(front: Floats) -> Floats:
    """Objectives on 0…1 of their finite range; infinite values lie at its ends."""
    finite = np.where(np.isfinite(front), front, np.nan)
    some = ~np.isnan(finite).all(axis=0)
    low, high = np.zeros(front.shape[1]), np.zeros(front.shape[1])
    low[some], high[some] = np.nanmin(finite[:, some], axis=0), np.nanmax(finite[:, some], axis=0)
    # halves, because the range of two finite values may itself be infinite
    span = high / 2 - low / 2
    clipped = np.clip(front, low, high)
    return (clipped / 2 - low / 2) / np.where(span > 0, span, 1.0)


def _nearer(distance: Floats, rows: Floats, row: int) -> None:
    """Lower every row's squared distance to the chosen ones by a newly chosen row, itself out of the question."""
    np.minimum(distance, ((rows - rows[row]) ** 2).sum(axis=1), out=distance)
    distance[row] = -1.0


def _gains(rows: Floats, taken: list[int]) -> Iterator[int]:
    """Yield the row that adds most hypervolume to those in ``taken``, which the caller keeps up to date.

    What a row adds only shrinks as others are chosen, so a row whose old gain is below a fresh one is not asked again.
    """
    boxes = (1 + _BEYOND - rows).prod(axis=1)
    queue = [(-float(box), row, 0) for row, box in enumerate(boxes)]
    heapq.heapify(queue)
    chosen: set[int] = set()
    while queue:
        _, row, age = heapq.heappop(queue)
        chosen.update(taken)
        if row in chosen:
            continue
        if age == len(taken):
            yield row
            continue
        heapq.heappush(queue, (-_gain(rows, taken, row, float(boxes[row])), row, len(taken)))


def _gain(rows: Floats, taken: list[int], row: int, box: float) -> float:
    """The part of a row's box that no chosen row's box covers."""
    covered = np.maximum(rows[taken], rows[row])
    return box - float(library().hypervolume(covered, 1 + _BEYOND))
