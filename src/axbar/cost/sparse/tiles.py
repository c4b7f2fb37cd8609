"""An operand cut into tiles: how many non-zeros each has, and which tiles have the same content.

``TileGrid`` numbers the distinct tiles of an operand. Two tiles share a number if shape and content are equal (all
tiles without a non-zero, for instance); with ``by_place`` every tile has a number of its own, as on a chip, which
can't know the content of a tile before it has fetched it. Bits of a tile are packed and looked up whole, so equality
is exact, not that of a hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.cost.sparse.tensors import Bools, LayerTensors
from axbar.workload._pack import popcount

__all__ = ["TileGrid", "fifo_misses", "spike_tiles", "weight_tiles"]

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TileGrid:
    """Tiles of one operand, ``[S, rows of tiles, columns of tiles]`` (S = 1 for weights).

    Args:
        ids: number of the distinct tile at each place.
        nnz: non-zeros of each place.
        numel: elements of each place.
    """

    ids: Integers
    nnz: Integers
    numel: Integers

    def by_id(self, values: Integers) -> Integers:
        """Return a figure of places as a table over ids; places of one id agree."""
        table = np.zeros(int(self.ids.max()) + 1, dtype=np.int64)
        table[self.ids.ravel()] = values.ravel()
        return table


def spike_tiles(tensors: LayerTensors, rows: int, cols: int, *, packed: bool, by_place: bool) -> TileGrid:
    """Cut spikes into tiles of ``rows`` x ``cols``: of the OR over T if ``packed``, of every step if not."""
    if packed:
        return _grid(tensors.fires[np.newaxis], tensors.fires_bytes, rows, cols, by_place)
    return _grid(tensors.spikes, tensors.spike_bytes, rows, cols, by_place)


def weight_tiles(tensors: LayerTensors, rows: int, cols: int, *, by_place: bool) -> TileGrid:
    """Cut weights ``[K, N]`` into tiles; tiles are equal if their values are, not only their masks."""
    grid = _grid(tensors.mask[np.newaxis], tensors.mask_bytes, rows, cols, by_place)
    if by_place or tensors.weights.dtype == np.bool_:
        return grid
    return TileGrid(_tell_values_apart(grid, tensors.weights, rows, cols), grid.nnz, grid.numel)


def _extents(length: int, tile: int) -> Integers:
    sizes = np.full(-(-length // tile), tile, dtype=np.int64)
    sizes[-1] = length - tile * (sizes.size - 1)
    return sizes


def _grid(bits: Bools, packed: Bytes, rows: int, cols: int, by_place: bool) -> TileGrid:
    _, height, width = bits.shape
    heights, widths = _extents(height, rows), _extents(width, cols)
    if cols % 8:  # tiles do not begin at whole bytes: pack each of them by itself
        whole = _filled_up(bits, 1, widths.size * cols)
        packed = np.packbits(whole.reshape(*whole.shape[:2], widths.size, cols), axis=-1)
        packed = packed.reshape(*whole.shape[:2], -1)
    tiles = _cut(packed, rows, -(-cols // 8), heights.size, widths.size)
    shape = tiles.shape[:3]
    flat = tiles.reshape(-1, tiles.shape[3] * tiles.shape[4])
    counts = popcount(flat.view(np.uint64) if flat.shape[1] % 8 == 0 else flat)
    nnz = counts.sum(axis=1, dtype=np.int64).reshape(shape)
    numel = np.broadcast_to(heights[:, np.newaxis] * widths, shape).astype(np.int64)
    places = np.arange(nnz.size, dtype=np.int64).reshape(shape)
    ids = places if by_place else _content_ids(flat, nnz, heights, widths)
    return TileGrid(ids, nnz, numel)


def _filled_up(array: NDArray[Any], rows: int, cols: int) -> NDArray[Any]:
    """``[S, H, W]`` with zeros behind it, up to multiples of ``rows`` and ``cols``."""
    steps, height, width = array.shape
    down, across = -(-height // rows) * rows, -(-width // cols) * cols
    if (down, across) == (height, width):
        return array
    whole = np.zeros((steps, down, across), dtype=array.dtype)
    whole[:, :height, :width] = array
    return whole


def _cut(packed: Bytes, rows: int, width: int, down: int, across: int) -> Bytes:
    """Tiles of bytes, ``[S, down, across, rows, width]``."""
    whole = _filled_up(packed, rows, width)
    tiles = whole.reshape(packed.shape[0], down, rows, across, width)
    return np.ascontiguousarray(tiles.swapaxes(2, 3))


def _content_ids(tiles: Bytes, nnz: Integers, heights: Integers, widths: Integers) -> Integers:
    """Numbers of distinct tiles; ``tiles`` holds one of them per row."""
    length, raw = tiles.shape[1], tiles.tobytes()
    shapes = (
        np.broadcast_to(heights[:, np.newaxis] * (int(widths[0]) + 1) + widths, nnz.shape).ravel().tolist()
    )
    seen: dict[tuple[int, bytes], int] = {}
    found = [
        seen.setdefault((shape, raw[at : at + length] if count else b""), len(seen))
        for shape, count, at in zip(
            shapes, nnz.ravel().tolist(), range(0, length * nnz.size, length), strict=True
        )
    ]
    return np.array(found, dtype=np.int64).reshape(nnz.shape)


def _tell_values_apart(grid: TileGrid, weights: NDArray[Any], rows: int, cols: int) -> Integers:
    """Split ids whose tiles have equal masks but other values; few tiles have, so this loop is short."""
    ids = grid.ids[0].copy()
    _, first, uses = np.unique(ids, return_index=True, return_counts=True)
    next_id = int(ids.max()) + 1
    for at in first[(uses > 1) & (grid.nnz[0].ravel()[first] > 0)].tolist():
        variants: dict[bytes, int] = {}
        same = np.argwhere(ids == ids.flat[at]).tolist()
        for i, j in same:
            tile = weights[i * rows : (i + 1) * rows, j * cols : (j + 1) * cols]
            key = (tile + 0).tobytes()  # -0.0 + 0 is 0.0
            if not variants:
                variants[key] = int(ids[i, j])
            elif key not in variants:
                variants[key] = next_id
                next_id += 1
            ids[i, j] = variants[key]
    return ids[np.newaxis]


def fifo_misses(visits: Integers, sizes: Integers, capacity: int) -> Integers:
    """Return how often each id has to be fetched when tiles are visited in order.

    A resident tile is a hit and keeps its place in the queue. A missing one pushes out the oldest until it fits; one
    that is larger than the whole FIFO empties it and does not stay.

    Args:
        visits: ids in the order of visits.
        sizes: values of each id that take room.
        capacity: values that fit.

    >>> fifo_misses(np.array([0, 1, 0, 2, 0]), np.array([1, 1, 1]), 2).tolist()
    [2, 1, 1]
    """
    used_ids = np.zeros(sizes.size, dtype=np.int64)
    if visits.size == 0:
        return used_ids
    used_ids[visits] = 1
    if int((sizes * used_ids).sum()) <= capacity:
        return used_ids  # everything fits at once: each distinct tile is fetched once
    moved = np.concatenate(([True], visits[1:] != visits[:-1]))
    oversized = sizes > capacity
    return _replay(visits[moved | oversized[visits]].tolist(), sizes.tolist(), capacity)


def _replay(visits: Sequence[int], sizes: Sequence[int], capacity: int) -> Integers:
    fetched: list[
        int
    ] = []  # every fetch in order; what is resident is the end of this list from ``oldest`` on
    place = [-1] * len(sizes)  # of a tile's last fetch in that list
    oldest = used = 0
    for tile in visits:
        if place[tile] >= oldest:
            continue
        place[tile] = len(fetched)
        fetched.append(tile)
        used += sizes[tile]
        while used > capacity:  # an oversized tile pushes out even itself
            used -= sizes[fetched[oldest]]
            oldest += 1
    return np.bincount(np.array(fetched), minlength=len(sizes)).astype(np.int64)
