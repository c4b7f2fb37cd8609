"""Does a dataflow compute the right numbers? Its own accumulation against the dense integer product, at every step.

    inner, packed    pseudo-accumulator: sum of the weights of all neurons that fire at all, once for all steps;
                     corrections of step t: the weights of those silent at t;  out[t] = pseudo - correction[t]
    inner, by step   masks of spikes and weights meet chunk by chunk, partial sums add up
    outer            each spike scatters its row of weights into the partial sums of its position
    gustavson        each position merges the rows of weights that its spikes point at
    dense            per window of steps and tile of positions, the inputs silent in all of it are left out

Every run is checked. All columns of a large layer would cost more than counting it, so that by default
``CHECKED_COLUMNS`` of those that hold a weight are taken, evenly spread; ``Counters.checked_outputs`` says how many
sums that are. Weights that are no integers, or whose sums reach 2^53, are checked as the 8-bit codes nearest to them:
what is checked is the bookkeeping, not rounding. Integer sums below 2^24 are exact in float32 in any order, larger
ones are taken to float64, so the comparison is for equality.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from axbar.cost.sparse.codec import compress, unpack
from axbar.cost.sparse.dataflow import Dataflow
from axbar.cost.sparse.tensors import Bools, LayerTensors

__all__ = ["CHECKED_COLUMNS", "accumulate", "check", "checked_columns", "integer_weights"]

CHECKED_COLUMNS: Final = 4

_EXACT_FLOAT32: Final = 1 << 24
_EXACT_FLOAT64: Final = 1 << 53

Floats = NDArray[Any]


def check(tensors: LayerTensors, flow: Dataflow, columns: int | None = CHECKED_COLUMNS) -> int:
    """Compare and return how many sums were compared; raise if one differs.

    Args:
        tensors: operands.
        flow: dataflow.
        columns: of w that are checked; None for all.

    Raises:
        AssertionError: the dataflow computes something else than the product: an error of this simulator.
    """
    if tensors.empty:
        return 0
    if ("expected", columns) not in tensors.memo:
        tensors.memo["expected", columns] = _expected(tensors, columns)
    chosen, w, expected = tensors.memo["expected", columns]
    # flows that differ in nothing that accumulation sees (LoAS and its ablation) are checked once
    way = (
        "checked",
        columns,
        flow.product,
        flow.packed,
        flow.tile if flow.product == "dense" else flow.tile.chunk,
    )
    if way not in tensors.memo:
        tensors.memo[way] = _compare(accumulate(tensors, flow, w), expected, chosen, flow.name)
    checked: int = tensors.memo[way]
    return checked


def _expected(tensors: LayerTensors, columns: int | None) -> tuple[NDArray[np.int64], Floats, Floats]:
    chosen = checked_columns(tensors, columns)
    w = integer_weights(tensors.weights[:, chosen])
    return chosen, w, dense_product(tensors, w)


def _compare(found: Floats, expected: Floats, chosen: NDArray[np.int64], name: str) -> int:
    if not np.array_equal(found, expected):
        at = tuple(int(i) for i in np.argwhere(found != expected)[0])
        raise AssertionError(
            f"dataflow '{name}' yields {found[at]:.0f} instead of {expected[at]:.0f} at (step, row) {at[:2]}, "
            f"column {int(chosen[at[2]])}: please report this"
        )
    return expected.size


def checked_columns(tensors: LayerTensors, columns: int | None) -> NDArray[np.int64]:
    """Return the columns to check: evenly spread over those that hold a weight, or all of them."""
    if columns is None:
        return np.arange(tensors.shape[3], dtype=np.int64)
    filled = np.flatnonzero(tensors.mask.any(axis=0)).astype(np.int64)
    if filled.size <= columns:
        return filled
    return filled[np.linspace(0, filled.size - 1, columns).round().astype(np.int64)]


def integer_weights(weights: NDArray[Any]) -> Floats:
    """Return integer weights as float32 (float64 where sums are large); others as their 8-bit codes."""
    if not weights.size:
        return weights.astype(np.float32)
    wide = weights.astype(np.longdouble)
    whole = weights.dtype.kind != "f" or np.array_equal(wide, np.rint(wide))
    w = wide.astype(np.float64) if whole and _largest_sum(wide) < _EXACT_FLOAT64 else _codes(wide)
    return w.astype(np.float32) if _largest_sum(w) < _EXACT_FLOAT32 else w


def _largest_sum(w: Floats) -> float:
    """Return a bound of the sums of any column; the largest weight times their number where that alone is too much."""
    largest = float(np.abs(w).max())
    return largest if largest >= _EXACT_FLOAT64 else float(np.abs(w).sum(axis=0).max())


def _codes(w: Floats) -> Floats:
    """Return 8-bit codes; divided by the largest weight first, as 127 / max overflows where it is denormal."""
    code = np.rint(w / np.abs(w).max() * 127.0).astype(np.float64)
    return np.where((code == 0) & (w != 0), np.sign(w).astype(np.float64), code)  # what is not pruned stays


def dense_product(tensors: LayerTensors, w: Floats) -> Floats:
    """Return ``x[t] @ w`` with nothing left out, ``[T, M, columns]``."""
    steps, rows, inputs, _ = tensors.shape
    x = tensors.spikes.reshape(steps * rows, inputs).astype(w.dtype)
    return (x @ w).reshape(steps, rows, -1)


def accumulate(tensors: LayerTensors, flow: Dataflow, w: Floats) -> Floats:
    """Return the sums in the order and form of a dataflow, ``[T, M, columns]``; ``w`` holds integers."""
    match flow.product:
        case "inner":
            return _packed_joins(tensors, flow, w) if flow.packed else _joins(tensors, flow, w)
        case "outer":
            return _scattered(tensors, w)
        case "gustavson":
            return _merged(tensors, w)
        case "dense":
            return _windows(tensors, flow, w)


def _packed_joins(tensors: LayerTensors, flow: Dataflow, w: Floats) -> Floats:
    steps, rows, inputs, _ = tensors.shape
    spikes = unpack(compress(tensors.words, steps))  # what the PEs receive
    fires: Bools = np.logical_or.reduce(spikes, axis=0)
    pseudo = np.zeros((rows, w.shape[1]), dtype=w.dtype)
    corrections = np.zeros((steps, rows, w.shape[1]), dtype=w.dtype)
    for start in range(0, inputs, flow.tile.chunk):
        part = slice(start, start + flow.tile.chunk)
        joined = fires[:, part]
        pseudo += joined.astype(w.dtype) @ w[part]
        silent = (joined & ~spikes[:, :, part]).reshape(steps * rows, -1)
        corrections += (silent.astype(w.dtype) @ w[part]).reshape(corrections.shape)
    return pseudo - corrections


def _joins(tensors: LayerTensors, flow: Dataflow, w: Floats) -> Floats:
    steps, rows, inputs, _ = tensors.shape
    x = tensors.spikes.reshape(steps * rows, inputs)
    sums = np.zeros((steps * rows, w.shape[1]), dtype=w.dtype)
    for start in range(0, inputs, flow.tile.chunk):
        part = slice(start, start + flow.tile.chunk)
        sums += x[:, part].astype(w.dtype) @ w[part]
    return sums.reshape(steps, rows, -1)


def _scattered(tensors: LayerTensors, w: Floats) -> Floats:
    steps, rows, inputs, _ = tensors.shape
    by_input = tensors.spikes.reshape(steps * rows, inputs).T
    at = np.flatnonzero(np.ascontiguousarray(by_input))  # input after input, as its weights stay
    source, position = np.divmod(at, steps * rows)
    sums = np.empty((steps * rows, w.shape[1]))
    for column in range(w.shape[1]):
        sums[:, column] = np.bincount(position, weights=w[source, column], minlength=steps * rows)
    return sums.reshape(steps, rows, -1).astype(w.dtype)


def _merged(tensors: LayerTensors, w: Floats) -> Floats:
    steps, rows, inputs, _ = tensors.shape
    spikes = tensors.spikes.reshape(steps * rows, inputs)
    source = np.flatnonzero(spikes) % inputs
    counts = _row_counts(spikes)
    some = np.flatnonzero(counts)
    first = (np.cumsum(counts) - counts)[some]
    sums = np.zeros((steps * rows, w.shape[1]), dtype=w.dtype)
    sums[some] = np.add.reduceat(w[source], first, axis=0)  # each row's list of weights, merged
    return sums.reshape(steps, rows, -1)


def _row_counts(spikes: Bools) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = spikes.sum(axis=1, dtype=np.int64)
    return counts


def _windows(tensors: LayerTensors, flow: Dataflow, w: Floats) -> Floats:
    steps, rows, _, _ = tensors.shape
    length = flow.tile.steps or steps
    sums = np.zeros((steps, rows, w.shape[1]), dtype=w.dtype)
    for t in range(0, steps, length):
        for m in range(0, rows, flow.tile.rows):
            window = tensors.spikes[t : t + length, m : m + flow.tile.rows]
            active = window.any(axis=(0, 1))
            sums[t : t + length, m : m + flow.tile.rows] = window[:, :, active].astype(w.dtype) @ w[active]
    return sums
