"""PTB: dense weights, spikes batched in time, on a systolic array. Our model from first principles.

Parallel time batching (Lee, Zhang, Li, HPCA 2022) packs the T steps into windows of ``tile.steps``; a weight fetched
once serves all steps of a window, and an input neuron is processed in a window only if it fires in it at all. There
is no public simulator, and we could read the abstract alone, so that everything below is derived, not copied;
compare trends, not digits (its own claim: 248x better energy-delay product than a time-sequential SNN baseline).

Array of R x C PEs: R = ``tile.cols`` outputs times C = ``tile.rows`` lanes. A lane is one window of one output
position, and lanes run over windows first: with C or more windows the array works on one position. A PE keeps its
sums (output-stationary) and takes one weight per cycle for all steps of its window. Weights travel along the lanes,
so an input is skipped where it is silent in *all* C lanes of a group g:

    a[g, k] = 1 if input k is active in some lane of group g,     A[g, c] = sum over k in chunk c of a[g, k]

    published  cycles = ceil(N / R) * sum over g, c of A[g, c]
    join       cycles = ceil(N / R) * sum over g, c of max(1, A[g, c])      (a chunk's mask takes a cycle to look at)
    pipeline   join + ceil(N / R) * groups * (R + C - 2)                    (fill and drain of every fold)

There is no published count to reproduce: the level of that name is the count without scan, fill and drain.

``packed`` inputs: two inputs whose active lanes do not overlap share a slot, each lane taking its own of the two
weights that travel together (after the paper's packing of non-overlapping spikes; pairs within a chunk, chosen
greedily from full slots down: assumed). Then A counts slots.

ops = active (lane, input) pairs * N, zero weights included: weights are dense here.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from axbar.cost.sparse.counters import Fidelity, Traffic, no_bits
from axbar.cost.sparse.dataflow import Dataflow
from axbar.cost.sparse.tensors import LayerTensors
from axbar.errors import UsageError

__all__ = ["ptb_cycles", "ptb_joins", "ptb_ops", "ptb_traffic"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: lanes whose patterns of activity can be tabulated
_MOST_LANES: Final = 8


def ptb_cycles(tensors: LayerTensors, flow: Dataflow, fidelity: Fidelity, *, packed: bool = False) -> int:
    """Return the cycles of one layer.

    Args:
        tensors: operands; of the weights the shape alone counts.
        flow: the dataflow ``ptb``.
        fidelity: level of the model.
        packed: inputs with disjoint active lanes share a slot.

    Raises:
        UsageError: ``packed`` on more than 8 lanes.
    """
    folds = _folds(tensors, flow)
    patterns = _patterns(tensors, flow)
    if not folds or not patterns.size:
        return 0
    slots = _packed_slots(patterns, flow) if packed else _active(patterns, flow.tile.chunk)
    if fidelity == "published":
        return folds * int(slots.sum())
    fill = flow.tile.rows + flow.tile.cols - 2 if fidelity == "pipeline" else 0
    return folds * (int(np.maximum(slots, 1).sum()) + fill * slots.shape[0])


def ptb_ops(tensors: LayerTensors, flow: Dataflow) -> int:
    """Return the accumulations of one layer, one per window, whatever the weights are."""
    return int(np.count_nonzero(_windows(tensors, flow))) * tensors.shape[3]


def ptb_joins(tensors: LayerTensors, flow: Dataflow) -> tuple[int, int]:
    """Return the mask words looked at, and how many of them hold an active input."""
    active = _active(_patterns(tensors, flow), flow.tile.chunk)
    folds = _folds(tensors, flow)
    return folds * active.size, folds * int(np.count_nonzero(active))


def ptb_traffic(tensors: LayerTensors, flow: Dataflow) -> Traffic:
    """Return the bits that one layer moves.

    DRAM: weights once if the R columns of a fold fit the weight buffer, else the needed ones once per group of
    lanes; spikes dense, once if they all fit, else once per fold; output spikes once. SRAM: fills; per fold and
    group the weights of the active inputs and their windows in all lanes; output spikes.
    """
    steps, rows, inputs, outputs = tensors.shape
    folds, bits = _folds(tensors, flow), flow.w.value_bits
    patterns = _patterns(tensors, flow)
    used = int(np.count_nonzero(patterns))
    lanes = rows * _window_count(steps, flow)
    held = inputs * flow.tile.cols <= flow.w.fifo_values
    all_spikes = steps * rows * inputs
    dram, sram = no_bits(), no_bits()
    dram["w"] = (inputs if held else used) * outputs * bits
    dram["x"] = all_spikes * (1 if all_spikes <= flow.x.fifo_values else folds)
    dram["out"] = steps * rows * outputs
    # the last window of a position and the last group of lanes may be short
    lane_steps = _window_steps(steps, rows, flow)
    group_steps = np.add.reduceat(lane_steps, _starts(lanes, flow.tile.rows)) if lanes else lane_steps
    active = np.count_nonzero(patterns, axis=1)
    sram["w"] = dram["w"] + used * outputs * bits
    sram["x"] = dram["x"] + folds * int((active * group_steps).sum())
    sram["out"] = dram["out"]
    return Traffic(
        dram, sram, {"w": folds, "x": len(patterns) * folds}, len(patterns) * folds,
        ("PTB is our model from first principles; only trends compare with published figures",),
    )  # fmt: skip


def _starts(size: int, step: int) -> NDArray[np.intp]:
    return np.arange(0, size, step, dtype=np.intp)


def _folds(tensors: LayerTensors, flow: Dataflow) -> int:
    return -(-tensors.shape[3] // flow.tile.cols)


def _window_length(steps: int, flow: Dataflow) -> int:
    return flow.tile.steps or steps


def _window_count(steps: int, flow: Dataflow) -> int:
    return -(-steps // _window_length(steps, flow))


def _window_steps(steps: int, rows: int, flow: Dataflow) -> Ints:
    """Return the steps of each lane, ``[M * windows]``."""
    length = _window_length(steps, flow)
    first = np.arange(0, steps, length, dtype=np.int64)
    return np.tile(np.minimum(length, steps - first), rows)


def _windows(tensors: LayerTensors, flow: Dataflow) -> Bools:
    """Return where an input fires within a window, ``[M * windows, K]``, windows of a position side by side."""
    steps, rows, inputs, _ = tensors.shape
    length = _window_length(steps, flow)
    word = tensors.words.astype(np.uint64)
    found = np.empty((rows, _window_count(steps, flow), inputs), dtype=np.bool_)
    for window, first in enumerate(range(0, steps, length)):
        bits = np.uint64((1 << min(length, steps - first)) - 1)
        found[:, window] = (word >> np.uint64(first)) & bits != 0
    return found.reshape(-1, inputs)


def _patterns(tensors: LayerTensors, flow: Dataflow) -> NDArray[Any]:
    """Return which lanes of a group an input is active in, ``[groups, K]``: a word where lanes fit, else 0 or 1."""
    found = _windows(tensors, flow)
    if not found.size:
        return np.zeros((0, found.shape[1]), dtype=np.uint8)
    first = _starts(found.shape[0], flow.tile.rows)
    if flow.tile.rows > _MOST_LANES:
        return np.logical_or.reduceat(found, first, axis=0).astype(np.uint8)
    lane = (1 << (np.arange(found.shape[0], dtype=np.int64) % flow.tile.rows)).astype(np.uint8)
    return np.bitwise_or.reduceat(found * lane[:, None], first, axis=0)


def _active(patterns: NDArray[Any], chunk: int) -> Ints:
    """Return A, ``[groups, chunks]``."""
    found = (patterns != 0).astype(np.int64)
    return np.add.reduceat(found, _starts(patterns.shape[1], chunk), axis=1) if found.size else found


def _packed_slots(patterns: NDArray[Any], flow: Dataflow) -> Ints:
    """Return the slots after pairing inputs with disjoint lanes, ``[groups, chunks]``."""
    lanes, chunk = flow.tile.rows, flow.tile.chunk
    if lanes > _MOST_LANES:
        raise UsageError(
            f"packing of inputs with disjoint windows is tabulated for up to {_MOST_LANES} lanes; the array has "
            f"{lanes}: use a smaller tile.rows or balance 'none'."
        )
    counts = _histogram(patterns, chunk, 1 << lanes)
    slots = counts[..., 1:].sum(axis=-1)
    for one, other in _disjoint(lanes):
        paired = np.minimum(counts[..., one], counts[..., other])
        counts[..., one] -= paired
        counts[..., other] -= paired
        slots -= paired
    return slots


def _histogram(patterns: NDArray[Any], chunk: int, kinds: int) -> Ints:
    """Return how often each pattern occurs, ``[groups, chunks, kinds]``."""
    groups, inputs = patterns.shape
    chunks = -(-inputs // chunk)
    group = np.arange(groups, dtype=np.int64)[:, np.newaxis]
    cell = group * chunks + np.arange(inputs, dtype=np.int64) // chunk
    flat = np.bincount((cell * kinds + patterns).ravel(), minlength=groups * chunks * kinds)
    return flat.reshape(groups, chunks, kinds).astype(np.int64)


def _disjoint(lanes: int) -> list[tuple[int, int]]:
    """Return the pairs of patterns without a common lane, those that fill most lanes first."""
    kinds = range(1, 1 << lanes)
    pairs = [(a, b) for a in kinds for b in kinds if a < b and not a & b]
    return sorted(pairs, key=lambda pair: (-(pair[0] | pair[1]).bit_count(), pair))
