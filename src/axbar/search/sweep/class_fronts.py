"""Fronts within classes: the designs of each class that no other design of the same class beats.

Accuracy is equal within a class, so a design that is beaten there in costs is beaten whatever its accuracy turns out to
be; across classes nothing is known yet. Small classes, of which there may be many, are compared all with all at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from axbar.search.front.pareto import nondominated
from axbar.search.sweep.codes import Keys

__all__ = ["ClassFronts", "class_fronts"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

#: classes of up to so many rows are compared all with all, and so many comparisons at once
_SMALL, _AT_ONCE = 64, 2**22

#: rows that wait before they are compared with those on the fronts so far
_WAITING = 2**17


def class_fronts(values: Floats, classes: Keys, maximise: Sequence[bool]) -> Bools:
    """Return which rows no row of their class dominates, ``[N]``; of equal rows all, of rows with NaN none.

    Args:
        values: ``[N, M]`` objectives.
        classes: ``[N]``.
        maximise: for each column, whether more is better.
    """
    flags: Bools = np.logical_not(np.logical_or.reduce(np.isnan(values), axis=1))
    known = np.flatnonzero(flags)
    order = known[np.argsort(classes[known], kind="stable")]
    _, starts, sizes = np.unique(classes[order], return_index=True, return_counts=True)
    low, size = 2, 1
    while size < _SMALL:
        size *= 2
        some = (sizes >= low) & (sizes <= size)
        _compare(values, maximise, order, (starts[some], sizes[some]), flags, size)
        low = size + 1
    large = sizes > _SMALL
    for start, count in zip(starts[large].tolist(), sizes[large].tolist(), strict=True):
        rows = order[start : start + count]
        flags[rows] = nondominated(values[rows], maximise)
    return flags


def _compare(
    values: Floats,
    maximise: Sequence[bool],
    order: Indices,
    classes: tuple[Indices, Indices],
    flags: Bools,
    size: int,
) -> None:
    """Compare all rows of classes with each other.

    Args:
        order: rows, class by class.
        classes: where in ``order`` each begins, and how many rows it has.
        flags: of all rows; written.
        size: rows of the largest.
    """
    sign = np.where(np.array(maximise), -1.0, 1.0)
    at_once = max(1, _AT_ONCE // size**2)
    for begin in range(0, len(classes[0]), at_once):
        starts, sizes = (part[begin : begin + at_once] for part in classes)
        places = np.arange(size)[None, :]
        inside = places < sizes[:, None]
        rows = order[np.minimum(starts[:, None] + places, len(order) - 1)]
        table = np.where(inside[:, :, None], values[rows] * sign, np.nan)  # nothing compares with NaN
        no_worse = np.ones((len(rows), size, size), dtype=np.bool_)
        better = np.zeros((len(rows), size, size), dtype=np.bool_)
        for column in range(table.shape[2]):
            one, other = table[:, :, None, column], table[:, None, :, column]
            no_worse &= one <= other
            better |= one < other
        beaten = np.logical_or.reduce(no_worse & better, axis=1)
        flags[rows[inside]] = ~beaten[inside]


class ClassFronts:
    """Fronts within classes, of rows that come in portions; as ``pareto.Front``, but class by class.

    Rows held: at most ``most`` (of a single class any number) and the portions that wait. Where the fronts have more,
    whole classes are given up by chance, so that those that are kept have all their rows; ``given_up`` says so.
    """

    def __init__(self, maximise: Sequence[bool], most: int) -> None:
        """Begin with no rows."""
        self._maximise = tuple(maximise)
        self._most = most
        self._values = np.empty((0, len(self._maximise)))
        self._classes: Keys = np.empty(0, dtype=np.uint64)
        self._index: Indices = np.empty(0, dtype=np.int64)
        self._waiting: list[tuple[Floats, Keys, Indices]] = []
        self._limit = np.uint64(2**64 - 1)
        self.given_up = False

    def add(self, values: Floats, classes: Keys, index: Indices) -> None:
        """Take rows in: objectives ``[N, M]``, classes ``[N]``, and the caller's number of each ``[N]``."""
        kept = classes <= self._limit
        self._waiting.append((values[kept], classes[kept], index[kept]))
        if sum(len(rows) for rows, _, _ in self._waiting) > max(_WAITING, len(self._values)):
            self._settle()

    def rows(self) -> tuple[Floats, Indices]:
        """Return objectives and numbers of the rows on fronts, by number."""
        self._settle()
        order = np.argsort(self._index, kind="stable")
        return self._values[order], self._index[order]

    def _settle(self) -> None:
        if not self._waiting:
            return
        values = np.concatenate([self._values, *(rows for rows, _, _ in self._waiting)])
        classes = np.concatenate([self._classes, *(keys for _, keys, _ in self._waiting)])
        index = np.concatenate([self._index, *(numbers for _, _, numbers in self._waiting)])
        flags = class_fronts(values, classes, self._maximise)
        if flags.sum() > self._most:
            self.given_up = True
            left = np.sort(classes[flags])
            self._limit = max(left[0], left[self._most] - np.uint64(1))
            flags &= classes <= self._limit
        self._values, self._classes, self._index = values[flags], classes[flags], index[flags]
        self._waiting = []
