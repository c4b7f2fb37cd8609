"""Record what the converters of a layer see, and fit their ranges.

Bit-line sums come as ``[row tiles, bundles, columns, positions]`` in levels, columns in the order (sign,
slice, output). Per array the largest value is kept, and for ``percentile`` and ``mse`` a histogram with bins
of one level (wider above 4096 levels).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from axbar.calibration._ranges import METHODS, fit_range
from axbar.errors import UsageError, unknown_name

__all__ = ["RangeObserver"]

_MAX_BINS = 4096


class RangeObserver:
    """Histogram of bit-line sums per array.

    Args:
        arrays: ``(row_tiles, bundles, col_tiles)``.
        outs_per_array, outs: outputs on one array and of a bundle.
        full_scale: noise-free worst case in levels.
        bits: of the converter.
        method: ``max``, ``percentile`` or ``mse``.
        percentile: for that method.
        least_step: smallest step of the converter, in levels; below one, bins are a quarter of a level.
    """

    def __init__(
        self,
        arrays: tuple[int, int, int],
        outs_per_array: int,
        outs: int,
        full_scale: float,
        bits: int,
        method: str,
        percentile: float = 99.9,
        least_step: float = 1.0,
    ) -> None:
        if method not in METHODS:
            raise UsageError(unknown_name("calibration method", method, METHODS))
        self.bits, self.method, self.percentile = bits, method, percentile
        #: of long recordings every so-manieth input vector is enough for a histogram; a maximum needs all
        self.stride = 1 if method == "max" else 11  # prime: not in step with image rows
        self._outs = outs
        self._array_of_out = torch.arange(outs) // outs_per_array
        self._least_step = least_step
        self._width = max(1.0 if least_step >= 1 else 0.25, 1.25 * full_scale / _MAX_BINS)
        self._bins = int(1.25 * full_scale / self._width) + 2  # noise can exceed the noise-free worst case
        self._counts = np.zeros((*arrays, self._bins), dtype=np.int64)
        self._largest = np.zeros(arrays)

    def __call__(self, tile: int, sums: Tensor) -> None:
        """Add bit-line sums of the row tiles from ``tile`` on."""
        tiles, bundles, columns, _ = sums.shape
        largest = sums.amax(-1).view(tiles, bundles, -1, self._outs).amax(2).cpu()
        for c in range(self._largest.shape[2]):
            mine = largest[..., self._array_of_out == c].amax(-1).numpy()
            np.maximum(
                self._largest[tile : tile + tiles, :, c], mine, out=self._largest[tile : tile + tiles, :, c]
            )
        if self.method == "max":
            return
        _, _, col_tiles, bins = self._counts.shape
        binned = (sums / self._width).round_().clamp_(min=0, max=bins - 1).to(torch.int64)
        place = torch.arange(tiles * bundles, device=sums.device).view(tiles, bundles, 1) * col_tiles
        place = place + self._array_of_out.to(sums.device).repeat(columns // self._outs)
        binned += (place * bins)[..., None]
        counts = torch.bincount(binned.flatten(), minlength=tiles * bundles * col_tiles * bins)
        self._counts[tile : tile + tiles] += counts.view(tiles, bundles, col_tiles, bins).cpu().numpy()

    def ranges(self) -> NDArray[np.float64]:
        """Return the fitted range of each array in levels, ``[row_tiles, bundles, col_tiles]``."""
        if self.method == "max":
            return self._largest.copy()
        centres = np.arange(self._bins) * self._width
        fitted = np.empty_like(self._largest)
        for place in np.ndindex(*fitted.shape):
            fitted[place] = fit_range(
                centres,
                self.method,
                self.bits,
                percentile=self.percentile,
                counts=self._counts[place],
                least_step=self._least_step,
            )
        return np.minimum(fitted, np.maximum(self._largest, self._least_step))
