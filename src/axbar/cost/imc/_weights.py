"""Cell levels by row: how strongly each row of the unfolded weight matrix conducts.

A weight of b bits is stored as the base-2^c digits of its magnitude on one column of each differential pair,
c bits per cell; the other column holds level 0. The level of a cell is its digit over 2^c - 1, so that row i
conducts

    sum_j G_ij = g_off * (columns) + (g_on - g_off) * B_i,    B_i = sum_k digits(|code_ik|) / (2^c - 1).

Rows that are left out of the arrays (``_stored``) hold no weight: their B is 0.

Bit m of a magnitude adds 2^(m mod c) to a digit, so the sums of each bit over the outputs, computed once per
weight width, serve every cell width.
"""

from __future__ import annotations

import numpy as np

from axbar.cost._types import Floats
from axbar.devices import quantise
from axbar.workload import LayerTrace

__all__ = ["assumed_levels", "row_levels"]

#: set magnitude bits of weights that nobody has recorded: every bit is set half of the time
_ASSUMED_BIT = 0.5
#: weights quantised at once
_BLOCK = 2**18
#: set bits that a byte can count: as many outputs at once are added up in bytes, the fastest sum there is
_BYTE = 255


def row_levels(layer: LayerTrace, weight_bits: int, cell_bits: int) -> Floats:
    """Return ``B_i`` for every row, ``[groups * fan_in]``, group by group in the order (c, r, s).

    Layers without recorded weights get the mean of uniformly distributed magnitudes.
    """
    if layer.weight is None:
        shape = layer.geometry
        return np.full(shape.groups * shape.fan_in, shape.fan_out * assumed_levels(weight_bits, cell_bits))
    key = ("cost.levels", weight_bits, cell_bits)
    if key not in layer.cache:
        layer.cache[key] = _levels(_bit_sums(layer, weight_bits), weight_bits, cell_bits)
    return layer.cache[key]


def _levels(bits: Floats, weight_bits: int, cell_bits: int) -> Floats:
    worth = np.exp2(np.arange(weight_bits - 1) % cell_bits)
    total = np.zeros(bits.shape[1])
    for value, counts in zip(worth, bits, strict=True):
        total += value * counts
    return total / (2.0**cell_bits - 1.0)


def assumed_levels(weight_bits: int, cell_bits: int) -> float:
    """Return the levels that one weight of random magnitude adds to its row."""
    worth = np.exp2(np.arange(weight_bits - 1) % cell_bits)
    return float(_ASSUMED_BIT * worth.sum() / (2.0**cell_bits - 1.0))


def _bit_sums(layer: LayerTrace, weight_bits: int) -> Floats:
    """How often each magnitude bit is set in each row, ``[weight_bits - 1, groups * fan_in]``; kept."""
    key = ("cost.bit_sums", weight_bits)
    if key not in layer.cache:
        layer.cache[key] = _count_bits(layer, weight_bits)
    return layer.cache[key]


def _count_bits(layer: LayerTrace, weight_bits: int) -> Floats:
    assert layer.weight is not None
    shape = layer.geometry
    weight = layer.weight if layer.mask is None else np.where(layer.mask, layer.weight, np.float32(0))
    weight = weight.reshape(shape.groups, shape.fan_out, shape.fan_in)
    scale = layer.scale
    if scale is None:
        largest = max(float(weight.max(initial=0.0)), -float(weight.min(initial=0.0)))
        scale = quantise([largest], weight_bits)[1]
    sums = np.zeros((weight_bits - 1, shape.groups, shape.fan_in))
    # a few outputs at a time: large layers would otherwise stream through memory for every bit
    outputs = min(_BYTE, max(1, _BLOCK // (shape.groups * shape.fan_in)))
    for start in range(0, shape.fan_out, outputs):
        codes, _ = quantise(weight[:, start : start + outputs], weight_bits, scale)
        magnitude = np.abs(codes.astype(np.int8)).view(np.uint8)  # at most 8 bits, sign included
        for bit in range(weight_bits - 1):
            sums[bit] += ((magnitude >> bit) & 1).sum(axis=1, dtype=np.uint8)
    return sums.reshape(weight_bits - 1, -1)
