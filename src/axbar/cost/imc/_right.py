"""Levels of the cells that hold an operand of run time, and how strongly they are driven: sample by sample.

The left operand x drives the rows and the right one y stands in the cells, and both change from sample to sample and
step to step. So the drive of row i and its levels are multiplied before anything is averaged:

    level_drive = mean_b sum_t sum_i q_bti B_bti,
    q_bti = sum_m (pulses of x_btmi, weighted),    B_bti = sum_n lvl(y_btin),

with lvl(y) the sum of the digits of the (clipped) code of y over 2^c - 1, on cells of c bits. Where one of them was
not recorded, its mean takes its place; bits of codes are then taken to be set independently, at the recorded rate,
or half of the time where there is none.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from axbar.cost._types import Floats
from axbar.cost.imc._held import Width
from axbar.workload import LayerTrace, Operand, pulse_bits
from axbar.workload._digits import nonzero_digits, squared_digits, summed_digits
from axbar.workload._pack import popcount

__all__ = ["expected_level", "level_sums"]

#: set bits of operands of which nothing is known
_ASSUMED_BIT: Final = 0.5
#: sums of bytes in 16 bits as long as they fit: the fastest there are
_MOST_16: Final = 2**16 - 1


def level_sums(
    layer: LayerTrace, width: Width, coding: tuple[int, int], drive: Floats, share: Floats
) -> tuple[float, float]:
    """Return cells on active rows, weighted by their level and the drive of their row, and by its share.

    Args:
        layer: a product of two run-time operands.
        width: how its right operand is written.
        coding: ``input.bits`` and ``input.dac_bits``.
        drive, share: mean drive of each row, ``[groups * fan_in]``, for what was not recorded.
    """
    levels = _right(layer, width)
    if levels is None:
        each = layer.geometry.fan_out * expected_level(layer.operands[1], width)
        return float(drive.sum()) * each, float(share.sum()) * each
    left = layer.operands[0]
    if left.words is None:
        mean = levels.mean(axis=(0, 1))
        return float(drive @ mean), float(share @ mean)
    driven = _left(layer, coding, 2)
    squares = _mean_product(driven, levels, left.steps)
    if pulse_bits(left, *coding) == 1:
        return squares, squares
    return squares, _mean_product(_left(layer, coding, 1), levels, left.steps)


def expected_level(operand: Operand, width: Width) -> float:
    """Return the level that one element of random bits adds to its row, over all slices."""
    rate = _ASSUMED_BIT if operand.rate is None else operand.rate
    ones = nonzero_digits(np.arange(2**width.bits, dtype=np.uint8), width.bits, 1).astype(np.float64)
    chance = rate**ones * (1.0 - rate) ** (width.bits - ones)
    return float(chance @ _digit_sums(width)) / _top(width)


def _mean_product(driven: Floats, levels: Floats, steps: int) -> float:
    """Mean over samples of the sum over steps and rows; what has one step is the same on all."""
    each = np.einsum("bti,bti->", *np.broadcast_arrays(driven, levels))
    repeated = steps if driven.shape[1] == levels.shape[1] == 1 else 1
    return float(each) * repeated / len(driven)


def _top(width: Width) -> float:
    return 2.0**width.cell_bits - 1.0


def _digit_sums(width: Width) -> NDArray[np.int64]:
    """Sum of the digits that the cells of each code hold, ``[2^bits]``."""
    return summed_digits(width.codes, width.bits, width.cell_bits)


def _right(layer: LayerTrace, width: Width) -> Floats | None:
    """Return the levels of each row, ``[B, steps or 1, groups * fan_in]``; None if not recorded. Kept."""
    operand = layer.operands[1]
    if operand.words is None:
        return None
    key = ("cost.right", width.bits, width.cell_bits, width.codes.tobytes())
    if key not in layer.cache:
        sums = _digit_sums(width)
        if operand.coding in ("spikes", "signed"):
            found = _by_step(operand, -1) * float(sums[1])
        else:
            table = sums[_requantised(operand.bits, width.bits)]
            found = _sums_of(operand, table, -1)
        layer.cache[key] = found.reshape(*found.shape[:2], -1) / _top(width)
    return layer.cache[key]


def _left(layer: LayerTrace, coding: tuple[int, int], power: int) -> Floats:
    """Return how strongly each row is driven, ``[B, steps or 1, groups * fan_in]``, over all positions. Kept."""
    operand, (bits, dac_bits) = layer.operands[0], coding
    pulse = pulse_bits(operand, bits, dac_bits)
    key = ("cost.left", bits, pulse, power if pulse > 1 else 0)
    if key not in layer.cache:
        if operand.coding in ("spikes", "signed"):
            layer.cache[key] = _by_step(operand, -2)
        elif pulse == 1 and bits == operand.bits:
            layer.cache[key] = _sums(operand, popcount(_stepped(operand)), -2, bits)
        else:
            digits = squared_digits if power == 2 else summed_digits
            table = digits(_requantised(operand.bits, bits), bits, pulse)
            layer.cache[key] = _sums_of(operand, table, -2) / float((2**pulse - 1) ** power)
    return layer.cache[key]


def _by_step(operand: Operand, axis: int) -> Floats:
    """Spikes on each step, summed over one axis, ``[B, steps, ...]``."""
    assert operand.words is not None
    one = operand.words.dtype.type(1)
    steps = [
        ((operand.words >> operand.words.dtype.type(t)) & one).sum(axis=axis, dtype=np.int64)
        for t in range(operand.steps)
    ]
    return np.stack(steps, axis=1).astype(np.float64)


def _sums_of(operand: Operand, table: NDArray[np.int64], axis: int) -> Floats:
    """Look codes up and sum over one axis, ``[B, steps or 1, ...]``."""
    most = int(table.max(initial=0))
    small = table.astype(np.uint8) if most <= np.iinfo(np.uint8).max else table
    return _sums(operand, np.take(small, _stepped(operand)), axis, most)


def _stepped(operand: Operand) -> NDArray[np.unsignedinteger[Any]]:
    """Codes by step, ``[B, steps or 1, *shape]``."""
    assert operand.words is not None
    return operand.words if operand.per_step else operand.words[:, None]


def _sums(operand: Operand, values: NDArray[np.integer[Any]], axis: int, most: int) -> Floats:
    """Sum values of at most ``most`` over one axis of the operand."""
    small = most * operand.shape[axis] <= _MOST_16
    return values.sum(axis=axis, dtype=np.uint16 if small else np.int64).astype(np.float64)


def _requantised(recorded: int, wanted: int) -> NDArray[np.uint8]:
    """Codes of ``wanted`` bits for every code of ``recorded`` bits, over the same range."""
    codes = np.arange(2**recorded, dtype=np.float64)
    return np.rint(codes * ((2**wanted - 1) / (2**recorded - 1))).astype(np.uint8)
