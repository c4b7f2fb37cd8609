"""Sums of products of integers, exact at every width of weights and inputs.

A sum of K products of weight codes of b bits with input codes of at most x stays below K 2^(b-1) x. float32 holds all
integers below 2^24, float64 those below 2^53; in such a sum every partial sum is exact in any order. Wider sums, up to
2^63, are made of two in float64, of the upper and the lower 16 bits of the weights (arithmetic shift, so that
code = 2^16 upper + lower with 0 <= lower < 2^16), and joined in int64: multiplication of int64 matrices is slow on
CPUs and absent on GPUs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from axbar.errors import UsageError

__all__ = ["integer_total"]

_FLOAT32, _FLOAT64, _INT64 = 2**24, 2**53, 2**63
_LOWER_BITS = 16


def integer_total(
    multiply: Callable[[Tensor, Tensor], Tensor],
    inputs: Tensor,
    weights: NDArray[np.int32],
    largest: int,
    path: str,
) -> Tensor:
    """Return exact sums, in float32, float64 or int64, whichever is the first to hold them.

    Args:
        multiply: ``(inputs, weights) -> sums``, in the type of the weights.
        inputs: integer codes as float32.
        weights: codes, ``[outputs, fan_in]``.
        largest: bound of the magnitude of any sum.
        path: name of the layer.

    Raises:
        UsageError: sums may pass 63 bits.
    """
    if largest >= _INT64:
        raise UsageError(
            f"sums of layer '{path}' may take {largest.bit_length() + 1} bits, more than 64; lower weight_bits or "
            "input.bits."
        )
    codes = torch.from_numpy(weights).to(inputs.device)
    if largest < _FLOAT64:
        return multiply(inputs, codes.to(torch.float32 if largest < _FLOAT32 else torch.float64))
    upper = codes >> _LOWER_BITS
    lower = codes - (upper << _LOWER_BITS)
    above, below = (multiply(inputs, part.to(torch.float64)).to(torch.int64) for part in (upper, lower))
    return (above << _LOWER_BITS) + below
