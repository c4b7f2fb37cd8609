"""Fit the input range of a converter to the values that it will see.

For values v >= 0 and a converter of b bits with the step ``range / (2^b - 1)``:

    max         range = max v                    nothing clips
    percentile  range = p-th percentile of v     the rare largest values clip
    mse         range = argmin_r E[(v - q_r(v))^2],  q_r(v) = step min(floor(v / step + 1/2), 2^b - 1)

``mse`` searches a grid of 64 ranges up to max v.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from axbar.errors import UsageError, unknown_name

__all__ = ["METHODS", "fit_range", "quantisation_error"]

METHODS = ("max", "percentile", "mse")
_CANDIDATES = 64


def quantisation_error(
    values: NDArray[np.float64],
    ranges: NDArray[np.float64],
    bits: int,
    least_step: float = 0.0,
    counts: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return the mean squared error of converting ``values [n]`` with each of ``ranges [m]``: ``[m]``."""
    code_max = 2**bits - 1
    step = np.maximum(np.maximum(ranges / code_max, least_step), np.finfo(np.float64).tiny)[:, None]
    error = np.minimum(np.floor(values / step + 0.5), code_max) * step - values
    return np.average(error**2, axis=1, weights=counts)


def fit_range(
    values: ArrayLike,
    method: str,
    bits: int,
    *,
    percentile: float = 99.9,
    counts: ArrayLike | None = None,
    least_step: float = 0.0,
) -> float:
    """Return the range of a converter for non-negative values.

    Args:
        values: ``[n]``, any unit; negative ones count as 0.
        method: ``max``, ``percentile`` or ``mse``.
        bits: resolution.
        percentile: 0..100, for ``percentile``.
        counts: ``[n]`` how often each value occurs; once each if None.
        least_step: smallest step the converter can have, in the unit of the values.

    Raises:
        UsageError: unknown method or percentile out of range.

    >>> fit_range([0.0, 1.0, 4.0], "max", bits=4)
    4.0
    """
    if method not in METHODS:
        raise UsageError(unknown_name("calibration method", method, METHODS))
    if not 0 < percentile <= 100:
        raise UsageError(f"percentile is {percentile:g}; it must be above 0 and at most 100.")
    v = np.maximum(np.asarray(values, dtype=np.float64).ravel(), 0.0)
    weight = np.ones_like(v) if counts is None else np.asarray(counts, dtype=np.float64).ravel()
    v, weight = v[weight > 0], weight[weight > 0]
    if v.size == 0:
        return 0.0
    largest = float(v.max())
    if method == "max" or largest == 0:
        return largest
    if method == "percentile":
        order = np.argsort(v)
        share = np.cumsum(weight[order]) / weight.sum()
        place = int(np.searchsorted(share, percentile / 100 * (1 - 1e-12)))
        return float(v[order][min(place, v.size - 1)])
    ranges = largest * np.arange(_CANDIDATES, 0, -1) / _CANDIDATES  # ties go to the wider range
    return float(ranges[np.argmin(quantisation_error(v, ranges, bits, least_step, weight))])
