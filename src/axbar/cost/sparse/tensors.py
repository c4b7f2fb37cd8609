"""The two operands of a layer as the dual-sparse engine sees them: packed spikes and sparse weights.

Spikes x ``[T, M, K]`` of 0 and 1 become one word per neuron, ``words[m, k] = sum_t x[t, m, k] << t``, in the
smallest unsigned type; weights w ``[K, N]`` keep their values and a mask of the non-zeros. M: output positions
(im2col rows of a convolution), K: inputs of one output, N: outputs. What several dataflows need (the OR over T,
spike counts) is computed once and kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from axbar.errors import DataError
from axbar.workload._pack import MAX_STEPS, popcount, word_type

__all__ = ["Bools", "LayerTensors", "Words", "check_inputs", "note_on_codes"]

Bools = NDArray[np.bool_]
Words = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, eq=False)
class LayerTensors:
    """One layer's operands, checked.

    Args:
        words: spikes ``[M, K]``, bit t set if the neuron fires at step t.
        steps: T.
        weights: ``[K, N]``, integer or float.
        memo: results that other files keep with the operands; not part of them.
    """

    words: Words
    steps: int
    weights: NDArray[Any]
    memo: dict[Any, Any] = field(default_factory=dict[Any, Any], repr=False)

    def __post_init__(self) -> None:
        _check_words(self.words, self.steps)
        _check_weights(self.weights, self.words.shape[1])

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """T, M, K, N."""
        rows, inputs = self.words.shape
        return self.steps, rows, inputs, self.weights.shape[1]

    @cached_property
    def mask(self) -> Bools:
        """Weights that are not zero, ``[K, N]``."""
        return self.weights != 0

    @cached_property
    def fires(self) -> Bools:
        """Neurons that fire at least once, the OR over T, ``[M, K]``."""
        return self.words != 0

    @cached_property
    def spikes(self) -> Bools:
        """Spikes step by step, ``[T, M, K]``."""
        found = np.empty((self.steps, *self.words.shape), dtype=np.bool_)
        for t in range(self.steps):  # one pass per step: faster than unpacking bits for short trains
            np.not_equal(self.words & self.words.dtype.type(1 << t), 0, out=found[t])
        return found

    @cached_property
    def mask_float(self) -> NDArray[np.float32]:
        """The mask as numbers, for matrix products."""
        return self.mask.astype(np.float32)

    @cached_property
    def spike_bytes(self) -> NDArray[np.uint8]:
        """Spikes, eight inputs to a byte, ``[T, M, bytes]``."""
        return np.packbits(self.spikes, axis=-1)

    @cached_property
    def fires_bytes(self) -> NDArray[np.uint8]:
        """Neurons that fire, eight inputs to a byte, ``[1, M, bytes]``."""
        return np.packbits(self.fires, axis=-1)[np.newaxis]

    @cached_property
    def mask_bytes(self) -> NDArray[np.uint8]:
        """Non-zero weights, eight outputs to a byte, ``[1, K, bytes]``."""
        return np.packbits(self.mask, axis=-1)[np.newaxis]

    @cached_property
    def weight_nnz(self) -> int:
        """Weights that are not zero."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def firing_neurons(self) -> int:
        """Neurons that fire at least once."""
        return int(np.count_nonzero(self.fires))

    @cached_property
    def spike_count(self) -> int:
        """Spikes of all neurons and steps."""
        return int(popcount(self.words).sum(dtype=np.int64)) if self.words.size else 0

    @cached_property
    def acs(self) -> int:
        """Accumulations that cannot be left out: pairs of a spike and a non-zero weight, all steps."""
        return int(self.spikes_per_input @ self.weights_per_input)

    @cached_property
    def matches(self) -> int:
        """Pairs of a neuron that fires at all and a non-zero weight."""
        return int(self.fires.sum(axis=0, dtype=np.int64) @ self.weights_per_input)

    @cached_property
    def spikes_per_input(self) -> NDArray[np.int64]:
        """Spikes of each input over positions and steps, ``[K]``."""
        counts: NDArray[np.int64] = popcount(self.words).sum(axis=0, dtype=np.int64)
        return counts

    @cached_property
    def weights_per_input(self) -> NDArray[np.int64]:
        """Non-zero weights of each input, ``[K]``."""
        counts: NDArray[np.int64] = self.mask.sum(axis=1, dtype=np.int64)
        return counts

    @cached_property
    def empty(self) -> str:
        """Why nothing is to be computed; an empty sentence if something is."""
        steps, rows, inputs, outputs = self.shape
        if 0 in (rows, inputs, outputs):
            return f"the layer is empty (T={steps}, M={rows}, K={inputs}, N={outputs}): nothing to compute"
        if self.weight_nnz == 0:
            return "every weight of the layer is zero: nothing to compute"
        if self.firing_neurons == 0:
            return "no neuron in front of the layer fires: nothing to compute"
        return ""


