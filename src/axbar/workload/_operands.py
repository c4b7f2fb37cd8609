"""From recorded values to operands: what is presented to a layer, in the fewest bits that hold it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from axbar.workload._pack import pack
from axbar.workload._types import Operand

__all__ = ["REAL_BITS", "Shared", "operand_of"]

#: magnitude bits in which real-valued operands are recorded
REAL_BITS = 8

Kind = TypeVar("Kind", bound=np.generic)


class Shared:
    """Hands out one array for equal contents, whatever their shape: layers share what flows between them."""

    def __init__(self) -> None:
        self._flat: dict[tuple[str, bytes], NDArray[Any]] = {}

    def __call__(self, array: NDArray[Kind]) -> NDArray[Kind]:
        """Return a read-only array equal to ``array``."""
        flat = np.ascontiguousarray(array).reshape(-1)
        key = (flat.dtype.str, hashlib.sha256(flat.view(np.uint8).data).digest())
        if key not in self._flat:
            flat = flat.copy() if np.shares_memory(flat, array) else flat
            flat.setflags(write=False)
            self._flat[key] = flat
        return self._flat[key].reshape(array.shape)


def operand_of(
    values: NDArray[Any], shared: Callable[[NDArray[Any]], NDArray[Any]], *, timed: bool = False
) -> Operand:
    """Describe ``values [steps, B, *shape]``: int8 if all are -1, 0 or 1, else float.

    Numbers that differ from step to step and are -V, 0 or V with one V are spikes too, of that value.

    Real numbers become magnitude codes ``round(|x| / scale)`` with ``scale = max|x| / 255`` over the whole
    recorded batch, and a mask of the negative ones; one code array where all steps present the same. Times of first
    spikes (``timed``) are recorded as real numbers are, as the time left when a neuron fires.
    """
    steps, shape = values.shape[0], values.shape[2:]
    if timed:
        return _real(values.astype(np.float32), shared, "time")
    level = 1.0 if values.dtype == np.int8 else _level(values)
    if level is None:
        return _real(values, shared, "real")
    words, negative = shared(pack(values != 0)), values < 0
    if not negative.any():
        return Operand(shape, "spikes", 1, steps, words, scale=level)
    return Operand(shape, "signed", 1, steps, words, shared(pack(negative)), scale=level)


def _level(values: NDArray[Any]) -> float | None:
    """Return the V of spikes -V, 0 or V that come and go ``[steps, ...]``; None for other numbers."""
    level = float(np.abs(values).max(initial=0.0))
    if not (values != values[:1]).any() or not np.array_equal(
        np.abs(values), (values != 0) * values.dtype.type(level)
    ):
        return None
    return level


def _real(
    values: NDArray[Any], shared: Callable[[NDArray[Any]], NDArray[Any]], coding: Literal["real", "time"]
) -> Operand:
    steps, shape = values.shape[0], values.shape[2:]
    per_step = bool((values != values[:1]).any())
    real = np.moveaxis(values, 0, 1) if per_step else values[0]
    scale = float(np.abs(real).max()) / (2**REAL_BITS - 1) or 1.0
    codes = np.rint(np.abs(real) / scale).astype(np.uint8)
    negative = (real < 0) & (codes > 0)
    mask = shared(negative) if negative.any() else None
    return Operand(shape, coding, REAL_BITS, steps, shared(codes), mask, scale=scale, per_step=per_step)
