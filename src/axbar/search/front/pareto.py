"""Which designs no other design beats: the Pareto front of a table, at once or as the rows come.

Row a dominates row b if it is at least as good in every objective and better in one. The front is every row that
nothing dominates; equal rows don't dominate each other, so all of them stay. A row with NaN (unknown, or infeasible)
neither dominates nor stays; an infinite value is only a very good or a very bad one.

Values are [N, M] float64, one column an objective, with ``maximise`` [M] saying of which columns more is better.
The filter is moocore's: the divide-and-conquer of Kung, Luccio and Preparata, J. ACM 22, 1975, of O(N log^(M-2) N).
Checked against all pairs on small tables with ties, infinities and NaN. How long it takes: benchmarks/pareto.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from axbar.errors import UsageError
from axbar.search.front.volume import Flags, Floats, contributions, hypervolume, library, minimised

__all__ = ["Front", "contributions", "hypervolume", "nondominated"]

Indices = NDArray[np.int64]

#: rows that a stream holds back before it filters: large enough that a filter costs more than its call
_BLOCK = 65_536

#: beyond this, values are replaced by their ranks: moocore marks the ends of its lists with the largest floats
_LARGE = 1e300


def nondominated(values: ArrayLike, maximise: Sequence[bool]) -> Flags:
    """Return which rows nothing dominates [N]; of equal rows all, of rows with NaN none.

    Args:
        values: [N, M] objectives.
        maximise: for each column, whether more is better.

    Raises:
        UsageError: ``values`` is no table with one column for each of ``maximise``.
        AxbarError: moocore is not installed.

    >>> nondominated([[1.0, 0.9], [2.0, 0.9], [2.0, 0.95]], maximise=[False, True]).tolist()
    [True, False, True]
    """
    return _filter(minimised(values, maximise))


def _filter(table: Floats) -> Flags:
    """The rows of a minimised table that nothing dominates."""
    known: Flags = ~np.logical_or.reduce(np.isnan(table), axis=1)
    if not known.all():
        flags = np.zeros(len(table), dtype=bool)
        flags[known] = _filter(table[known])
        return flags
    if table.shape[1] == 1:
        return np.equal(table[:, 0], table[:, 0].min(initial=np.inf))
    if len(table) == 0:
        return known
    # rows that are compared first then lie side by side in memory: a quarter off the time of a million rows
    order = np.argsort(table[:, 0])
    flags = np.empty(len(table), dtype=bool)
    flags[order] = library().is_nondominated(_bounded(table[order]), keep_weakly=True)
    return flags


def _bounded(table: Floats) -> Floats:
    """Replace columns with infinite or huge values by ranks: who dominates whom depends on the order only."""
    wide = (np.abs(table) > _LARGE).any(axis=0)
    if not wide.any():
        return table
    bounded = table.copy()
    for column in np.flatnonzero(wide):
        bounded[:, column] = np.unique(table[:, column], return_inverse=True)[1].reshape(-1)
    return bounded


class Front:
    """The Pareto front of rows that come in portions, each with an index of the caller's.

    However the rows are divided into portions, and in whatever order those come, the front is that of all rows at
    once, in the order of their indices. Fronts of several workers are joined by adding one to the other. Rows
    held: at most twice the front, a constant block and the portion just given; filtering takes some copies of them.

    >>> front = Front(maximise=[False, True])
    >>> front.add([[1.0, 0.9], [2.0, 0.9]], [10, 11])
    >>> front.add([[2.0, 0.95]], [12])
    >>> front.index.tolist()
    [10, 12]
    """

    def __init__(self, maximise: Sequence[bool]) -> None:
        """Begin with no rows.

        Args:
            maximise: for each objective, whether more is better.
        """
        self._maximise = tuple(bool(sense) for sense in maximise)
        self._rows = minimised(np.empty((0, len(self._maximise))), self._maximise)
        self._index: Indices = np.empty(0, dtype=np.int64)
        self._waiting: list[tuple[Floats, Indices]] = []
        self._n_waiting = 0

    def add(self, values: ArrayLike, index: ArrayLike) -> None:
        """Take rows in; nothing of the caller's arrays is kept.

        Args:
            values: [N, M] objectives.
            index: [N] whole numbers by which the caller knows the rows.

        Raises:
            UsageError: shapes that don't fit.
        """
        rows = minimised(values, self._maximise)
        numbers = np.array(index)
        if numbers.shape != (len(rows),) or (numbers.size and numbers.dtype.kind not in "iu"):
            raise UsageError(
                f"{len(rows)} rows came with an index of shape {list(numbers.shape)} and type {numbers.dtype}; "
                "give one whole number for each row"
            )
        self._waiting.append((rows, numbers.astype(np.int64)))
        self._n_waiting += len(rows)
        # waiting until the block is as large as the front keeps the cost of a large front to a factor of two
        if self._n_waiting > max(_BLOCK, len(self._rows)):
            self._settle()

    def __len__(self) -> int:
        """Return the number of rows on the front so far."""
        self._settle()
        return len(self._rows)

    @property
    def values(self) -> Floats:
        """The rows of the front [F, M] as they were given, in the order of their indices."""
        self._settle()
        return minimised(self._rows, self._maximise)

    @property
    def index(self) -> Indices:
        """The indices of the rows of the front [F], rising."""
        self._settle()
        return self._index.copy()

    def _settle(self) -> None:
        """Filter the rows that wait together with the front."""
        if not self._waiting:
            return
        rows = np.concatenate([self._rows, *(waiting for waiting, _ in self._waiting)])
        index = np.concatenate([self._index, *(numbers for _, numbers in self._waiting)])
        keep = np.flatnonzero(_filter(rows))
        keep = keep[np.argsort(index[keep], kind="stable")]
        self._rows, self._index = rows[keep], index[keep]
        self._waiting, self._n_waiting = [], 0
