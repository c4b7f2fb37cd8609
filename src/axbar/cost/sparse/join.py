"""Fidelity ``join``: what the inner joins cost when every look at a pair of fibres takes at least one cycle.

The closed form ``published`` counts matches alone, so that a pair of empty fibres is free. Here a processing
element (PE) spends one cycle per match, and one cycle on what it had to look at in vain:

    inner product (LoAS, SparTen)   e[m, n, chunk] = max(1, matches[chunk, m, n])
    outer product (GoSPA)           e[tile, n]     = max(1, sum over k with w[k, n] != 0 of max(1, colcount[tile, k]))
    Gustavson (Gamma)               e[m, tile]     = max(1, sum over k with x[m, k] of max(1, rowcount[k, tile]))

``matches[c, m, n]`` is the number of k in chunk c with x[m, k] and w[k, n] both non-zero: one AND of two mask words
of ``chunk`` bits, 1 cycle (word width: assumed equal to the chunk). ``colcount`` is the number of spikes of input k in
a tile of rows, ``rowcount`` the number of non-zero weights of input k in a tile of columns: a fibre that turns out
empty has still been addressed (one pointer read); so has an empty chunk. These two floors are ours, derived by
analogy; the authors' simulator has none.

    cycles = sum over tiles of max over the PEs of (sum of e over what one PE does in the tile)

SparTen's greedy balancing (Gondimalla et al., MICRO 2019, its software variant, from memory): a PE holds two filters
at a time, a dense one and a sparse one. Here one filter of each of two neighbouring tiles of columns, the densest
of one with the sparsest of the other. The greatest sum of pairs is at most the sum of the greatest, so balancing
never costs a cycle, whatever the spikes are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Joins",
    "Tiling",
    "add_tiles",
    "collocated",
    "gustavson_join",
    "inner_join",
    "match_counts",
    "outer_join",
    "starts",
]

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Singles = NDArray[np.float32]

#: float32 holds integers up to here without rounding
_EXACT = 2**24


@dataclass(frozen=True)
class Tiling:
    """How one product is cut.

    Args:
        chunk: inputs k of one tile.
        lanes: PEs that work side by side on one tile; rows of it if ``by_row``, else columns.
        batch: rows or columns of a tile that one PE works off in sequence.
        by_row: PEs share the rows (row split); if not, the columns.
    """

    chunk: int
    lanes: int
    batch: int
    by_row: bool


@dataclass(frozen=True)
class Joins:
    """What one product took.

    Args:
        cycles: of the array, barrier after every tile.
        scanned: pairs of fibres looked at.
        matched: those of them with at least one match.
        matches: non-zero pairs, one accumulation each.
    """

    cycles: int = 0
    scanned: int = 0
    matched: int = 0
    matches: int = 0

    def __add__(self, other: Joins) -> Joins:
        return Joins(
            self.cycles + other.cycles,
            self.scanned + other.scanned,
            self.matched + other.matched,
            self.matches + other.matches,
        )


def starts(size: int, step: int) -> Ints:
    """Return where the tiles of an axis begin; the last one may be smaller."""
    return np.arange(0, size, step, dtype=np.int64)


def add_tiles(values: NDArray[Any], step: int, axis: int) -> NDArray[Any]:
    """Return the sums over tiles of ``step`` along an axis."""
    return np.add.reduceat(values, starts(values.shape[axis], step), axis=axis)


def match_counts(spikes: Bools, mask: Bools, chunk: int) -> NDArray[np.int32]:
    """Return how many inputs of each chunk are non-zero on both sides, ``[chunks, M, N]``.

    Args:
        spikes: ``[M, K]``, where an input element is non-zero.
        mask: ``[K, N]``, where a weight is non-zero.
        chunk: inputs per mask word.
    """
    return np.stack([counts.astype(np.int32) for counts in _chunk_counts(spikes, mask, chunk)])


def _chunk_counts(spikes: Bools, mask: Bools, chunk: int) -> Iterator[Singles]:
    """Yield ``[M, N]`` per chunk: one GEMM each, exact in float32 since no sum exceeds the chunk."""
    assert chunk < _EXACT
    for first in starts(mask.shape[0], chunk):
        part = slice(first, first + chunk)
        yield spikes[:, part].astype(np.float32) @ mask[part].astype(np.float32)


def inner_join(
    spikes: Bools, mask: Bools, tiling: Tiling, *, pairs: Ints | None = None, in_vain: int = 1, ahead: int = 0
) -> Joins:
    """Return the joins of an inner-product flow on one matrix of spikes.

    Args:
        spikes: ``[M, K]`` of one step, or packed over all steps.
        mask: ``[K, N]``.
        tiling: of the product.
        pairs: columns that share a PE, from ``collocated``; None if every column has its own (column split only).
        in_vain: cycles of a join without a match; 0 gives the closed form ``published``.
        ahead: cycles before the first match of a join leaves.
    """
    cycles = scanned = matched = matches = 0
    for found in _chunk_counts(spikes, mask, tiling.chunk):
        hit = found > 0
        scanned += found.size
        matched += int(np.count_nonzero(hit))
        matches += int(found.sum(dtype=np.float64))
        cost = np.where(hit, found + np.float32(ahead), np.float32(in_vain)) if in_vain or ahead else found
        cycles += _barriers(cost if tiling.by_row else cost.T, tiling, pairs)
    return Joins(cycles, scanned, matched, matches)


def _barriers(cost: Singles, tiling: Tiling, pairs: Ints | None) -> int:
    """Return the cycles of one chunk: ``cost[lane, item]`` summed over items of a tile, then the slowest lane."""
    work = add_tiles(cost, tiling.batch, axis=1)
    if pairs is None:
        slowest = np.maximum.reduceat(work, starts(work.shape[0], tiling.lanes), axis=0)
    else:
        # row -1 stands for the missing column of a smaller last tile
        work = np.concatenate([work, np.zeros((1, work.shape[1]), dtype=work.dtype)])
        slowest = work[pairs].sum(axis=2).max(axis=1)
    return int(slowest.sum(dtype=np.float64))


def collocated(mask: Bools, lanes: int, tiles: int = 2) -> Ints:
    """Return which columns share a PE, ``[groups, lanes, tiles]``; -1 where a smaller last tile has none.

    Of every tile of ``lanes`` columns each PE of the group gets one: the densest goes to the PE with the fewest
    weights so far. Weights alone decide, before any spike is known.

    Args:
        mask: ``[K, N]``.
        lanes: columns of a tile, one per PE.
        tiles: neighbouring tiles whose columns are shared out; 1 balances nothing.
    """
    density = np.count_nonzero(mask, axis=0)
    columns = density.size
    width = lanes * tiles
    groups = -(-columns // width)
    slots = np.full((groups, lanes, tiles), -1, dtype=np.int64)
    for group in range(groups):
        load = np.zeros(lanes, dtype=np.int64)
        for tile in range(tiles):
            first = group * width + tile * lanes
            own = np.arange(first, min(first + lanes, columns), dtype=np.int64)
            own = own[np.argsort(-density[own], kind="stable")]
            lightest = np.argsort(load, kind="stable")[: own.size]
            slots[group, lightest, tile] = own
            load[lightest] += density[own]
    return slots


def outer_join(spikes: Bools, mask: Bools, tiling: Tiling, *, at_least: int = 0) -> Joins:
    """Return the joins of an outer-product flow on the spikes of one step.

    A PE owns a column of weights; per non-zero weight it walks through the spikes of that input.

    Args:
        spikes: ``[M, K]``.
        mask: ``[K, N]``.
        tiling: column split; ``batch`` is the rows of a tile.
        at_least: cycles of a tile per row of it, whatever the matches are.
    """
    rows = np.diff(np.append(starts(spikes.shape[0], tiling.batch), spikes.shape[0]))
    spiking = add_tiles(spikes.astype(np.float32), tiling.batch, axis=0)
    per_weight = np.maximum(spiking, np.float32(1))
    weights = np.count_nonzero(mask, axis=1)
    cycles = 0
    for first in starts(mask.shape[0], tiling.chunk):
        part = slice(first, first + tiling.chunk)
        work = np.maximum(_exact_product(per_weight[:, part], mask[part].astype(np.float32)), np.float32(1))
        slowest = np.maximum.reduceat(work, starts(work.shape[1], tiling.lanes), axis=1)
        cycles += int(np.maximum(slowest, np.float32(at_least) * rows[:, None]).sum(dtype=np.float64))
    return Joins(
        cycles=cycles,
        scanned=spiking.shape[0] * int(weights.sum()),
        matched=int((np.count_nonzero(spiking, axis=0) * weights).sum()),
        matches=int(spiking.sum(axis=0, dtype=np.float64) @ weights),
    )


def gustavson_join(spikes: Bools, mask: Bools, tiling: Tiling, *, merge_partials: bool = False) -> Joins:
    """Return the joins of a Gustavson flow on the spikes of one step.

    A PE owns a row of spikes; per spike it walks through the weights of that input.

    Args:
        spikes: ``[M, K]``.
        mask: ``[K, N]``.
        tiling: row split; ``batch`` is the columns of a tile.
        merge_partials: partial sums of earlier chunks enter the merger too, an element per cycle, where it
            meets their columns; the others stay where they are.
    """
    weights = add_tiles(mask.astype(np.float32), tiling.batch, axis=1)
    per_spike = np.maximum(weights, np.float32(1))
    seen = np.zeros((spikes.shape[0], mask.shape[1]), dtype=np.bool_)
    cycles = 0
    for first in starts(mask.shape[0], tiling.chunk):
        part = slice(first, first + tiling.chunk)
        fired = spikes[:, part].astype(np.float32)
        work = _exact_product(fired, per_spike[part])
        if merge_partials:
            found = _exact_product(fired, mask[part].astype(np.float32)) > 0
            work += add_tiles((found & seen).astype(np.float32), tiling.batch, axis=1)
            seen |= found
        np.maximum(work, np.float32(1), out=work)
        slowest = np.maximum.reduceat(work, starts(work.shape[0], tiling.lanes), axis=0)
        cycles += int(slowest.sum(dtype=np.float64))
    spikes_of = np.count_nonzero(spikes, axis=0)
    return Joins(
        cycles=cycles,
        scanned=int(spikes_of.sum()) * weights.shape[1],
        matched=int(spikes_of @ np.count_nonzero(weights, axis=1)),
        matches=int(spikes_of @ weights.sum(axis=1, dtype=np.float64)),
    )


def _exact_product(left: Singles, right: Singles) -> Singles:
    """Return the matrix product of small integers, exact in float32."""
    assert left.shape[1] * float(left.max(initial=0)) * float(right.max(initial=0)) < _EXACT
    return left @ right
