"""One read of a layer's arrays: bit-line sums, converters, digital subtraction, shift-add, accumulation.

With row pulses x in {0, 1} and cells a (level units), per row tile t, column (n, slice s, sign +/-):

    v = sum_r x_r a_r                                  bit-line sum
    z = min(floor(v / step_t + 1/2), 2^bits - 1)       converter of the array, codes 0 .. 2^bits - 1
    y_n = sum_t step_t sum_s 2^(c s) (z+ - z-)         digital: pair, slices, row tiles

Steps lie on a dyadic grid like the cells, so that y is exact whatever the order of the sums.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from axbar.crossbar._cells import Cells
from axbar.crossbar._mapping import Mapping

__all__ = ["Converters", "Recorder", "converters", "read"]

#: called with (first row tile, bit-line sums [tiles, bundles, columns, positions])
Recorder = Callable[[int, Tensor], None]

_STEP_GRID_BITS = 8
_BLOCK_CPU = 1 << 17  # floats of one block of bit-line sums: half of a common 1 MiB second-level cache
_BLOCK_GPU = 1 << 26


@dataclass(frozen=True)
class Converters:
    """Converters of a layer: one range per array.

    Args:
        step: levels per code, ``[row_tiles, bundles, bundle_outs, 1]``.
        code_max: largest code.
        unit: every step is exactly one level.
    """

    step: Tensor
    code_max: int
    unit: bool


def converters(
    range_levels: NDArray[np.float64], adc_bits: int, mapping: Mapping, device: torch.device
) -> Converters:
    """Turn fitted ranges into steps of at least one level, rounded up to the dyadic grid.

    Args:
        range_levels: largest value to convert, ``[row_tiles, bundles, col_tiles]``.
        adc_bits: resolution.
    """
    code_max = 2**adc_bits - 1
    grid = 2.0**_STEP_GRID_BITS
    step = np.maximum(1.0, np.ceil(range_levels / code_max * grid) / grid)
    per_output = np.repeat(step, mapping.used_outs, axis=-1)[..., : mapping.bundle_outs, None]
    tensor = torch.from_numpy(per_output.astype(np.float32)).to(device)
    return Converters(tensor, code_max, bool((step == 1.0).all()))


def _accumulator(cells: Cells, adc: Converters, mapping: Mapping, phases: int) -> torch.dtype:
    """Return the type in which ``phases`` weighted reads add up exactly."""
    largest = mapping.row_tiles * adc.code_max * float(adc.step.max()) * 2.0**mapping.weight_bits * phases
    grid = 1.0 if adc.unit else 2.0**_STEP_GRID_BITS
    return torch.float32 if largest * grid < 2**24 else torch.float64


def read(
    pulses: Tensor,
    cells: Cells,
    adc: Converters,
    mapping: Mapping,
    recorder: Recorder | None = None,
    phase_gain: int = 1,
) -> Tensor:
    """Read all arrays of a layer for many input vectors.

    Args:
        pulses: rows driven, 0 or 1, ``[row_tiles, bundles, used_rows, positions]`` in the type of the cells.
        cells, adc, mapping: of the layer.
        recorder: sees the bit-line sums before conversion.
        phase_gain: largest sum of weights with which the caller will add up reads.

    Returns:
        ``[bundles, bundle_outs, positions]`` in units of weight code times input code.
    """
    tiles, bundles, columns, rows = cells.conductance.shape
    positions = pulses.shape[-1]
    dtype = _accumulator(cells, adc, mapping, phase_gain)
    out = torch.zeros(bundles, mapping.bundle_outs, positions, dtype=dtype, device=pulses.device)
    budget = _BLOCK_CPU if pulses.device.type == "cpu" else _BLOCK_GPU
    width = min(positions, max(64, budget // (tiles * bundles * columns)))
    depth = max(1, min(tiles, budget // (bundles * columns * max(1, width))))
    buffer = torch.empty(depth * bundles * columns * width, dtype=pulses.dtype, device=pulses.device)
    for first in range(0, positions, width):
        block = pulses[..., first : first + width]
        n = block.shape[-1]
        for t in range(0, tiles, depth):
            some = block[t : t + depth]
            v = buffer[: some.shape[0] * bundles * columns * n].view(-1, columns, n)
            weight = cells.conductance[t : t + depth].view(-1, columns, rows)
            torch.bmm(weight, some.reshape(-1, rows, n), out=v)
            v = v.view(-1, bundles, columns, n)
            if recorder is not None:
                recorder(t, v)
            out[..., first : first + n] += _convert(v, t, adc, mapping, dtype)
    return out


def _convert(v: Tensor, tile: int, adc: Converters, mapping: Mapping, dtype: torch.dtype) -> Tensor:
    """Convert bit-line sums in place and join pairs, slices and row tiles: ``[bundles, outs, positions]``."""
    tiles, bundles, _, n = v.shape
    step = adc.step[tile : tile + tiles]
    by_pair = v.view(tiles, bundles, 2, mapping.slices, mapping.bundle_outs, n)
    if not adc.unit:
        by_pair.div_(step[:, :, None, None])
    v.add_(0.5).floor_().clamp_(max=adc.code_max)
    pair = by_pair[:, :, 0] - by_pair[:, :, 1]
    total = pair[:, :, 0]
    for s in range(1, mapping.slices):
        total.add_(pair[:, :, s], alpha=2.0 ** (mapping.cell_bits * s))
    total = total.to(dtype)
    if not adc.unit:
        total.mul_(step)
    return total.sum(0) if tiles > 1 else total[0]
