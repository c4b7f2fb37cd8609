"""How layers lie on arrays, arrays on tiles.

A layer is an unfolded weight matrix per group: K rows (c, r, s), N outputs. One output takes ``2 n_slices``
neighbouring columns (plus and minus of every slice) and never straddles two arrays. The rows are those of q
blocks: q = 1 (``mapping.layout: flattened``), or one block for each kernel position, which then has arrays of
its own (``kernel_split``, as in SpikeSim, Moitra et al., IEEE TCAD 2023):

    outputs per array   o = floor(cols / (2 n_slices))
    row tiles           R = q ceil(K / q / rows)
    column tiles        C = ceil(N / o)

Small groups share an array block-diagonally, ``p = min(G, max(1, min(rows // (K / q), o // N)))`` of them: then
R = q, C = 1 and ``q ceil(G / p)`` arrays hold the layer, else ``G R C``. Arrays are numbered group by group, column
tile by column tile, row tile fastest, and fill tiles of ``A = arrays_per_pe * pes_per_tile`` in that order, so
that the partial sums of one output are added inside a tile where they can be; copies of the layer follow each
other in the same way. Layers never share a tile.

Where one output needs more columns than an array has, each array holds one output all the same: the point is
infeasible, and its figures only tell how far off it is.

Rows and kernel positions that hold no weight are left out (``_stored``): K and q are those that are stored.

Operands that are written at run time lie on arrays of their own in the same way, each head of attention as a group;
n_slices is then that of ``_held``. Products that digital units compute lie on no array. Each of their groups has a tile
of its own, so that units, buffers and what travels have a place; they stand once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from axbar.cost._shapes import Shapes
from axbar.cost._types import Bools, Floats
from axbar.cost.components.interconnect import broadcast_pitches, reduction_pitches
from axbar.cost.imc._copies import bands, copies_of
from axbar.cost.imc._held import Held, held_of
from axbar.cost.imc._stored import Stored, stored_of
from axbar.spec.imc import ImcSpec
from axbar.workload import LayerTrace

__all__ = ["Layout", "map_layers"]


@dataclass(frozen=True)
class _Grid:
    """Rows of one array, arrays of one tile."""

    rows: float
    per_tile: float


@dataclass(frozen=True)
class Layout:
    """Layout of L layers, ``[L]`` float64 each.

    Args:
        slices: cells of one weight.
        fan_in, fan_out, groups: K, N, G, of the rows that are stored.
        pack: groups that share an array (1 if none do).
        row_tiles, col_tiles: R, C of one group.
        copies: of the whole layer.
        shares: positions that one copy works on over all positions.
        bands: buffers of different copies that hold an input element, mean.
        windows: height of what one buffer holds for its copies, in windows of the kernel.
        arrays, pes, tiles: used, by all copies.
        rows_used, cols_used: most rows and columns in use in any array.
        utilisation: cells that hold a weight over cells of the arrays used.
        row_copies: row bits that the input buffers of all tiles deliver per read (each tile its own copy); like
            all that is per read, of the one copy of the layer that makes it.
        sums_crossing: partial sums that pass from one tile to the next per read.
        tile_rows: most row bits that one tile needs while every copy makes one read.
        input_wire: row bits times array pitches of H-tree inside tiles, per read.
        sum_wire: partial sums times array pitches of H-tree inside tiles, per read.
        rows_left_out: rows of one group that hold no weight and are not stored.
        arrays_saved: arrays that all rows would take, in the copies that would then stand, less those used.
    """

    slices: Floats
    fan_in: Floats
    fan_out: Floats
    groups: Floats
    pack: Floats
    row_tiles: Floats
    col_tiles: Floats
    copies: Floats
    shares: Floats
    bands: Floats
    windows: Floats
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
    rows_left_out: Floats
    arrays_saved: Floats

    def cells_seen(self, active: Sequence[Floats], totals: Floats) -> Floats:
        """Return the (activation, cell) pairs of layers whose stored rows are active ``active[l][G * K]`` times.

        An active row crosses the columns in use of its array; groups that share an array see each other's.

        Args:
            active: how often each row is active, by layer.
            totals: their sums, ``[L]``.
        """
        own = self.fan_out * (2.0 * self.slices)
        seen = totals * own
        for i in (self.pack > 1).nonzero()[0].tolist():
            pack, g = self.pack[i], self.groups[i]
            group = np.arange(int(g))
            members = np.minimum(pack, g - (group // pack) * pack)
            seen[i] = (active[i].reshape(int(g), -1).sum(axis=1) * members).sum() * own[i]
        return seen


@dataclass(frozen=True)
class _Placed:
    """Arrays of one copy of each layer, ``[L]``; names as in the head of this module, p and q as pack and blocks."""

    blocks: Floats
    height: Floats
    pack: Floats
    row_tiles: Floats
    col_tiles: Floats
    arrays: Floats


def _placed(shapes: Shapes, grid: _Grid, outputs: Floats, arrangement: str) -> _Placed:
    """Cut matrices into arrays of so many ``outputs``; ``height`` is that of one block of rows."""
    k, n, g = shapes.fan_in, shapes.fan_out, shapes.groups
    # blocks of rows that have arrays of their own: kernel positions, or one
    q = np.ones(len(k)) if arrangement == "flattened" else shapes.kernel
    height = k / q
    pack = np.minimum(g, np.maximum(1.0, np.minimum(grid.rows // height, outputs // n)))
    shared = pack > 1
    row_tiles = q * np.where(shared, 1.0, np.ceil(height / grid.rows))
    col_tiles = np.where(shared, 1.0, np.ceil(n / outputs))
    return _Placed(q, height, pack, row_tiles, col_tiles, np.ceil(g / pack) * row_tiles * col_tiles)


def map_layers(
    layers: Sequence[LayerTrace],
    spec: ImcSpec,
    turns: Floats | None = None,
    stored: Stored | None = None,
    held: Held | None = None,
) -> Layout:
    """Place layers on the arrays of a chip.

    Args:
        layers: the matrix products.
        spec: the chip.
        turns: array reads that each layer makes one after the other while it stands once; copies are balanced
            by them.
        stored: rows of the layers that are stored, where they are known already.
        held: on which cells they lie, likewise.
    """
    held = held or held_of(layers, spec)
    width = 2.0 * held.slices
    outputs = np.maximum(1.0, spec.crossbar.cols // width)
    grid = _Grid(float(spec.crossbar.rows), float(spec.tile.arrays_per_pe * spec.tile.pes_per_tile))
    stored = stored or stored_of(layers, spec.mapping.layout)
    shapes = stored.shapes
    k, n, g, positions = shapes.fan_in, shapes.fan_out, shapes.groups, shapes.positions
    at = _placed(shapes, grid, outputs, spec.mapping.layout)
    q, height, pack, row_tiles, col_tiles, alone = (
        at.blocks, at.height, at.pack, at.row_tiles, at.col_tiles, at.arrays,
    )  # fmt: skip
    shared = pack > 1
    in_turn = positions if turns is None else turns
    d = _copies(positions, in_turn, alone, g, held, spec)
    arrays = alone * d
    rows, group_arrays = g * k, row_tiles * col_tiles
    copies, crossing = rows.copy(), np.zeros(len(k))
    spread = ((group_arrays > 1) & (arrays > grid.per_tile)).nonzero()[0]
    places = np.array([k, n, g, pack, q, row_tiles, col_tiles, d, outputs]).T[spread].tolist()
    for i, place in zip(spread.tolist(), places, strict=True):
        copies[i], crossing[i] = _traffic(*place, grid)
    m, merged = np.array([grid.per_tile]), np.minimum(row_tiles, grid.per_tile)
    buffers, windows = bands(layers, d, np.maximum(1.0, grid.per_tile // alone))
    reached = np.maximum(1.0, rows * col_tiles / copies)
    layout = Layout(
        slices=held.slices,
        fan_in=k,
        fan_out=n,
        groups=g,
        pack=pack,
        row_tiles=row_tiles,
        col_tiles=col_tiles,
        copies=d,
        shares=np.ceil(positions / d) / positions,
        bands=buffers,
        windows=windows,
        arrays=arrays,
        pes=np.ceil(arrays / spec.tile.arrays_per_pe),
        tiles=np.ceil(arrays / grid.per_tile),
        rows_used=np.where(shared, pack * height, np.minimum(height, grid.rows)),
        cols_used=np.where(shared, pack * n, np.minimum(n, outputs)) * width,
        utilisation=d * (rows * n * width) / (arrays * grid.rows * np.maximum(spec.crossbar.cols, width)),
        row_copies=copies,
        sums_crossing=crossing,
        tile_rows=_tile_rows(k, height, g * d, pack, group_arrays, row_tiles, arrays, grid),
        input_wire=copies * broadcast_pitches(m, reached),
        sum_wire=g * n * (row_tiles / merged) * reduction_pitches(m, merged),
        rows_left_out=stored.full.fan_in - k,
        arrays_saved=np.zeros(len(k))
        if stored.complete
        else _whole(stored, grid, outputs, in_turn, held, spec) - arrays,
    )
    return _without_arrays(layout, held.digital) if held.digital.any() else layout


def _copies(
    positions: Floats, turns: Floats, arrays: Floats, groups: Floats, held: Held, spec: ImcSpec
) -> Floats:
    """Return the copies of each layer; what lies on no array stands once and leaves its tiles to no other."""
    on = ~held.digital
    if on.all():
        return copies_of(positions, turns, arrays, spec)
    found = np.ones(len(positions))
    found[on] = copies_of(positions[on], turns[on], arrays[on], spec, float(groups[held.digital].sum()))
    return found


def _without_arrays(layout: Layout, digital: Bools) -> Layout:
    """Take the layers that are ``digital`` off the arrays: a tile per group, one input bus, sums where they are due."""

    def instead(there: Floats, here: Floats | float) -> Floats:
        return np.where(digital, here, there)

    return replace(
        layout,
        pack=instead(layout.pack, 1.0),
        row_tiles=instead(layout.row_tiles, 1.0),
        col_tiles=instead(layout.col_tiles, 1.0),
        arrays=instead(layout.arrays, 0.0),
        pes=instead(layout.pes, 0.0),
        tiles=instead(layout.tiles, layout.groups),
        rows_used=instead(layout.rows_used, 0.0),
        cols_used=instead(layout.cols_used, 0.0),
        utilisation=instead(layout.utilisation, 0.0),
        row_copies=instead(layout.row_copies, layout.groups * layout.fan_in),
        sums_crossing=instead(layout.sums_crossing, 0.0),
        tile_rows=instead(layout.tile_rows, layout.fan_in),
        input_wire=instead(layout.input_wire, 0.0),
        sum_wire=instead(layout.sum_wire, 0.0),
        arrays_saved=instead(layout.arrays_saved, 0.0),
    )


def _whole(stored: Stored, grid: _Grid, outputs: Floats, turns: Floats, held: Held, spec: ImcSpec) -> Floats:
    """Arrays of all copies that stand if rows without weights are stored too, ``[L]``."""
    full = stored.full
    alone = _placed(full, grid, outputs, spec.mapping.layout).arrays
    return alone * _copies(full.positions, turns, alone, full.groups, held, spec)


def _tile_rows(
    k: Floats,
    height: Floats,
    g: Floats,
    pack: Floats,
    group_arrays: Floats,
    row_tiles: Floats,
    arrays: Floats,
    grid: _Grid,
) -> Floats:
    """Most row bits that one tile needs while each of ``g`` groups (those of all copies) makes one read."""
    in_one_group = np.minimum(k, np.minimum(grid.per_tile, row_tiles) * np.minimum(height, grid.rows))
    groups_in_tile = np.minimum(g, np.ceil(grid.per_tile / group_arrays))
    alone = np.where(group_arrays >= grid.per_tile, in_one_group, groups_in_tile * k)
    packed = np.minimum(g * k, np.minimum(grid.per_tile, arrays) * pack * height)
    return np.where(pack > 1, packed, alone)


@lru_cache(maxsize=4096)
def _traffic(
    fan_in: float,
    fan_out: float,
    groups: float,
    pack: float,
    blocks: float,
    row_tiles: float,
    col_tiles: float,
    copies: float,
    outputs: float,
    grid: _Grid,
) -> tuple[float, float]:
    """Row bits that all input buffers deliver, and partial sums that change tiles, per read of one layer.

    Array (group, column tile c, row tile r) has the number ``first + c * row_tiles + r`` and lies on the tile
    of that number over A; row tile r is needed wherever one of its column tiles lies. Groups that share arrays
    count as one, copies of the layer as further ones; layers of one geometry are worked out once.
    """
    bundles, depth = math.ceil(groups / pack), row_tiles / blocks
    members = np.tile(np.minimum(pack, groups - np.arange(bundles) * pack), int(copies))[:, None]
    r, c = np.arange(row_tiles), np.arange(col_tiles)
    first = np.arange(len(members))[:, None] * (row_tiles * col_tiles)
    height = np.minimum(grid.rows, fan_in / blocks - r % depth * grid.rows)
    if row_tiles >= grid.per_tile:  # two arrays of one row tile never share a tile
        tiles_of_row = np.full((len(members), len(r)), col_tiles)
    else:
        last = first + (col_tiles - 1.0) * row_tiles + r
        tiles_of_row = last // grid.per_tile - (first + r) // grid.per_tile + 1.0
    start = first + c * row_tiles
    spans = (start + row_tiles - 1.0) // grid.per_tile - start // grid.per_tile
    crossing = spans * np.minimum(outputs, fan_out - c * outputs)
    return float((tiles_of_row * height * members).sum()) / copies, float((crossing * members).sum()) / copies
