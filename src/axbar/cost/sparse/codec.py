"""Spikes in memory: LoAS's packed format as a real codec, and how other formats compare on the same spikes.

Packed format (LoAS, Yin et al., MICRO 2024): one mask bit per neuron tells whether it fires at all within T steps, and
each firing neuron has a T-bit word of its spikes, row after row. With nnz firing neurons of M x K:

    stored bits = M K + T nnz

CSR keeps, per time step, a column number per spike and M + 1 row pointers; coordinates keep row and column per spike.
``bursts`` lays a format out in DRAM and counts the bursts that a walk over rows and chunks touches: packed words of a
chunk are one run for all steps, CSR has a run per step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from axbar.cost.sparse.cycles import starts
from axbar.cost.sparse.tensors import Bools, LayerTensors, Words
from axbar.errors import UsageError, unknown_name
from axbar.workload._pack import pack as _pack_words
from axbar.workload._pack import unpack as _unpack_words

__all__ = [
    "FORMATS",
    "Bursts",
    "Packed",
    "bursts",
    "compress",
    "coordinate_bits",
    "csr_bits",
    "pack",
    "unpack",
]

SpikeFormat = Literal["packed", "csr", "coordinate"]
FORMATS = ("packed", "csr", "coordinate")

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Packed:
    """Compressed spikes.

    Args:
        mask: one bit per neuron, eight to a byte and row by row, ``[M, bytes]``.
        words: spikes of the neurons that fire, in row order; bit t is step t.
        steps: T.
        shape: ``(M, K)``.
    """

    mask: NDArray[np.uint8]
    words: Words
    steps: int
    shape: tuple[int, int]

    @property
    def stored_bits(self) -> int:
        """M K mask bits and T bits per firing neuron."""
        rows, inputs = self.shape
        return rows * inputs + self.steps * int(self.words.size)

    def dense_words(self) -> Words:
        """Return one word per neuron, silent ones included, ``[M, K]``."""
        rows, inputs = self.shape
        fires = np.unpackbits(self.mask, axis=1, count=inputs).view(np.bool_).reshape(rows, inputs)
        words = np.zeros(self.shape, dtype=self.words.dtype)
        words[fires] = self.words
        return words


def pack(x: ArrayLike) -> Packed:
    """Compress spikes ``[T, M, K]`` of 0 and 1, T in 1..64.

    Raises:
        DataError: values other than 0 and 1, or too many steps.

    >>> pack([[[1, 0, 0]], [[1, 0, 1]]]).stored_bits
    7
    """
    spikes = np.asarray(x)
    if spikes.ndim != 3:
        raise UsageError(
            f"spikes to pack have shape {spikes.shape}; give [T, M, K] (steps, positions, inputs)."
        )
    return compress(_pack_words(spikes), int(spikes.shape[0]))


def compress(words: Words, steps: int) -> Packed:
    """Compress spikes that already are one word per neuron, ``[M, K]``."""
    fires = words != 0
    return Packed(np.packbits(fires, axis=1), words[fires], steps, (words.shape[0], words.shape[1]))


def unpack(packed: Packed) -> Bools:
    """Return the spikes ``[T, M, K]``; the inverse of ``pack``."""
    return _unpack_words(packed.dense_words(), packed.steps)


def _bits_for(values: int) -> int:
    return max(1, (values - 1).bit_length())


def csr_bits(tensors: LayerTensors, index_bits: int = 0, pointer_bits: int = 0) -> int:
    """Return the bits of the spikes in CSR, one matrix per step.

    Args:
        tensors: a layer.
        index_bits: of a column number; 0 for what K needs.
        pointer_bits: of a row pointer; 0 for what M K needs.
    """
    steps, rows, inputs, _ = tensors.shape
    index, pointer = index_bits or _bits_for(inputs), pointer_bits or _bits_for(rows * inputs + 1)
    return tensors.spike_count * index + steps * (rows + 1) * pointer


def coordinate_bits(tensors: LayerTensors, index_bits: int = 0) -> int:
    """Return the bits of the spikes as row and column per spike, one list per step (0: what M and K need)."""
    _, rows, inputs, _ = tensors.shape
    return tensors.spike_count * (index_bits or _bits_for(rows) + _bits_for(inputs))


@dataclass(frozen=True)
class Bursts:
    """What a walk over the spikes asks of DRAM.

    Args:
        bursts: touched, counted anew for each run.
        runs: contiguous stretches fetched.
        useful_bits: asked for.
        burst_bits: of one burst.
    """

    bursts: int
    runs: int
    useful_bits: int
    burst_bits: int

    @property
    def efficiency(self) -> float:
        """Share of the fetched bits that were asked for, 0..1; 1 where nothing was fetched."""
        return self.useful_bits / (self.bursts * self.burst_bits) if self.bursts else 1.0

    @property
    def mean_run_bits(self) -> float:
        """Mean length of a contiguous stretch."""
        return self.useful_bits / self.runs if self.runs else 0.0


def bursts(tensors: LayerTensors, form: str = "packed", *, chunk: int = 128, burst_bits: int = 512) -> Bursts:
    """Return the DRAM bursts touched when every (row, chunk) of the spikes is fetched once, for all steps.

    Each array of a format begins at a burst; runs of one array do not share bursts (no cache in between).

    Args:
        tensors: a layer.
        form: ``packed``, ``csr`` or ``coordinate``.
        chunk: inputs fetched at a time.
        burst_bits: bits of one DRAM burst (64 bytes).

    Raises:
        UsageError: unknown format, or a chunk or burst of less than one.
    """
    if form not in FORMATS:
        raise UsageError(unknown_name("format of spikes", form, FORMATS))
    if chunk < 1 or burst_bits < 1:
        raise UsageError(f"chunk = {chunk} and burst_bits = {burst_bits} must be 1 or more.")
    touched = runs = useful = 0
    for first, length in _runs(tensors, form, chunk):
        some = length > 0
        last = first + length - 1
        touched += int((last // burst_bits - first // burst_bits + 1)[some].sum())
        runs += int(np.count_nonzero(some))
        useful += int(length.sum())
    return Bursts(touched, runs, useful, burst_bits)


def _segments(fires: Bools, chunk: int) -> Integers:
    """Non-zeros of each row's chunks, in memory order."""
    inputs = fires.shape[-1]
    return np.add.reduceat(fires.astype(np.int64), starts(inputs, chunk), axis=-1).ravel()


def _stretches(counts: Integers, bits: int) -> tuple[Integers, Integers]:
    length = counts * bits
    return np.cumsum(length) - length, length


def _runs(tensors: LayerTensors, form: str, chunk: int) -> Iterator[tuple[Any, Any]]:
    """First bit and length of each stretch, array by array."""
    steps, rows, inputs, _ = tensors.shape
    if 0 in (rows, inputs):
        return
    if form == "packed":
        yield _stretches(_segments(np.ones((rows, inputs), dtype=np.bool_), chunk), 1)
        yield _stretches(_segments(tensors.fires, chunk), steps)
        return
    index = _bits_for(inputs) + (_bits_for(rows) if form == "coordinate" else 0)
    pointer = _bits_for(rows * inputs + 1)
    for spikes in tensors.spikes:
        if form == "csr":
            first = np.arange(rows, dtype=np.int64) * pointer
            yield first, np.full(rows, 2 * pointer, dtype=np.int64)
        yield _stretches(_segments(spikes, chunk), index)
