"""Stratified choices by class, on label arrays only.

A share of n images is spread over the classes by largest remainders: class k with ``n_k`` of N images gets
``floor(n * n_k / N)``, and what is left goes to the largest remainders. A class never gives its last image.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["balanced_order", "carve"]

Labels = NDArray[np.int64]


def carve(y: Labels, count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose images for a part that is taken out of another.

    Args:
        y: ``[N]`` labels.
        count: images to take; fewer are taken where classes hold one image only.
        rng: source of the choice inside a class.

    Returns:
        ``(rest, taken)``: sorted positions, disjoint, together all N.

    >>> rest, taken = carve(np.array([0, 0, 0, 0, 1, 1, 1, 1]), 2, np.random.default_rng(0))
    >>> len(rest), len(taken)
    (6, 2)
    """
    classes, sizes = np.unique(y, return_counts=True)
    quota = _quotas(sizes, count)
    taken = [
        rng.permutation(np.flatnonzero(y == k))[:n]
        for k, n in zip(classes.tolist(), quota.tolist(), strict=True)
    ]
    chosen = np.sort(np.concatenate(taken)) if taken else np.empty(0, dtype=np.int64)
    rest = np.setdiff1d(np.arange(len(y)), chosen, assume_unique=True)
    return rest, chosen


def _quotas(sizes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    exact = count * sizes / max(int(sizes.sum()), 1)
    quota = np.minimum(np.floor(exact).astype(np.int64), sizes - 1)
    by_remainder = np.argsort(-(exact - np.floor(exact)), kind="stable")
    while quota.sum() < count and bool((quota < sizes - 1).any()):
        for k in by_remainder:
            if quota.sum() < count and quota[k] < sizes[k] - 1:
                quota[k] += 1
    return quota


def balanced_order(y: Labels) -> NDArray[np.int64]:
    """Return positions that go round the classes: the first image of each, the second of each, ...

    >>> balanced_order(np.array([0, 0, 1, 1, 1])).tolist()
    [0, 2, 1, 3, 4]
    """
    by_class = np.argsort(y, kind="stable")
    _, first, sizes = np.unique(y[by_class], return_index=True, return_counts=True)
    rank = np.empty(len(y), dtype=np.int64)
    rank[by_class] = np.arange(len(y)) - np.repeat(first, sizes)
    return np.lexsort((y, rank))
