"""Integral non-linearity: converters whose steps are not equal.

End-point INL of a converter, in its own steps, at u = v / (step code_max):

    INL(u) = A (cos(theta) 4 u (1 - u) + sin(theta) sin(2 pi u)) / peak,    0 <= u <= 1,

a bow and an S, the two lowest shapes that vanish at both ends; ``peak`` scales the largest value to A =
``adc.inl_lsb`` for every angle. theta is drawn once per physical converter; columns that share one
(``adc.cols_per_adc``) share its curve.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from axbar.crossbar._mapping import Mapping
from axbar.devices import stream

__all__ = ["bend", "curves"]

_U = np.linspace(0.0, 1.0, 257)
_SHAPES = np.stack([4 * _U * (1 - _U), np.sin(2 * np.pi * _U)])


def curves(mapping: Mapping, cols_per_adc: int, inl_lsb: float, seed: int, path: str) -> NDArray[np.float32]:
    """Return bow and S of the converter of every column, in steps.

    Returns:
        ``[row_tiles, bundles, 2 * slices * bundle_outs, 2]``, columns as the read orders them.
    """
    columns = 2 * mapping.slices * mapping.used_outs
    converter = np.arange(columns) // cols_per_adc
    shape = (mapping.row_tiles, mapping.bundles, mapping.col_tiles)
    theta = 2 * np.pi * stream(seed, path, "inl").random((*shape, int(converter[-1]) + 1))
    pair = np.stack([np.cos(theta), np.sin(theta)], axis=-1)
    peak = np.abs(pair @ _SHAPES).max(axis=-1, keepdims=True)
    by_column = (inl_lsb * pair / peak)[..., converter, :]  # [tiles, bundles, col_tiles, columns, 2]
    ordered = [mapping.columns_by_output(np.moveaxis(tile, -1, -2)) for tile in by_column]
    stacked = np.stack(ordered)  # [tiles, bundles, 2, slices, outs, 2]: the pair stands where rows stood
    return np.ascontiguousarray(stacked.reshape(*shape[:2], -1, 2)).astype(np.float32)


def bend(v: Tensor, curve: Tensor, code_max: int) -> Tensor:
    """Add the INL to sums in steps, in place.

    Args:
        v: ``[tiles, bundles, columns, positions]`` in steps of each converter.
        curve: ``[tiles, bundles, columns, 2]``.
    """
    u = (v / code_max).clamp_(0, 1)
    bow = 4 * u * (1 - u)
    v.addcmul_(bow, curve[..., :1])
    return v.addcmul_(torch.sin(2 * torch.pi * u), curve[..., 1:])
