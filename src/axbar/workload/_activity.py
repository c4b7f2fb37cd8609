"""What the recorded activity makes hardware do, without ever unfolding an image.

A convolution drives row (c, r, s) of its unfolded weight matrix (the order of ``torch.nn.functional.unfold``)
once for every set bit of every input vector. Summed over all output positions p and steps t that is

    A[c, r, s] = sum_{p, t} x_t[c, p * stride + (r, s) * dilation - padding]
               = sum of the (r, s)-shifted, strided window over n[c, y, x] = sum_t x_t[c, y, x],

so one population count per pixel and R * S strided sums replace the im2col matrix. Pixels of the zero padding
drive nothing, so rows at the rim of the kernel count less, also where only a mean rate is known. All counts
are means per sample over all steps of the layer.

Hardware whose drivers present several bits of a real-valued element in one pulse (``dac_bits``) cuts its code
into digits, see ``axbar.workload._digits``: a row is driven wherever a digit is not zero, at that digit's share
of the read voltage. Drivers wider than the code present it in one pulse over the full read voltage. Spikes are
one pulse at full voltage whatever the drivers can do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from axbar.errors import DataError
from axbar.workload._digits import (
    mean_driven,
    mean_squares,
    mean_sums,
    nonzero_digits,
    squared_digits,
    summed_digits,
)
from axbar.workload._pack import popcount
from axbar.workload._types import LayerTrace, Operand

__all__ = [
    "active_rows",
    "element_bits",
    "macs",
    "phases",
    "planes",
    "pulse_bits",
    "reads",
    "recorded_bits",
    "row_drive",
    "spike_rate",
    "synops",
]

Array = NDArray[np.float64]


def active_rows(layer: LayerTrace, bits: int | None = None, dac_bits: int = 1) -> Array:
    """Return how often each row of the unfolded weight matrix is driven, per sample.

    Args:
        layer: a matrix product; of run-time operands the left one drives the rows.
        bits: magnitude bits with which hardware presents a ``real`` operand; as recorded if None.
        dac_bits: bits of them in one pulse, one read each; 1 presents them bit by bit.

    Returns:
        ``[groups * fan_in]``, group by group, inside a group in the order (c, r, s); summed over all
        positions, steps and digits. Read-only.

    Raises:
        DataError: the layer multiplies nothing, or neither spikes nor a rate were recorded.
    """
    operand = _operand(layer)
    code, width = _code_bits(operand, bits), pulse_bits(operand, bits, dac_bits)
    return _cached(layer, ("rows", code, width), lambda: _rows(layer, _pulses(operand, code, width)))


def row_drive(
    layer: LayerTrace, bits: int | None = None, dac_bits: int = 1, power: Literal[1, 2] = 2
) -> Array:
    """Return how strongly each row of the unfolded weight matrix is driven, per sample.

    As ``active_rows``, but every pulse counts with the square of its share of the read voltage, to which the
    energy of a cell is proportional (with ``power`` 1: with the share itself, as its current does); so both are
    the same where pulses carry one bit. A time is the width of its pulse, and counts with its share of the window.
    """
    operand = _operand(layer)
    code, width = _code_bits(operand, bits), pulse_bits(operand, bits, dac_bits)
    if width == 1:
        return active_rows(layer, bits, dac_bits)
    shares = _squares if power == 2 and operand.coding != "time" else _sums
    return _cached(layer, ("drive", code, width, power), lambda: _rows(layer, shares(operand, code, width)))


def reads(layer: LayerTrace, bits: int | None = None, dac_bits: int = 1) -> int:
    """Return the input vectors that an array with this layer sees per sample.

    That is positions x steps x planes x phases.

    An event-driven chip may skip those without a single spike; see ``active_rows``.
    """
    operand = _operand(layer)
    return layer.geometry.positions * operand.steps * planes(operand, bits, dac_bits) * phases(operand)


def planes(operand: Operand, bits: int | None = None, dac_bits: int = 1) -> int:
    """Return the reads in which one step of an operand is presented: 1 for spikes, else one per digit."""
    return -(-_code_bits(operand, bits) // pulse_bits(operand, bits, dac_bits))


def pulse_bits(operand: Operand, bits: int | None = None, dac_bits: int = 1) -> int:
    """Return the bits of an element that one pulse carries: 1 for spikes, all of a time, which is the pulse's width."""
    code = _code_bits(operand, bits)
    return code if operand.coding == "time" else min(dac_bits, code)


def element_bits(operand: Operand, bits: int | None = None) -> int:
    """Return the bits in which one element of one step is held, its sign included."""
    return _code_bits(operand, bits) + phases(operand) - 1


def _code_bits(operand: Operand, bits: int | None) -> int:
    if operand.coding in ("spikes", "signed"):
        return 1
    return operand.bits if bits is None or operand.coding == "time" else bits


def phases(operand: Operand) -> int:
    """Return 2 if positive and negative elements must be presented one after the other, else 1."""
    return 2 if operand.negative is not None else 1


def spike_rate(layer: LayerTrace) -> Array | None:
    """Return the mean activity per step ``[T]``, 0..1: of a neuron layer's output, else of the first operand.

    The share of elements that spike, or of set bits where elements are real numbers. None if not recorded.
    """
    operand = layer.output or (layer.operands[0] if layer.operands else None)
    if operand is None or (operand.words is None and operand.rate is None):
        return None
    return _cached(layer, "rate", lambda: _rates(operand))


