"""Cycles and memory reads of a dense matrix product on a systolic array, in closed form.

A product of M x K inputs and K x N weights on R rows and C columns of processing elements, after SCALE-Sim v2
(Samajdar et al., ISPASS 2020), whose runs of SATA's networks these forms equal on all layers that we know:

    output-stationary    ceil(M/R) ceil(N/C) (K + R + C - 2) - 1
    weight-stationary    ceil(K/R) ceil(N/C) (M + 2 R + C - 2) - 1
    of which weights     weight-stationary - (M + R + C - 2)          until the last fold's weights are in place
    SRAM reads           inputs M K ceil(N/C), weights K N
    SRAM writes          outputs N (M + 3 ceil(M/R))                  as counted by the published runs

E such arrays (``engines``) that take the folds of a product between them, F = ceil(M/R) ceil(N/C) or ceil(K/R)
ceil(N/C), are done with it when the one that got most of them is: ceil(F/E) stands where F does above.

No bubbles between folds, no stall for memory: stalls are added where bandwidth is known. Zeros take the same time as
other values: gating saves energy, not cycles. All functions broadcast.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["os_cycles", "sram_accesses", "ws_cycles", "ws_filter_cycles"]

Floats = NDArray[np.float64]


def _number(value: ArrayLike) -> Floats:
    return np.asarray(value, dtype=np.float64)


def _folds(size: ArrayLike, width: ArrayLike) -> Floats:
    return np.ceil(_number(size) / _number(width))


def os_cycles(
    m: ArrayLike, k: ArrayLike, n: ArrayLike, rows: ArrayLike, cols: ArrayLike, engines: ArrayLike = 1
) -> Floats:
    """Return the cycles of a product whose sums stay in the array: rows over M, columns over N.

    >>> float(os_cycles(900, 27, 64, 16, 8)), float(os_cycles(900, 27, 64, 16, 8, engines=2))
    (22343.0, 11171.0)
    """
    depth = _number(k) + _number(rows) + _number(cols) - 2.0
    return _folds(_folds(m, rows) * _folds(n, cols), engines) * depth - 1.0


def ws_cycles(
    m: ArrayLike, k: ArrayLike, n: ArrayLike, rows: ArrayLike, cols: ArrayLike, engines: ArrayLike = 1
) -> Floats:
    """Return the cycles of a product whose weights stay in the array: rows over K, columns over N."""
    depth = _number(m) + 2.0 * _number(rows) + _number(cols) - 2.0
    return _folds(_folds(k, rows) * _folds(n, cols), engines) * depth - 1.0


def ws_filter_cycles(m: ArrayLike, k: ArrayLike, n: ArrayLike, rows: ArrayLike, cols: ArrayLike) -> Floats:
    """Return the cycles of a weight-stationary product until its last weights are in place.

    >>> float(ws_filter_cycles(900, 27, 64, 16, 8))
    14085.0
    """
    last = _number(m) + _number(rows) + _number(cols) - 2.0
    return ws_cycles(m, k, n, rows, cols) - last


def sram_accesses(
    m: ArrayLike, k: ArrayLike, n: ArrayLike, rows: ArrayLike, cols: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Return input reads, weight reads and output writes of the buffers beside the array.

    >>> [float(x) for x in sram_accesses(900, 27, 64, 16, 8)]
    [194400.0, 1728.0, 68544.0]
    """
    high, deep, wide = _number(m), _number(k), _number(n)
    return high * deep * _folds(n, cols), deep * wide, wide * (high + 3.0 * _folds(m, rows))
