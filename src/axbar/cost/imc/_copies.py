"""Copies of layers: how often the weights of a layer stand on the chip.

Copies of a layer share its output positions and work at the same time, so with d copies

    reads in turn = ceil(V / d) per step instead of V,       1 <= d <= V positions,

while arrays and tiles grow d times; what is read, converted and added up stays the same. Copies take
neighbouring bands of output rows. With h = ceil(d / copies in one tile) tiles, or sets of tiles, that hold copies,
each needs the input rows of its band and those around it under the kernel,

    min(H, (ceil(H_out / h) - 1) stride + (kernel - 1) dilation + 1)     of H input rows,

in its buffers.

``mapping.duplication`` asks for so many copies of every layer. ``mapping.balance: throughput`` adds copies where
they shorten the slowest layer, until all tiles of all dies are taken: of all times that no layer may exceed, it
takes the shortest for which the fewest copies that hold it fit. A layer's time is taken as proportional to
its reads in turn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from axbar.cost._types import Floats
from axbar.spec.imc import ImcSpec
from axbar.workload import LayerTrace

__all__ = ["bands", "copies_of"]

#: halvings of the interval in which the time of the slowest layer lies
_HALVINGS = 50


def copies_of(positions: Floats, turns: Floats, arrays: Floats, spec: ImcSpec, taken: float = 0.0) -> Floats:
    """Return the copies of each layer, ``[L]``.

    Args:
        positions: output positions, ``[L]``.
        turns: array reads in turn of a layer that stands once, ``[L]``.
        arrays: of one copy, ``[L]``.
        spec: copies asked for, tiles there are.
        taken: tiles that other layers need.
    """
    base = np.minimum(float(spec.mapping.duplication), positions)
    per_tile = float(spec.tile.arrays_per_pe * spec.tile.pes_per_tile)
    budget = float(spec.chip.max_tiles * spec.chip.max_dies) - taken
    if spec.mapping.balance == "none" or not _fits(base, arrays, per_tile, budget):
        return base
    each = np.maximum(turns, 1.0) / positions  # reads of one position

    def needed(longest: float) -> Floats:
        in_a_row = np.maximum(np.floor(longest / each * (1.0 + 1e-12)), 1.0)
        return np.maximum(base, np.ceil(positions / in_a_row))

    low, high = float(each.max()), float((each * np.ceil(positions / base)).max())
    if _fits(needed(low), arrays, per_tile, budget):
        return needed(low)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if _fits(needed(middle), arrays, per_tile, budget):
            high = middle
        else:
            low = middle
    return needed(high)


def _fits(copies: Floats, arrays: Floats, per_tile: float, budget: float) -> bool:
    return bool(np.ceil(arrays * copies / per_tile).sum() <= budget)


def bands(layers: Sequence[LayerTrace], copies: Floats, together: Floats) -> tuple[Floats, Floats]:
    """Return what copies that share the rows of an image need of it, ``[L]`` each.

    Args:
        layers: the matrix products.
        copies: of each.
        together: copies that fit one tile, whose bands lie side by side in its buffer.

    Returns:
        how many buffers hold an input element, mean; and how many windows of the kernel's height the band of one
        buffer is high.
    """
    held, windows = np.ones(len(layers)), np.full(len(layers), np.inf)
    for i in (copies > 1).nonzero()[0].tolist():
        shape = layers[i].geometry
        if len(shape.in_shape) == 3:
            holders = math.ceil(copies[i] / together[i])
            rows = -(-shape.out_shape[1] // holders)
            window = min(shape.in_shape[1], (shape.kernel[0] - 1) * shape.dilation[0] + 1)
            needed = min(shape.in_shape[1], (rows - 1) * shape.stride[0] + window)
            held[i], windows[i] = max(1.0, holders * needed / shape.in_shape[1]), needed / window
    return held, windows
