"""Rows of a table that are alike in some columns: numbered within one table, or by keys that hold in any table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.search.space.domains import Choices, Domain
from axbar.search.space.parts import Columns

__all__ = ["Keys", "alike", "columns_of", "keys_of", "mixed"]

Indices = NDArray[np.int64]
#: 64 bits that differ where rows do (of 10^7 different rows, two are alike by chance once in 400,000 tables)
Keys = NDArray[np.uint64]

#: codes are int64; beyond this they are numbered anew
_MOST_CODES = 2**62


def alike(columns: Sequence[NDArray[Any]], rows: int) -> tuple[Indices, Indices]:
    """Return the first row of each group of rows that agree in all columns, and the group of each row ``[rows]``.

    >>> first, group = alike([np.array([3, 1, 3]), np.array(["a", "a", "a"])], 3)
    >>> first.tolist(), group.tolist()
    ([1, 0], [1, 0, 1])
    """
    code, codes = np.zeros(rows, dtype=np.int64), 1
    for column in columns:
        if rows and (column == column[0]).all():
            continue
        unique, inverse = np.unique(column, return_inverse=True)
        if codes * len(unique) > _MOST_CODES:
            seen, code = np.unique(code, return_inverse=True)
            codes = len(seen)
        code, codes = code * len(unique) + inverse, codes * len(unique)
    _, first, group = np.unique(code, return_index=True, return_inverse=True)
    return first, group


def columns_of(columns: Columns, paths: Iterable[str]) -> list[NDArray[Any]]:
    """Return what decides whether points agree in some paths: values, and whether they count."""
    found: list[NDArray[Any]] = []
    for path in paths:
        found.append(columns.values[path])
        if not columns.active[path].all():
            found.append(columns.active[path])
    return found


def keys_of(columns: Columns, paths: Iterable[str], domains: Mapping[str, Domain]) -> Keys:
    """Return a key for each point, ``[N]``: points that agree in all paths have the same, in any table.

    What does not count must have its first value, as in all points that a space makes.
    """
    key = np.zeros(len(columns), dtype=np.uint64)
    for path in paths:
        key = mixed(key ^ _bits(columns.values[path], domains[path]))
        key = mixed(key ^ columns.active[path].astype(np.uint64))
    return key


def mixed(bits: Keys) -> Keys:
    """Return 64 well mixed bits for 64 bits, one to one (the finaliser of SplitMix64: Steele, OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        found = bits + np.uint64(0x9E3779B97F4A7C15)
        found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return found ^ (found >> np.uint64(31))


def _bits(column: NDArray[Any], domain: Domain) -> Keys:
    if isinstance(domain, Choices):
        return domain.digits(column).astype(np.uint64)
    if column.dtype.kind == "f":
        return (column + 0.0).view(np.uint64)  # -0.0 and 0.0 are one value
    return column.astype(np.int64).view(np.uint64)
