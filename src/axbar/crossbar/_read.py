"""One read of a layer's arrays: bit-line sums, converters, digital subtraction, shift-add, accumulation.

With row pulses x (0 or 1; 0 .. 2^d - 1 where a DAC feeds digits of d bits) and cells a in level units, per row tile
t and column (output n, slice s, sign +/-):

    v = sum_r x_r a_r + noise of this read                    bit-line sum
    z = clip(floor(v / step_t + INL + 1/2), 0, 2^bits - 1)    converter of the array
    y_n = sum_t step_t sum_s 2^(c s) (z+ - z-)                digital: pair, slices, row tiles

Steps lie on a dyadic grid like the cells, so that y is exact whatever the order of the sums.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from axbar.crossbar._cells import Cells
from axbar.crossbar._inl import bend
from axbar.crossbar._mapping import Mapping

__all__ = ["Converters", "Recorder", "converters", "join_sums", "read"]

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
        curve: INL of the converter of each column, ``[row_tiles, bundles, columns, 2]``; None where linear.
    """

    step: Tensor
    code_max: int
    unit: bool
    curve: Tensor | None = None

    def repeated(self, times: int) -> Converters:
        """Return the converters of so many layers side by side, as further bundles."""
        if times == 1:
            return self
        curve = None if self.curve is None else self.curve.repeat(1, times, 1, 1)
        return replace(self, step=self.step.repeat(1, times, 1, 1), curve=curve)


def converters(
    range_levels: NDArray[np.float64],
    adc_bits: int,
    mapping: Mapping,
    device: torch.device,
    least_step: float = 1.0,
    curve: NDArray[np.float32] | None = None,
) -> Converters:
    """Turn fitted ranges into steps, rounded up to the dyadic grid.

    Args:
        range_levels: largest value to convert, ``[row_tiles, bundles, col_tiles]``.
        adc_bits: resolution.
        least_step: smallest step, in levels: one where sums are whole levels.
        curve: INL, see ``Converters``.
    """
    code_max = 2**adc_bits - 1
    grid = 2.0**_STEP_GRID_BITS
    step = np.maximum(least_step, np.ceil(range_levels / code_max * grid) / grid)
    per_output = np.repeat(step, mapping.used_outs, axis=-1)[..., : mapping.bundle_outs, None]
    tensor = torch.from_numpy(per_output.astype(np.float32)).to(device)
    bent = None if curve is None else torch.from_numpy(curve).to(device)
    return Converters(tensor, code_max, bool((step == 1.0).all()), bent)


def _accumulator(adc: Converters, mapping: Mapping, phases: int) -> torch.dtype:
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
    noise: Tensor | None = None,
) -> Tensor:
    """Read all arrays of a layer for many input vectors.

    Args:
        pulses: rows driven, in steps of the DAC, ``[row_tiles, bundles, used_rows, positions]`` in the type of
            the cells.
        cells, adc, mapping: of the layer.
        recorder: sees the bit-line sums before conversion.
        phase_gain: largest sum of weights with which the caller will add up reads.
        noise: standard normal draws of every read, ``[row_tiles, bundles, columns, positions]``.

    Returns:
        ``[bundles, bundle_outs, positions]`` in units of weight code times input code.
    """
    tiles, bundles, columns, rows = cells.conductance.shape
    positions = pulses.shape[-1]
    dtype = _accumulator(adc, mapping, phase_gain)
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
            if noise is not None and cells.read_variance is not None:
                v += _read_noise(
                    some, cells.read_variance[t : t + depth], noise[t : t + depth, ..., first : first + n]
                )
            if recorder is not None:
                recorder(t, v)
            out[..., first : first + n] += _convert(v, t, adc, mapping, dtype)
    return out


def join_sums(sums: Tensor, adc: Converters, mapping: Mapping, phase_gain: int) -> Tensor:
    """Convert bit-line sums in place and add them up, as ``read`` does.

    Args:
        sums: ``[row_tiles, bundles, columns, positions]`` in levels.
        adc, mapping, phase_gain: as of ``read``.

    Returns:
        ``[bundles, bundle_outs, positions]``.
    """
    return _convert(sums, 0, adc, mapping, _accumulator(adc, mapping, phase_gain))


def _read_noise(pulses: Tensor, variance: Tensor, normal: Tensor) -> Tensor:
    """Return the noise of some reads in levels: ``[tiles, bundles, columns, positions]``."""
    tiles, bundles, columns, rows = variance.shape
    power = pulses.reshape(-1, rows, pulses.shape[-1]).to(variance.dtype) ** 2
    sigma = torch.bmm(variance.view(-1, columns, rows), power).sqrt_()
    return sigma.view(tiles, bundles, columns, -1).mul_(normal).to(pulses.dtype)


def _convert(v: Tensor, tile: int, adc: Converters, mapping: Mapping, dtype: torch.dtype) -> Tensor:
    """Convert bit-line sums in place and join pairs, slices and row tiles: ``[bundles, outs, positions]``."""
    tiles, bundles, _, n = v.shape
    step = adc.step[tile : tile + tiles]
    by_pair = v.view(tiles, bundles, 2, mapping.slices, mapping.bundle_outs, n)
    if not adc.unit:
        by_pair.div_(step[:, :, None, None])
    if adc.curve is not None:
        bend(v, adc.curve[tile : tile + tiles].to(v.dtype), adc.code_max)
    v.add_(0.5).floor_().clamp_(min=0, max=adc.code_max)
    pair = by_pair[:, :, 0].sub_(by_pair[:, :, 1])
    total = pair[:, :, 0]
    for s in range(1, mapping.slices):
        total.add_(pair[:, :, s], alpha=2.0 ** (mapping.cell_bits * s))
    total = total.to(dtype)
    if not adc.unit:
        total.mul_(step)
    return total.sum(0) if tiles > 1 else total[0]
