"""Magnitude codes cut into the digits that one pulse carries.

A driver with d bits presents a b-bit code as digits of base 2^d, lowest first, one read each,

    code = sum_j q_j 2^(d j),      j = 0 .. ceil(b / d) - 1,

and puts the row at ``q_j / (2^d - 1)`` of the read voltage. The last digit holds what is left of the code, so it
may be narrower; at d = 1 digits are bits.

Where only the mean rate p of set bits is known, bits are taken to be independent. A digit of k bits then drives
its row with probability ``1 - (1 - p)^k``, and with S = 1 + 4 + ... + 4^(k-1)

    E[q^2] = p S + p^2 ((2^k - 1)^2 - S),

for the mean of the product of two different bits is p^2, of a bit with itself p.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.workload._pack import popcount

__all__ = ["digit_widths", "mean_driven", "mean_squares", "mean_sums", "nonzero_digits", "squared_digits",
           "summed_digits"]  # fmt: skip

Codes = NDArray[np.unsignedinteger[Any]]


def digit_widths(bits: int, width: int) -> list[int]:
    """Return the bits of each digit of a ``bits``-bit code, lowest digit first.

    >>> digit_widths(8, 3)
    [3, 3, 2]
    """
    return [min(width, bits - low) for low in range(0, bits, width)]


def nonzero_digits(codes: Codes, bits: int, width: int) -> NDArray[np.uint8]:
    """Return how many digits of each code are not zero; any shape."""
    if width == 1:
        return popcount(codes)
    found = np.zeros(codes.shape, dtype=np.uint8)
    for low in range(0, bits, width):
        found += _digit(codes, low, width) != 0
    return found


def squared_digits(codes: Codes, bits: int, width: int) -> NDArray[np.int64]:
    """Return the sum of the squared digits of each code; any shape."""
    found = np.zeros(codes.shape, dtype=np.int64)
    for low in range(0, bits, width):
        digit = _digit(codes, low, width).astype(np.int64)
        found += digit * digit
    return found


def summed_digits(codes: Codes, bits: int, width: int) -> NDArray[np.int64]:
    """Return the sum of the digits of each code; any shape."""
    found = np.zeros(codes.shape, dtype=np.int64)
    for low in range(0, bits, width):
        found += _digit(codes, low, width)
    return found


def _digit(codes: Codes, low: int, width: int) -> Codes:
    kind = codes.dtype.type
    return (codes >> kind(low)) & kind(2**width - 1)


def mean_driven(rate: float, bits: int, width: int) -> float:
    """Return the mean number of digits that are not zero, from the mean rate of set bits (0..1)."""
    return sum(1.0 - (1.0 - rate) ** k for k in digit_widths(bits, width))


def mean_sums(rate: float, bits: int, width: int) -> float:
    """Return the mean sum of digits, from the mean rate of set bits (0..1)."""
    return sum(rate * (2**k - 1) for k in digit_widths(bits, width))


def mean_squares(rate: float, bits: int, width: int) -> float:
    """Return the mean sum of squared digits, from the mean rate of set bits (0..1)."""
    total = 0.0
    for k in digit_widths(bits, width):
        alone = (4**k - 1) // 3
        total += rate * alone + rate * rate * ((2**k - 1) ** 2 - alone)
    return total
