"""Fidelity ``pipeline``: inner joins through LoAS's fast and laggy prefix sums, cycle by cycle.

A match needs two addresses: where its weight lies among the packed weights of the column, and where its spike word
lies among the packed words of the row. Each is a prefix sum of a mask of ``chunk`` bits. A *fast* circuit gives all
of one mask within the cycle; a *laggy* one with ``adders`` adders takes Λ = ceil(chunk / adders) cycles (128 / 16 = 8).
``prefix`` chooses the pair (weights, spikes), LoAS (Yin et al., MICRO 2024) being the first:

    fast-laggy  weights go straight to the pseudo-accumulator, as if the neuron fired at every step, and wait in a
                FIFO of depth D until the laggy address fetches the spike word, whose zero bits are subtracted.
    two-fast    both addresses at once: no FIFO, no correction, a second large circuit.
    two-laggy   one set of slow circuits and no FIFO: nothing leaves before the addresses stand.

One PE, join i with m matches, times in cycles. s: the masks are loaded; R: laggy addresses ready; P, p: first and
last pop of the join's FIFO entries; F: masks may be replaced; G: matches so far, p(g) the pop of match number g:

    m = 0:  F = s + 1                               (the AND is zero: no prefix sum starts)
    m > 0:  b = max(s, R')                          the laggy circuit is free again after the join before
            R = b + Λ,  P = max(p' + 1, R),  p = P + m - 1
            F = max(s + m, p(G - D) + 1, b + 1)     one match per cycle; a free place in the FIFO; masks handed on
    s of the next join = F, and at the end of a tile the latest F of all PEs (they share the tile).

The recursion is exact for D, Λ >= 1: pops are one per cycle and in order, hence p(g) - g never falls, so of all
matches of a join the last is the one that waits longest for a place. It is the earliest schedule of a system of
max-plus constraints: time never falls when a match is added, and ``two-fast <= fast-laggy <= two-laggy``.

The laggy circuit handles a chunk in Λ cycles, so joins with fewer than Λ matches run at its pace, whatever the
depth of the FIFO. ``hold_addresses`` computes the addresses of a row's chunk once per tile instead of once per join
(the columns of a tile meet the same chunk of spikes); it needs a register of chunk · log2(chunk) bits where LoAS has
one of 128 bits, and only row-split flows can do it. Which of the two LoAS does we could not read. Per join is assumed,
the pessimistic one; the paper's abstract claims almost no throughput penalty for the laggy circuit, which fits once per
tile (``pe.addresses: tile``) and does not fit once per join wherever joins have fewer than Λ matches.

Rows (columns) of one set of PEs drain before the next is loaded (assumed). One pop per cycle, correction or not; the
accumulators of all columns of a tile are at hand; P-LIF takes an output per cycle and keeps pace, since between
two outputs of a PE lies at least one join.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from axbar.cost.sparse.join import Bools, Ints, Tiling, match_counts, starts
from axbar.errors import UsageError

__all__ = ["PREFIXES", "Circuit", "Prefix", "check_prefix", "pipeline_cycles", "scan"]

Prefix = Literal["fast-laggy", "two-fast", "two-laggy"]

#: joins x PEs worked on at once, some 50 bytes each
_BLOCK: Final = 1 << 22

PREFIXES: Final[tuple[Prefix, ...]] = ("fast-laggy", "two-fast", "two-laggy")


def check_prefix(prefix: str) -> None:
    """Refuse a word that names no pair of prefix sums.

    Raises:
        UsageError: ``prefix`` is none of ``PREFIXES``.
    """
    if prefix not in PREFIXES:
        raise UsageError(f"prefix '{prefix}' is unknown; use one of {', '.join(PREFIXES)}.")


@dataclass(frozen=True)
class Circuit:
    """The inner-join unit of one PE.

    Args:
        prefix: the pair of prefix sums.
        adders: of a laggy circuit.
        fifo_depth: matches that wait for their spike word.
        hold_addresses: laggy addresses once per tile instead of once per join.
        stages: cycles of fill and drain per set of rows or columns.
    """

    prefix: Prefix = "fast-laggy"
    adders: int = 16
    fifo_depth: int = 8
    hold_addresses: bool = False
    stages: int = 3

    def __post_init__(self) -> None:
        check_prefix(self.prefix)
        for name in ("adders", "fifo_depth"):
            if getattr(self, name) < 1:
                raise UsageError(
                    f"{name} of the inner-join unit is {getattr(self, name)}; it must be at least 1."
                )

    def laggy_cycles(self, chunk: int) -> int:
        """Return how long a laggy prefix sum of a chunk takes."""
        return -(-chunk // self.adders)


def pipeline_cycles(spikes: Bools, mask: Bools, tiling: Tiling, circuit: Circuit) -> int:
    """Return the cycles of an inner-product flow on spikes packed over time.

    Args:
        spikes: ``[M, K]``, where a neuron fires at any step.
        mask: ``[K, N]``, where a weight is non-zero.
        tiling: of the product.
        circuit: inner-join unit.

    Raises:
        UsageError: ``hold_addresses`` with a column split, where every join meets another row of spikes.
    """
    if circuit.hold_addresses and not tiling.by_row:
        raise UsageError(
            "hold_addresses needs PEs that keep a row of spikes (row split); "
            "this dataflow splits columns: use hold_addresses=False."
        )
    joins = (mask.shape[1] if tiling.by_row else spikes.shape[0]) * -(-spikes.shape[1] // tiling.chunk)
    width = tiling.lanes * max(1, _BLOCK // max(1, joins * tiling.lanes))
    cycles = 0
    for first in starts(spikes.shape[0] if tiling.by_row else mask.shape[1], width):
        part = slice(first, first + width)
        x, w = (spikes[part], mask) if tiling.by_row else (spikes, mask[:, part])
        ends = scan(
            *_sequence(match_counts(x, w, tiling.chunk), tiling), circuit.laggy_cycles(tiling.chunk), circuit
        )
        cycles += int(ends.sum()) + circuit.stages * ends.size
    return cycles


def _sequence(counts: NDArray[np.int32], tiling: Tiling) -> tuple[Ints, Bools]:
    """Return the joins in the order in which PEs meet them, ``[joins, sets, lanes]``, and where tiles end.

    The inner loops run over tiles of items (columns of a row split, rows of a column split), then chunks, then the
    items of the tile. Lanes that have no row or column of their own look at empty fibres: never slower than others.
    """
    if not tiling.by_row:
        counts = counts.transpose(0, 2, 1)
    chunks, lanes, items = counts.shape
    # PEs without a row or column of their own never delay the others: a single set leaves them out
    width = min(lanes, tiling.lanes)
    sets = -(-lanes // width)
    order: list[NDArray[Any]] = []
    ends: list[Bools] = []
    for first in starts(items, tiling.batch):
        tile = counts[:, :, first : first + tiling.batch].transpose(0, 2, 1)
        order.append(tile.reshape(-1, lanes))
        end = np.zeros(tile.shape[:2], dtype=np.bool_)
        end[:, -1] = True
        ends.append(end.ravel())
    matches = np.zeros((chunks * items, sets * width), dtype=np.int64)
    matches[:, :lanes] = np.concatenate(order)
    return matches.reshape(-1, sets, width), np.concatenate(ends)


def scan(matches: Ints, last_of_tile: Bools, laggy: int, circuit: Circuit) -> Ints:
    """Return when each set of PEs has worked off its joins, ``[sets]``.

    Args:
        matches: ``[joins, sets, lanes]``.
        last_of_tile: ``[joins]``, where the PEs of a set wait for each other.
        laggy: Λ.
        circuit: inner-join unit.
    """
    if circuit.prefix == "fast-laggy":
        if matches.shape[1:] == (1, 1):
            return np.array([_scan_one(matches.ravel(), last_of_tile, laggy, circuit)], dtype=np.int64)
        return _scan_laggy(matches, last_of_tile, laggy, circuit)
    ahead = laggy if circuit.prefix == "two-laggy" else 0
    cost = np.where(matches > 0, matches + ahead, 1)
    first = np.concatenate([[0], np.flatnonzero(last_of_tile)[:-1] + 1])
    return np.add.reduceat(cost, first, axis=0).max(axis=2).sum(axis=0)


def _scan_laggy(matches: Ints, last_of_tile: Bools, laggy: int, circuit: Circuit) -> Ints:
    """Run the recursion of the module for all PEs in lock-step, join by join.

    Times stand as x - G + D, so that a place in the FIFO is free at p(g) - g of the match that leaves it, whatever
    g is, and the numbers of matches drop out of the loop. A join without a match lifts R to s and p to R at most,
    which no later join can tell, and hence needs no case of its own.
    """
    joins, sets, lanes = matches.shape
    pes, depth = sets * lanes, circuit.fifo_depth
    span = joins * (int(matches.max(initial=0)) + laggy + 2) + depth
    kind, never = (np.int32, -(2**30)) if span < 2**29 else (np.int64, -(2**60))
    found: NDArray[Any] = matches.reshape(joins, pes).astype(kind)
    after: NDArray[Any] = np.cumsum(found, axis=0, dtype=kind)
    hits = found > 0
    known = _known(found, after, last_of_tile) if circuit.hold_addresses else np.zeros_like(hits)
    # R: addresses of this join after those of the one before, or a cycle after the masks where they are known
    ahead = np.where(hits & ~known, laggy, 0).astype(kind)
    handed = np.where(hits, 1 - found - np.where(known, laggy, 0), never).astype(kind)
    source = _fifo_links(found, after, depth)
    rows = zip(source, handed, ahead - kind(depth), ahead - found, (~hits).astype(kind), known, strict=True)
    # the row beyond the last join: no match had this place before
    popped = np.full((joins + 1, pes), never, dtype=kind)
    flat, pops = popped.ravel(), np.zeros(pes, dtype=kind)
    loaded, ready = (np.full(pes, depth, dtype=kind) for _ in range(2))
    free, begun, after_masks = (np.empty(pes, dtype=kind) for _ in range(3))
    by_set, loaded_by_set = (each.reshape(sets, lanes) for each in (begun, loaded))
    for join, (freed, hand, pop, start, idle, late) in enumerate(rows):
        # where addresses are known, a match still can't leave the FIFO in the cycle in which it enters
        np.maximum(loaded + late if circuit.hold_addresses else loaded, ready, out=begun)
        np.add(ready, hand, out=after_masks)
        np.add(begun, pop, out=ready)
        pops = np.maximum(pops, ready, out=popped[join])
        flat.take(freed, out=free, mode="clip")
        np.maximum(free, after_masks, out=free)
        np.add(begun, start, out=ready)
        np.add(loaded, idle, out=loaded)
        np.maximum(loaded, free, out=loaded)
        if last_of_tile[join] and lanes > 1:
            np.add(loaded, after[join], out=begun)
            np.subtract(
                by_set.max(axis=1, keepdims=True), after[join].reshape(sets, lanes), out=loaded_by_set
            )
    ends = np.maximum(loaded - depth, pops) + after[-1]
    return ends.reshape(sets, lanes).max(axis=1).astype(np.int64)


def _known(found: NDArray[Any], after: NDArray[Any], last_of_tile: Bools) -> Bools:
    """Return where an earlier join of the same tile has computed the addresses, ``[joins, PEs]``."""
    first = np.concatenate([[True], last_of_tile[:-1]])
    before = after - found
    return (found > 0) & (before > before[np.flatnonzero(first)[np.cumsum(first) - 1]])


def _scan_one(matches: Ints, last_of_tile: Bools, laggy: int, circuit: Circuit) -> int:
    """Run the recursion for one PE alone in plain numbers, faster than arrays of one element."""
    depth, known = circuit.fifo_depth, itertools.repeat(False)
    if circuit.hold_addresses:
        found = matches[:, np.newaxis]
        known = _known(found, np.cumsum(found, axis=0), last_of_tile).ravel().tolist()
    loaded = ready = pops = total = oldest = 0
    ends: list[int] = []
    offsets: list[int] = []
    for count, late in zip(matches.tolist(), known, strict=False):
        if not count:
            loaded += 1
            continue
        begun = max(ready, loaded + 1) - laggy if late else max(ready, loaded)
        ready = begun + laggy
        first = max(pops, ready)
        pops = first + count
        ends.append(total + count)
        offsets.append(first - total)
        total += count
        loaded = max(loaded + count, begun + 1)
        if total > depth:
            while ends[oldest] < total - depth:
                oldest += 1
            loaded = max(loaded, offsets[oldest] + total - depth)
    return max(loaded, pops)


def _fifo_links(found: NDArray[Any], after: NDArray[Any], depth: int) -> Ints:
    """Return whose pop frees the place of each join's last match, as a flat index of joins x PEs.

    Match number ``g - depth`` belongs to the first join whose matches, with all before, number more than that.
    """
    joins, pes = found.shape
    # all PEs in one sorted list, each in a range of its own
    span = int(after[-1].max(initial=0)) + depth + 2
    kind = np.int32 if pes * span < 2**31 else np.int64
    lane = np.arange(pes, dtype=kind)[:, np.newaxis]
    ends: NDArray[Any] = after.T.astype(kind)
    wanted = np.where(found.T > 0, ends - kind(1 + depth), kind(-1))
    owner = np.searchsorted(
        (ends + lane * kind(span)).ravel(), (wanted + lane * kind(span)).ravel(), side="right"
    ).reshape(pes, joins)
    owner -= lane.astype(np.int64) * joins
    owner[wanted < 0] = joins
    return np.ascontiguousarray(owner.T) * pes + np.arange(pes, dtype=np.int64)