def synops(layer: LayerTrace) -> float | None:
    """Return the synaptic operations that nonzero inputs cause per sample; a real-valued input counts once.

    None if nothing was recorded. A real operand of which only a rate is known counts as dense.
    """
    operand = _operand(layer)
    if operand.words is None and operand.rate is None:
        return None
    if operand.coding in ("spikes", "signed"):
        return float(active_rows(layer).sum() * layer.geometry.fan_out)
    if operand.words is None:
        return float(macs(layer))
    driven = _cached(layer, "nonzero", lambda: _rows(layer, _nonzero(operand)))
    return float(driven.sum() * layer.geometry.fan_out)


def macs(layer: LayerTrace) -> int:
    """Return the dense multiply-accumulates per sample over all steps; 0 for what is no matrix product."""
    if not layer.is_matmul:
        return 0
    shape = layer.geometry
    return shape.positions * shape.fan_in * shape.fan_out * shape.groups * len(layer.steps)


def recorded_bits(operand: Operand) -> int:
    """Return how many bits one element of one sample takes over all steps."""
    return operand.steps * _code_bits(operand, None) * phases(operand)


def _operand(layer: LayerTrace) -> Operand:
    if not layer.is_matmul or not layer.operands:
        raise DataError(f"layer '{layer.name}' ({layer.op}) is no matrix product, so no rows are driven.")
    return layer.operands[0]


def _cached(layer: LayerTrace, key: Any, make: Callable[[], Array]) -> Array:
    if key not in layer.cache:
        value = make()
        value.setflags(write=False)
        layer.cache[key] = value
    return layer.cache[key]


def _pulses(operand: Operand, bits: int, width: int) -> Array:
    """Mean pulses of each element over samples, summed over steps and digits; ``[*shape]``."""
    if operand.words is None:
        rate = _rate(operand)
        each = rate * operand.steps * bits if width == 1 else operand.steps * mean_driven(rate, bits, width)
        return np.full(operand.shape, each)
    if operand.coding in ("spikes", "signed"):
        return _mean_counts(operand, popcount(operand.words))
    if width == 1 and bits == operand.bits:  # digits are the bits of the codes as recorded
        return _mean_counts(operand, popcount(operand.words))
    table = nonzero_digits(_requantised(operand.bits, bits), bits, width)
    return _mean_counts(operand, table[operand.words])


def _squares(operand: Operand, bits: int, width: int) -> Array:
    """As ``_pulses``, each weighted by the square of its share of the read voltage."""
    full = float((2**width - 1) ** 2)
    if operand.words is None:
        return np.full(operand.shape, operand.steps * mean_squares(_rate(operand), bits, width) / full)
    table = squared_digits(_requantised(operand.bits, bits), bits, width)
    return _mean_counts(operand, table[operand.words]) / full


def _sums(operand: Operand, bits: int, width: int) -> Array:
    """As ``_pulses``, each weighted by its share of the read voltage."""
    full = float(2**width - 1)
    if operand.words is None:
        return np.full(operand.shape, operand.steps * mean_sums(_rate(operand), bits, width) / full)
    table = summed_digits(_requantised(operand.bits, bits), bits, width)
    return _mean_counts(operand, table[operand.words]) / full


def _rate(operand: Operand) -> float:
    if operand.rate is None:
        raise DataError(
            "this operand has neither recorded spikes nor a rate; trace the network or give a rate."
        )
    return operand.rate


def _nonzero(operand: Operand) -> Array:
    assert operand.words is not None
    return _mean_counts(operand, (operand.words != 0).view(np.uint8))


def _mean_counts(operand: Operand, counts: NDArray[np.integer[Any]]) -> Array:
    """Mean over samples and sum over steps of ``[B, *shape]`` or ``[B, steps, *shape]`` counts."""
    total = counts.sum(axis=0, dtype=np.int64)
    if operand.per_step:
        total = total.sum(axis=0)
    elif operand.coding not in ("spikes", "signed"):
        total = total * operand.steps  # the same codes are presented at every step
    return total / counts.shape[0]


def _requantised(recorded: int, wanted: int) -> NDArray[np.uint16]:
    """Codes of ``wanted`` bits for every code of ``recorded`` bits, over the same range."""
    codes = np.arange(2**recorded, dtype=np.float64)
    return np.rint(codes * ((2**wanted - 1) / (2**recorded - 1))).astype(np.uint16)


def _rows(layer: LayerTrace, counts: Array) -> Array:
    shape = layer.geometry
    if layer.op != "conv2d":
        return np.ascontiguousarray(counts.reshape(-1, counts.shape[-1]).sum(axis=0))
    (pad_y, pad_x), (step_y, step_x), (gap_y, gap_x) = shape.padding, shape.stride, shape.dilation
    out_y, out_x = shape.out_shape[1:]
    padded = np.pad(counts, ((0, 0), (pad_y, pad_y), (pad_x, pad_x)))
    rows = np.empty((counts.shape[0], *shape.kernel))
    for r in range(shape.kernel[0]):
        for s in range(shape.kernel[1]):
            top, left = r * gap_y, s * gap_x
            window = padded[:, top : top + out_y * step_y : step_y, left : left + out_x * step_x : step_x]
            rows[:, r, s] = window.sum(axis=(1, 2))
    return rows.reshape(-1)


def _rates(operand: Operand) -> Array:
    if operand.words is None:
        assert operand.rate is not None
        return np.full(operand.steps, operand.rate)
    if operand.coding in ("spikes", "signed"):
        one = operand.words.dtype.type(1)
        shifts = np.arange(operand.steps, dtype=operand.words.dtype)
        means = [np.mean((operand.words >> shift) & one) for shift in shifts]
        return np.array(means, dtype=np.float64)
    set_bits: Array = popcount(operand.words).astype(np.float64) / operand.bits
    if operand.per_step:
        return np.array([np.mean(set_bits[:, step]) for step in range(operand.steps)], dtype=np.float64)
    return np.full(operand.steps, np.mean(set_bits), dtype=np.float64)
