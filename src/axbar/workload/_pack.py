"""Spikes as bits: a whole spike train of one neuron in one machine word.

``words = sum_t spike[t] << t`` in the smallest unsigned type that holds T <= 64 steps, so that counting the
spikes of a neuron is one population count, whatever T is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from axbar.errors import DataError

__all__ = ["MAX_STEPS", "pack", "popcount", "unpack", "word_type"]

MAX_STEPS = 64
_BYTE_COUNTS = np.array([n.bit_count() for n in range(256)], dtype=np.uint8)


def word_type(steps: int) -> np.dtype[Any]:
    """Return the smallest unsigned type with at least ``steps`` bits.

    Raises:
        DataError: ``steps`` is not in 1..64.
    """
    if not 1 <= steps <= MAX_STEPS:
        raise DataError(f"{steps} time steps can't be packed into one word; allowed: 1 to {MAX_STEPS}.")
    return np.dtype(f"u{1 << max(0, (steps - 1).bit_length() - 3)}")


def pack(spikes: ArrayLike) -> NDArray[np.unsignedinteger[Any]]:
    """Pack spikes ``[T, ...]`` (bool, or 0 and 1 of any type) into words ``[...]``.

    Raises:
        DataError: a value is neither 0 nor 1, or T is not in 1..64.

    >>> pack([[1, 0], [0, 0], [1, 1]]).tolist()
    [5, 4]
    """
    given = np.asarray(spikes)
    if given.ndim == 0:
        raise DataError("spikes to pack need a leading time axis, got a single number.")
    steps = given.shape[0]
    kind = word_type(steps)
    bits = given if given.dtype == np.bool_ else given != 0
    if given.dtype != np.bool_ and not np.array_equal(bits, given):
        raise DataError("only spikes (0 or 1) can be packed; the array holds other values.")
    flat = bits.reshape(steps, -1)
    byte_rows = np.zeros((kind.itemsize, flat.shape[1]), dtype=np.uint8)
    packed = np.packbits(flat, axis=0, bitorder="little")
    byte_rows[: packed.shape[0]] = packed
    words = np.ascontiguousarray(byte_rows.T).view(kind.newbyteorder("<")).astype(kind, copy=False)
    return words.reshape(given.shape[1:])


def unpack(words: NDArray[np.unsignedinteger[Any]], steps: int) -> NDArray[np.bool_]:
    """Return the spikes ``[T, ...]`` of ``words``; the inverse of ``pack``.

    Raises:
        DataError: the words are not unsigned integers or have fewer than ``steps`` bits.

    >>> unpack(np.array([5, 4], dtype=np.uint8), 3).astype(int).tolist()
    [[1, 0], [0, 0], [1, 1]]
    """
    words = np.asarray(words)
    if words.dtype.kind != "u" or not 1 <= steps <= 8 * words.dtype.itemsize:
        raise DataError(
            f"{steps} steps can't be unpacked from words of type {words.dtype}; give unsigned words that "
            "hold them."
        )
    little = np.ascontiguousarray(words.reshape(-1)).astype(words.dtype.newbyteorder("<"), copy=False)
    bytes_ = little.view(np.uint8).reshape(words.size, words.dtype.itemsize)
    bits = np.unpackbits(np.ascontiguousarray(bytes_.T), axis=0, bitorder="little", count=steps)
    return bits.view(np.bool_).reshape(steps, *words.shape)


def popcount(words: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.uint8]:
    """Return how many bits are set in each word."""
    if hasattr(np, "bitwise_count"):  # numpy >= 2
        return np.bitwise_count(words)
    as_bytes = np.ascontiguousarray(words).view(np.uint8).reshape(*words.shape, words.dtype.itemsize)
    return _BYTE_COUNTS[as_bytes].sum(axis=-1, dtype=np.uint8)
