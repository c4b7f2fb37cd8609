"""How layers lie on arrays, arrays on tiles.

A layer is an unfolded weight matrix per group: K rows (c, r, s), N outputs. One output takes ``2 n_slices``
neighbouring columns (plus and minus of every slice) and never straddles two arrays:

    outputs per array   o = floor(cols / (2 n_slices))
    row tiles           R = ceil(K / rows)
    column tiles        C = ceil(N / o)

Small groups share an array block-diagonally, ``p = min(G, max(1, min(rows // K, o // N)))`` of them: then
R = C = 1 and ``ceil(G / p)`` arrays hold the layer, else ``G R C``. Arrays are numbered group by group, column
tile by column tile, row tile fastest, and fill tiles of ``A = arrays_per_pe * pes_per_tile`` in that order, so
that the partial sums of one output are added inside a tile where they can be. Layers never share a tile.

Where one output needs more columns than an array has, each array holds one output all the same: the point is
infeasible, and its figures only tell how far off it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from axbar.cost._types import Floats
from axbar.cost.components.interconnect import broadcast_pitches, reduction_pitches
from axbar.devices import n_slices
from axbar.spec.imc import ImcSpec
from axbar.workload import LayerTrace

__all__ = ["Layout", "map_layers"]


@dataclass(frozen=True)
class _Grid:
    """Rows and outputs of one array, arrays of one tile."""

    rows: float
    outputs: float
    per_tile: float


@dataclass(frozen=True)
class Layout:
    """Layout of L layers, ``[L]`` float64 each.

    Args:
        slices: cells of one weight (a number).
        fan_in, fan_out, groups: K, N, G.
        pack: groups that share an array (1 if none do).
        row_tiles, col_tiles: R, C of one group.
        arrays, pes, tiles: used.
        rows_used, cols_used: most rows and columns in use in any array.
        utilisation: cells that hold a weight over cells of the arrays used.
        row_copies: row bits that the input buffers of all tiles deliver per read (each tile its own copy).
        sums_crossing: partial sums that pass from one tile to the next per read.
        tile_rows: most row bits that one tile needs per read.
        input_wire: row bits times array pitches of H-tree inside tiles, per read.
        sum_wire: partial sums times array pitches of H-tree inside tiles, per read.
    """

    slices: int
    fan_in: Floats
    fan_out: Floats
    groups: Floats
    pack: Floats
    row_tiles: Floats
    col_tiles: Floats
    arrays: Floats
    pes: Floats
    tiles: Floats
    rows_used: Floats
    cols_used: Floats
    utilisation: Floats
    row_copies: Floats
    sums_crossing: Floats
    tile_rows: Floats
    input_wire: Floats
    sum_wire: Floats

    def cells_seen(self, layer: int, active: Floats) -> float:
        """Return the (activation, cell) pairs of a layer whose rows are active ``active[G * K]`` times.

        An active row crosses the columns in use of its array; groups that share an array see each other's.
        """
        own = self.fan_out[layer] * (2.0 * self.slices)
        pack, g = self.pack[layer], self.groups[layer]
        if pack <= 1:
            return float(active.sum() * own)
        group = np.arange(int(g))
        members = np.minimum(pack, g - (group // pack) * pack)
        return float((active.reshape(int(g), -1).sum(axis=1) * members).sum() * own)


def map_layers(layers: Sequence[LayerTrace], spec: ImcSpec) -> Layout:
    """Place layers on the arrays of a chip."""
    slices = n_slices(spec.crossbar.weight_bits, spec.crossbar.cell_bits)
    width = 2.0 * slices
    outputs = float(max(1, spec.crossbar.cols // (2 * slices)))
    grid = _Grid(float(spec.crossbar.rows), outputs, float(spec.tile.arrays_per_pe * spec.tile.pes_per_tile))
    k = np.array([layer.geometry.fan_in for layer in layers], dtype=np.float64)
    n = np.array([layer.geometry.fan_out for layer in layers], dtype=np.float64)
    g = np.array([layer.geometry.groups for layer in layers], dtype=np.float64)
    pack = np.minimum(g, np.maximum(1.0, np.minimum(grid.rows // k, outputs // n)))
    shared = pack > 1
    row_tiles = np.where(shared, 1.0, np.ceil(k / grid.rows))
    col_tiles = np.where(shared, 1.0, np.ceil(n / outputs))
    arrays = np.where(shared, np.ceil(g / pack), g * row_tiles * col_tiles)
    copies, crossing = g * k, np.zeros_like(k)
    for i in np.flatnonzero(~shared & (arrays > grid.per_tile)).tolist():
        layer = (float(k[i]), float(n[i]), float(g[i]), float(row_tiles[i]), float(col_tiles[i]))
        copies[i], crossing[i] = _traffic(*layer, grid)
    m, merged = np.full_like(k, grid.per_tile), np.minimum(row_tiles, grid.per_tile)
    reached = np.maximum(1.0, g * k * col_tiles / copies)
    return Layout(
        slices=slices,
        fan_in=k,
        fan_out=n,
        groups=g,
        pack=pack,
        row_tiles=row_tiles,
        col_tiles=col_tiles,
        arrays=arrays,
        pes=np.ceil(arrays / spec.tile.arrays_per_pe),
        tiles=np.ceil(arrays / grid.per_tile),
        rows_used=np.where(shared, pack * k, np.minimum(k, grid.rows)),
        cols_used=np.where(shared, pack * n, np.minimum(n, outputs)) * width,
        utilisation=g * k * n * width / (arrays * grid.rows * np.maximum(spec.crossbar.cols, width)),
        row_copies=copies,
        sums_crossing=crossing,
        tile_rows=_tile_rows(k, g, pack, row_tiles * col_tiles, row_tiles, arrays, grid),
        input_wire=copies * broadcast_pitches(m, reached),
        sum_wire=g * n * (row_tiles / merged) * reduction_pitches(m, merged),
    )


def _tile_rows(
    k: Floats,
    g: Floats,
    pack: Floats,
    group_arrays: Floats,
    row_tiles: Floats,
    arrays: Floats,
    grid: _Grid,
) -> Floats:
    """Most row bits that one tile needs per read."""
    in_one_group = np.minimum(k, np.minimum(grid.per_tile, row_tiles) * grid.rows)
    groups_in_tile = np.minimum(g, np.ceil(grid.per_tile / group_arrays))
    alone = np.where(group_arrays >= grid.per_tile, in_one_group, groups_in_tile * k)
    packed = np.minimum(g * k, np.minimum(grid.per_tile, arrays) * pack * k)
    return np.where(pack > 1, packed, alone)


def _traffic(
    fan_in: float, fan_out: float, groups: float, row_tiles: float, col_tiles: float, grid: _Grid
) -> tuple[float, float]:
    """Row bits that all input buffers deliver, and partial sums that change tiles, per read of one layer.

    Array (group, column tile c, row tile r) has the number ``first + c * row_tiles + r`` and lies on the tile
    of that number over A; row tile r is needed wherever one of its column tiles lies.
    """
    r, c = np.arange(row_tiles), np.arange(col_tiles)
    first = np.arange(groups)[:, None] * (row_tiles * col_tiles)
    height = np.minimum(grid.rows, fan_in - r * grid.rows)
    if row_tiles >= grid.per_tile:  # two arrays of one row tile never share a tile
        tiles_of_row = np.full((int(groups), len(r)), col_tiles)
    else:
        last = first + (col_tiles - 1.0) * row_tiles + r
        tiles_of_row = last // grid.per_tile - (first + r) // grid.per_tile + 1.0
    start = first + c * row_tiles
    spans = (start + row_tiles - 1.0) // grid.per_tile - start // grid.per_tile
    crossing = spans * np.minimum(grid.outputs, fan_out - c * grid.outputs)
    return float((tiles_of_row * height).sum()), float(crossing.sum())