def check_inputs(x: ArrayLike, w: ArrayLike) -> LayerTensors:
    """Return the operands of one layer, checked and packed.

    Args:
        x: spikes ``[T, M, K]`` (or ``[M, K]`` for T = 1), 0 and 1 of any type.
        w: weights ``[K, N]``, integer or float; zero where pruned.

    Raises:
        DataError: T is not in 1..64, x holds something else than 0 and 1 (or no numbers), shapes do not match, or a
            weight is not a finite number.

    >>> check_inputs([[[1, 0]], [[1, 1]]], [[3], [0]]).words.tolist()
    [[3, 2]]
    """
    spikes, weights = _array(x, "spikes"), _array(w, "weights")
    if spikes.dtype.kind not in "biuf":
        raise DataError(f"spikes hold {_content(spikes)}; give the numbers 0 and 1, [T, M, K] or [M, K].")
    if spikes.ndim == 2 and weights.ndim == 3:
        raise DataError(
            f"x has shape {spikes.shape} and w {weights.shape}: they look swapped; x are the spikes [T, M, K] or "
            "[M, K], w the weights [K, N]."
        )
    if spikes.ndim not in (2, 3):
        raise DataError(
            f"spikes have shape {spikes.shape}; give [T, M, K] (steps, positions, inputs) or [M, K] for one step."
        )
    _check_binary(spikes, weights)
    if spikes.ndim == 2:
        spikes = spikes[np.newaxis]
    if spikes.shape[0] == 0:
        raise DataError(
            f"spikes of shape {spikes.shape} have no time step (T = 0), so there is nothing to simulate; give "
            f"[T, M, K] with T from 1 to {MAX_STEPS}."
        )
    if spikes.shape[0] > MAX_STEPS:
        raise DataError(
            f"spikes have T = {spikes.shape[0]} time steps; a word holds 1 to {MAX_STEPS}: split the layer in time."
        )
    fires = spikes if spikes.dtype == np.bool_ else spikes != 0
    return LayerTensors(_packed(fires), int(spikes.shape[0]), weights)


def _check_binary(spikes: NDArray[Any], weights: NDArray[Any]) -> None:
    """Refuse spikes other than 0 and 1, naming the first and, where it looks so, that the operands are swapped."""
    if spikes.dtype == np.bool_:
        return
    wrong = (spikes != 0) & (spikes != 1)
    count = int(np.count_nonzero(wrong))
    if not count:
        return
    swapped = weights.dtype.kind in "biuf" and weights.size and bool(np.isin(weights, (0, 1)).all())
    hint = (
        "w holds only 0 and 1, so x and w look swapped: x are the spikes, w the weights [K, N]."
        if swapped
        else "present a real-valued input as one step per bit of its code."
    )
    raise DataError(
        f"spikes hold other values than 0 and 1: {_first('x', spikes, wrong)}{_more(count)}; {hint}"
    )


def _first(name: str, array: NDArray[Any], marked: Bools) -> str:
    """Return the first marked element in words: ``x[0,3,7] = 2``."""
    place = np.unravel_index(int(np.argmax(marked)), marked.shape)
    return f"{name}[{','.join(str(int(i)) for i in place)}] = {float(array[place]):.6g}"


def _more(count: int) -> str:
    return f" and {count - 1:,} more" if count > 1 else ""


def note_on_codes(weights: NDArray[Any], bits: int) -> tuple[str, ...]:
    """Return a sentence where weights ``[K, N]`` are no codes of so many bits; traffic counts them as if they were.

    >>> note_on_codes(np.array([[3, -128]]), 8), len(note_on_codes(np.array([[0.5]]), 8))
    ((), 1)
    """
    most = 2 ** (bits - 1) - 1
    wrong = (weights > most) | (weights < -most - 1)
    if weights.dtype.kind == "f":
        wrong |= weights != np.rint(weights)
    if not wrong.any():
        return ()
    return (
        f"weights are counted as {bits}-bit codes, which these are not ({_first('w', weights, wrong)}; codes are whole "
        f"numbers from {-most - 1} to {most}): quantise them first where small ones become 0",
    )


def _array(given: ArrayLike, what: str) -> NDArray[Any]:
    try:
        return np.asarray(given)
    except ValueError:
        raise DataError(
            f"{what} are no array: their rows differ in length; give rows of equal length."
        ) from None


def _content(array: NDArray[Any]) -> str:
    """Return what an array that holds no real numbers holds."""
    words = {"U": "text", "S": "text (bytes)", "c": "complex numbers", "O": "Python objects", "M": "dates"}
    return f"{words.get(array.dtype.kind, 'no numbers')} (type {array.dtype})"


def _packed(spikes: Bools) -> Words:
    """Words of spikes ``[T, ...]``; as ``workload._pack.pack``, and faster where T is small."""
    kind = word_type(spikes.shape[0])
    words = np.zeros(spikes.shape[1:], dtype=kind)
    for t, fires in enumerate(spikes):
        words |= fires.astype(kind) << kind.type(t)
    return words


def _check_words(words: Words, steps: int) -> None:
    if words.ndim != 2 or words.dtype.kind != "u":
        raise DataError(
            f"packed spikes have shape {words.shape} and type {words.dtype}; give unsigned words [M, K]."
        )
    if not 1 <= steps <= min(MAX_STEPS, 8 * words.dtype.itemsize):
        raise DataError(
            f"{steps} time steps do not fit words of type {words.dtype}; allowed: 1 to {MAX_STEPS}."
        )
    if words.size and steps < 8 * words.dtype.itemsize and int(words.max()) >> steps:
        raise DataError(f"packed spikes have bits set beyond their {steps} time steps.")


def _check_weights(weights: NDArray[Any], inputs: int) -> None:
    if weights.dtype.kind not in "biuf":
        raise DataError(f"weights hold {_content(weights)}; give numbers [K, N] (inputs, outputs).")
    if weights.ndim != 2:
        raise DataError(
            f"weights have shape {weights.shape} and type {weights.dtype}; give numbers [K, N] (inputs, outputs)."
        )
    if weights.shape[0] != inputs:
        raise DataError(
            f"spikes have K = {inputs} inputs, but weights {weights.shape} have {weights.shape[0]} rows; they must "
            "be equal."
        )
    if weights.dtype.kind == "f" and not bool(np.isfinite(weights).all()):
        raise DataError("weights hold NaN or infinity; only finite numbers can be multiplied.")
