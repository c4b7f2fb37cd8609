"""Bits that a dataflow moves between DRAM, on-chip memory and PEs.

Each operand has one FIFO of tiles that counts non-zeros (``tiles.fifo_misses``). A fill costs DRAM *and* SRAM bits:
non-zeros * value bits + metadata (mask: every element, CSR and coordinates: per non-zero; dense values: every
element). Then every visit of a tile pair reads from SRAM, with v the visits of a tile (its repetitions in the loops):

    inner      shared operand: its values and metadata, each visit;  the PEs' own operand: values of matches only,
               its mask when the loops move on to another of its tiles
    outer      values and metadata of both, each visit;  partial sums: 2 * rows * cols * psum bits
    gustavson  x as above;  per PE row: values and metadata of w, 2 * (columns of w with a non-zero) * psum bits

and the layer's spikes are written back once, in the format of x.

The published level follows LoAS (Yin et al., MICRO 2024) bit by bit, quirks included: tiles of equal content hit each
other; the first visit is compared with the layer's *last* for "moved on to another tile"; the spikes written back
are those of the layer's *input*; partial sums of the outer product pass DRAM at each visit and never SRAM; those of
Gamma pass DRAM for the share (T - 3) / T, and each of its PE rows reads whole tiles of weights. The levels above have
none of these: a tile hits itself only, the first visit moves on, Gamma reads the weights that its spikes point at,
output spikes are the recorded ones (or as dense as the input, with a note), and partial sums of all but the first
chunk are read and of all but the last written, through SRAM, with that share in DRAM which ``psum_buffer_bits`` can't
hold. Convolutions are im2col matrices here; ``featuremap`` prices the real maps.

Checked: DRAM and SRAM totals of 24 layer runs of the authors' simulator (``tests/golden``), to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from axbar.cost.sparse.counters import Traffic, no_bits
from axbar.cost.sparse.cycles import starts
from axbar.cost.sparse.dataflow import Dataflow, Format
from axbar.cost.sparse.tensors import LayerTensors, Words
from axbar.cost.sparse.tiles import TileGrid, fifo_misses, spike_tiles, weight_tiles
from axbar.errors import UsageError
from axbar.workload._pack import popcount

__all__ = ["PUBLISHED_PSUM_STEPS", "stored_spike_bits", "traffic"]

#: time steps whose partial sums the published model of Gamma keeps on chip
PUBLISHED_PSUM_STEPS = 3

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Visits:
    """Tile grids and how the loops walk them."""

    flow: Dataflow
    x: TileGrid  # [t, m, k]
    w: TileGrid  # [1, k, n]

    @property
    def sizes(self) -> dict[str, int]:
        t, m, k = self.x.ids.shape
        return {"t": t, "m": m, "k": k, "n": self.w.ids.shape[2]}

    @property
    def total(self) -> int:
        return prod(self.sizes.values())

    def sequence(self, values: Integers, axes: str) -> Integers:
        """Return ``values`` over ``axes`` in the order of visits."""
        sizes, loops = self.sizes, self.flow.loops
        order = [letter for letter in loops if letter in axes]
        rest = [letter for letter in axes if letter not in loops]  # t of packed words: one iteration
        laid = values.transpose([axes.index(letter) for letter in (*rest, *order)])
        shape = [sizes[letter] if letter in axes else 1 for letter in loops]
        return np.broadcast_to(laid.reshape(shape), [sizes[letter] for letter in loops]).ravel()


def traffic(
    tensors: LayerTensors, flow: Dataflow, *, matches: int, published: bool, outputs: Words | None = None
) -> Traffic:
    """Return the bits that one layer moves.

    Args:
        tensors: operands.
        flow: dataflow.
        matches: operations of the layer (``tile_cycles(...).ops``).
        published: with the published model's quirks.
        outputs: the layer's output spikes, packed ``[M, N]``; None if not known.

    Raises:
        UsageError: Gamma's published model at T < 3, where its DRAM traffic would be negative.
    """
    steps = tensors.steps
    if published and flow.product == "gustavson" and steps < PUBLISHED_PSUM_STEPS:
        raise UsageError(
            f"the published model of '{flow.name}' charges (T - 3) / T of the partial sums to DRAM, which is negative "
            f"at T = {steps}; give T >= 3, or fidelity 'join' or 'pipeline'."
        )
    if 0 in tensors.shape:
        return Traffic()
    tile = flow.tile
    walk = _Visits(
        flow,
        spike_tiles(tensors, tile.rows, tile.chunk, packed=flow.packed, by_place=not published),
        weight_tiles(tensors, tile.chunk, tile.cols, by_place=not published),
    )
    dram, sram, misses = _fills(walk, steps)
    _add(sram, _reads(walk, tensors, matches, published))
    psum_dram, psum_sram = _partial_sums(walk, tensors, published)
    dram["psum"] += psum_dram
    sram["psum"] += psum_sram
    dram["out"], notes = _write_back(tensors, flow, published, outputs)
    return Traffic(dram, sram, misses, walk.total, notes)


def _add(to: dict[str, int], more: dict[str, int]) -> None:
    for name, bits in more.items():
        to[name] += bits


def _value_bits(form: Format, steps: int) -> int:
    return form.value_bits or steps


def _values(form: Format, grid: TileGrid, steps: int) -> Integers:
    return (grid.numel if form.dense else grid.nnz) * _value_bits(form, steps)


def _metadata(form: Format, grid: TileGrid) -> Integers:
    return (grid.numel if form.metadata == "mask" else grid.nnz) * form.metadata_bits


def _fills(walk: _Visits, steps: int) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """DRAM bits, equal SRAM bits, and tiles fetched."""
    bits, misses = no_bits(), {"w": 0, "x": 0}
    for name, form, grid, axes in (
        ("w", walk.flow.w, walk.w, "kn"),
        ("x", walk.flow.x, walk.x, "tmk"),
    ):
        ids = grid.ids.reshape([walk.sizes[letter] for letter in axes])
        fetched = fifo_misses(walk.sequence(ids, axes), grid.by_id(grid.nnz), form.fifo_values)
        bits[name] = int(fetched @ grid.by_id(_values(form, grid, steps)))
        bits[f"{name}_meta"] = int(fetched @ grid.by_id(_metadata(form, grid)))
        misses[name] = int(fetched.sum())
    return bits, dict(bits), misses


def _reads(walk: _Visits, tensors: LayerTensors, matches: int, published: bool) -> dict[str, int]:
    """SRAM bits read by visits, fills aside."""
    flow, steps, sizes = walk.flow, tensors.steps, walk.sizes
    visits_x, visits_w = sizes["n"], sizes["t"] * sizes["m"]
    if flow.product == "gustavson":  # each PE row reads the weights that it merges
        visits_w = sizes["t"] * tensors.shape[1]
    bits = {
        "x": int(_values(flow.x, walk.x, steps).sum()) * visits_x,
        "x_meta": int(_metadata(flow.x, walk.x).sum()) * visits_x,
        "w": int(_values(flow.w, walk.w, steps).sum()) * visits_w,
        "w_meta": int(_metadata(flow.w, walk.w).sum()) * visits_w,
    }
    if flow.product == "gustavson" and not published:  # a spike's row of weights, not the whole tile
        bits["w"], bits["w_meta"] = (matches * each for each in (flow.w.value_bits, flow.w.metadata_bits))
    if flow.product != "inner":
        return bits
    own, form, grid, axes = (
        ("x", flow.x, walk.x, "tmk") if flow.split == "row" else ("w", flow.w, walk.w, "kn")
    )
    if not form.dense:
        bits[own] = matches * _value_bits(form, steps)
    bits[f"{own}_meta"] = _on_change(walk, _metadata(form, grid), axes, published)
    return bits


def _on_change(walk: _Visits, metadata: Integers, axes: str, wrap_around: bool) -> int:
    """Metadata of a tile each time the loops move on to it."""
    shape = [walk.sizes[letter] for letter in axes]
    places = walk.sequence(np.arange(metadata.size, dtype=np.int64).reshape(shape), axes)
    moved = np.roll(places, 1) != places
    moved[0] = moved[0] or not wrap_around
    return int(metadata.ravel()[places[moved]].sum())


def _partial_sums(walk: _Visits, tensors: LayerTensors, published: bool) -> tuple[int, int]:
    """DRAM and SRAM bits of partial sums."""
    flow = walk.flow
    if not flow.psum_bits:
        return 0, 0
    steps, rows, _, cols = tensors.shape
    chunks = walk.sizes["k"]
    if flow.product == "gustavson":
        chunk_starts = starts(tensors.shape[2], flow.tile.chunk)
        full_columns = np.logical_or.reduceat(tensors.mask, chunk_starts, axis=0)
        per_chunk = full_columns.sum(axis=1, dtype=np.int64) * (rows * steps * flow.psum_bits)
    else:
        per_chunk = np.full(chunks, rows * cols * steps * flow.psum_bits, dtype=np.int64)
    if published:
        moved = 2 * int(per_chunk.sum())
        if flow.product == "gustavson":
            return moved // steps * (steps - PUBLISHED_PSUM_STEPS), moved
        return moved, 0
    moved = int(per_chunk[1:].sum() + per_chunk[:-1].sum())
    # inside the chunk loop, all sums of the loops further in are alive at once
    inside = flow.loops[flow.loops.index("k") :]
    alive = (rows if "m" in inside else min(rows, flow.tile.rows)) * (
        cols if "n" in inside else min(cols, flow.tile.cols)
    )
    alive *= (steps if "t" in inside else 1) * flow.psum_bits
    return moved * max(0, alive - flow.psum_buffer_bits) // alive, moved


def stored_spike_bits(flow: Dataflow, steps: int, neurons: int, firing: int, spikes: int) -> int:
    """Return the bits in which a dataflow stores the spikes of ``neurons`` neurons, metadata included.

    Args:
        flow: gives the format of x.
        steps: T.
        neurons, firing, spikes: neurons in all, those that fire at all, and spikes of all steps.
    """
    if flow.x.dense:
        return steps * neurons * flow.x.value_bits
    if flow.x.metadata == "mask":
        values, masks = (firing, neurons) if flow.packed else (spikes, steps * neurons)
        return values * flow.x_value_bits(steps) + masks * flow.x.metadata_bits
    return spikes * flow.x.metadata_bits  # the place of a binary spike is all there is to say


def _write_back(
    tensors: LayerTensors, flow: Dataflow, published: bool, outputs: Words | None
) -> tuple[int, tuple[str, ...]]:
    steps, rows, inputs, cols = tensors.shape
    firing, spikes = tensors.firing_neurons, tensors.spike_count
    if published:
        return stored_spike_bits(flow, steps, rows * inputs, firing, spikes), ()
    neurons = rows * cols
    if outputs is not None:
        firing, spikes = int(np.count_nonzero(outputs)), int(popcount(outputs).sum(dtype=np.int64))
        return stored_spike_bits(flow, steps, neurons, firing, spikes), ()
    known = rows * inputs
    firing, spikes = (round(count * neurons / known) for count in (firing, spikes))
    note = "output spikes were not given: taken to be as dense as the input"
    return stored_spike_bits(flow, steps, neurons, firing, spikes), (note,)
