"""Weights as integers, integers as cells: one law for accuracy and for cost.

Symmetric uniform quantisation of a signed weight w with b bits, one of them the sign:

    q_max = 2^(b-1) - 1,     scale = max|w| / q_max,     code = clip(round(w / scale), -q_max, q_max).

The magnitude is cut into ``ceil((b - 1) / c)`` slices of c bits (``cell_bits``), least significant first;
positive codes stand on the plus column of a differential pair, negative ones on the minus column. A cell at
level v has the conductance

    G = g_off + v / (2^c - 1) * (g_on - g_off).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["level_conductance_S", "n_slices", "quantise", "slice_codes"]


def quantise(weights: ArrayLike, bits: int, scale: float | None = None) -> tuple[NDArray[np.int32], float]:
    """Round weights to signed integers of ``bits`` bits.

    Args:
        weights: any shape, finite.
        bits: 2..32, sign included.
        scale: step to use instead of ``max|w| / q_max`` (where a technique fixed it).

    Returns:
        ``(codes, scale)`` with ``weights ~ codes * scale``; scale is 1 where all weights are zero.

    >>> quantise([0.5, -1.0], 3)[0].tolist()
    [2, -3]
    """
    w = np.asarray(weights, dtype=np.float64)
    q_max = 2 ** (bits - 1) - 1
    step = scale if scale is not None else float(np.max(np.abs(w), initial=0.0)) / q_max
    step = float(step) or 1.0
    codes = np.clip(np.rint(w / step), -q_max, q_max)
    return codes.astype(np.int32), step


def n_slices(weight_bits: int, cell_bits: int) -> int:
    """Return how many cells hold the magnitude of one weight."""
    return -(-(weight_bits - 1) // cell_bits)


def slice_codes(
    codes: NDArray[np.integer[Any]], weight_bits: int, cell_bits: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Cut signed codes into cell levels.

    Args:
        codes: signed integers of ``weight_bits`` bits, any shape.

    Returns:
        ``(plus, minus)`` levels, each ``[n_slices, *codes.shape]``, least significant slice first.
    """
    shifts = np.arange(n_slices(weight_bits, cell_bits)) * cell_bits
    shifts = shifts.reshape(-1, *([1] * codes.ndim))
    magnitude = (np.abs(codes)[None] >> shifts) & (2**cell_bits - 1)
    return (
        np.where(codes > 0, magnitude, 0).astype(np.uint8),
        np.where(codes < 0, magnitude, 0).astype(np.uint8),
    )


def level_conductance_S(
    levels: ArrayLike, cell_bits: ArrayLike, g_on_S: ArrayLike, g_off_S: ArrayLike
) -> NDArray[np.float64]:
    """Return the target conductance of cell levels ``0 .. 2^cell_bits - 1``; arguments broadcast."""
    top = np.exp2(np.asarray(cell_bits, dtype=np.float64)) - 1
    on, off = np.asarray(g_on_S, dtype=np.float64), np.asarray(g_off_S, dtype=np.float64)
    return off + np.asarray(levels, dtype=np.float64) / top * (on - off)
