"""Clipping of what is written at run time: low conductances to none, high ones to a bound (ClipFormer).

A magnitude code v of b bits stands for the conductance G = g_off + v / (2^b - 1) (g_on - g_off). Before it is cut into
the digits of cells,

    G ← max(G - α g_off, g_off)        G ← min(G, max(β g_on, g_off))

and v is read back from G, rounded. Low conductances move to g_off, where cells have no write noise; high ones, which
have most of it, move down, and with β low enough the cells of the highest digits are all empty. Bhattacharjee, Moitra
and Panda, "ClipFormer", IEEE TCAD 2024 (arXiv 2402.02586), from third-party notes; that the whole value is clipped and
not the digit of each cell is inferred from its area figures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["clipped_codes"]


def clipped_codes(
    bits: int, clip_low: float, clip_high: float, g_off_S: float, g_on_S: float
) -> NDArray[np.uint8]:
    """Return what each magnitude code becomes, ``[2^bits]``.

    Args:
        bits: of a magnitude, 1 to 8.
        clip_low, clip_high: α and β; 0 and 1 clip nothing.
        g_off_S, g_on_S: range of a cell.

    >>> clipped_codes(8, 2.0, 0.25, 1e-7, 1e-5)[[0, 5, 6, 60, 255]].tolist()
    [0, 0, 1, 55, 62]
    """
    top = 2**bits - 1
    g = g_off_S + np.arange(top + 1) / top * (g_on_S - g_off_S)
    clipped = np.minimum(np.maximum(g - clip_low * g_off_S, g_off_S), max(clip_high * g_on_S, g_off_S))
    return np.rint((clipped - g_off_S) / (g_on_S - g_off_S) * top).astype(np.uint8)
