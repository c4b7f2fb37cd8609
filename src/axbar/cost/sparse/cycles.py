"""Cycles and operations of a dataflow when only matches cost time: the published level.

One tile visit joins a tile of x (``rows x chunk``) with a tile of w (``chunk x cols``); a PE spends one cycle per
match, and the tile ends with its slowest PE:

    row split      e[m, j] = x[m, chunk] . rowcount(w[chunk, cols of tile j])
    column split   e[i, n] = colcount(x[rows of tile i, chunk]) . w[chunk, n]
    cycles = sum over tiles (and steps) of max over the PEs of e,     ops = sum of e

with x the OR over T for packed words (then there is no loop over t) and one step of x otherwise. Fill, drain, mask
scan, prefix sums, corrections and neurons cost nothing here, and a tile without a match costs 0: this is a lower
bound that the levels ``join`` and ``pipeline`` raise. Source: LoAS (Yin et al., MICRO 2024), as its authors simulate
all dataflows. Checked against their simulator's cycles and operations on 23 layers (``tests/golden``).

Per chunk: one ``add.reduceat``, one matrix product, one ``maximum.reduceat``. Sums are counts below 2^24 (asserted),
so float32 products are exact whatever the order: results do not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.cost.sparse.dataflow import Dataflow
from axbar.cost.sparse.tensors import Bools, LayerTensors

__all__ = ["TileCycles", "column_split", "packed_spikes", "row_split", "starts", "tile_cycles"]

#: integers up to here are exact in float32
EXACT_FLOAT32 = 1 << 24

Float32s = NDArray[np.float32]


@dataclass(frozen=True)
class TileCycles:
    """Cycles and operations of a layer.

    Args:
        cycles: sum over tiles of the slowest PE's matches.
        ops: matches of all PEs.
    """

    cycles: int
    ops: int


def starts(extent: int, tile: int) -> NDArray[np.intp]:
    """Return where tiles begin along an axis; the last one may be smaller."""
    return np.arange(0, extent, tile, dtype=np.intp)


def packed_spikes(tensors: LayerTensors, flow: Dataflow) -> Bools:
    """Return what the joins see, ``[S, M, K]``: the OR over T (S = 1), or all steps (S = T)."""
    return tensors.fires[np.newaxis] if flow.packed else tensors.spikes


def tile_cycles(tensors: LayerTensors, flow: Dataflow) -> TileCycles:
    """Return cycles and operations of one layer at the published level."""
    if tensors.empty:
        return TileCycles(0, 0)
    spikes = packed_spikes(tensors, flow)
    if flow.split == "row":
        cycles = row_split(spikes, tensors.mask, flow)
    else:
        cycles = column_split(spikes, tensors.mask_float, flow)
    # matches of all tiles together do not depend on how they are cut
    return TileCycles(cycles, tensors.matches if flow.packed else tensors.acs)


def row_split(spikes: Bools, mask: Bools, flow: Dataflow) -> int:
    """Return cycles where PE i works on row i of a tile of x.

    Args:
        spikes: ``[S, M, K]``.
        mask: non-zero weights ``[K, N]``.
        flow: gives the extents of tiles.
    """
    steps, rows, inputs = spikes.shape
    counts = _tile_sums(mask, flow.tile.cols, axis=1).astype(np.float32)  # [K, tiles of w]
    x = spikes.reshape(steps * rows, inputs)
    row_tiles = starts(rows, flow.tile.rows)
    cycles = 0
    for chunk in _chunks(inputs, flow):
        matches = _product(x[:, chunk].astype(np.float32), counts[chunk]).reshape(steps, rows, -1)
        cycles += int(np.maximum.reduceat(matches, row_tiles, axis=1).sum(dtype=np.float64))
    return cycles


def column_split(spikes: Bools, mask: Float32s, flow: Dataflow) -> int:
    """Return cycles where PE i works on column i of a tile of w; ``mask`` holds 0 and 1 as numbers."""
    inputs = spikes.shape[2]
    counts = _tile_sums(spikes, flow.tile.rows, axis=1)
    x = counts.reshape(-1, inputs).astype(np.float32)  # [S * tiles of x, K]
    col_tiles = starts(mask.shape[1], flow.tile.cols)
    cycles = 0
    for chunk in _chunks(inputs, flow):
        matches = _product(x[:, chunk], mask[chunk])
        cycles += int(np.maximum.reduceat(matches, col_tiles, axis=1).sum(dtype=np.float64))
    return cycles


def _chunks(inputs: int, flow: Dataflow) -> Iterator[slice]:
    for start in range(0, inputs, flow.tile.chunk):
        yield slice(start, start + flow.tile.chunk)


def _tile_sums(bits: Bools, tile: int, axis: int) -> NDArray[np.unsignedinteger[Any]]:
    """Ones within each tile along an axis, counted in bytes where they fit."""
    kind = np.uint8 if tile < 256 else np.uint32
    return np.add.reduceat(bits.view(np.uint8), starts(bits.shape[axis], tile), axis=axis, dtype=kind)


def _product(a: Float32s, b: Float32s) -> NDArray[Any]:
    """Product of counts, exact: entries are at most chunk * rows or chunk * cols."""
    product = a @ b
    assert product.size == 0 or float(product.max()) < EXACT_FLOAT32, "counts beyond 2^24 are not exact"
    return product
