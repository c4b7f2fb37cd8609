"""Writes that a cell takes on average where cells off their target are written again, at many design points."""

from __future__ import annotations

from typing import Final

import numpy as np

from axbar.cost._device import device_of
from axbar.cost._types import Context, Floats
from axbar.devices import expected_writes

__all__ = ["VERIFY_PATHS", "mean_writes"]

#: what decides on the number of writes, beside the law of the device
VERIFY_PATHS: Final = (
    "device.verify_tolerance",
    "device.verify_writes",
    "device.program_noise",
    "device.g_on_S",
    "device.g_off_S",
)


def mean_writes(x: Context, cell_bits: str) -> Floats:
    """Return the mean writes of a cell, ``[P]`` or ``[1]``; worked out once per device block.

    Args:
        x: context of points that share the name of their device.
        cell_bits: path of the bits of a cell.
    """
    columns = [x.p(path) for path in (*VERIFY_PATHS, cell_bits)]
    if not columns[0].any():
        return np.ones(1)
    others = [c for path, c in x.numbers.items() if path.startswith("device.") and path not in VERIFY_PATHS]
    varied = [column for column in (*columns, *others) if len(column) > 1]
    if not varied:
        return np.array([expected_writes(device_of(x), int(columns[-1].item()))])
    assert x.take is not None  # whoever sweeps a column knows how to take points
    first, which = np.unique(np.stack(varied), axis=1, return_index=True, return_inverse=True)[1:]
    each = np.empty(len(first))
    for i, point in enumerate(first):
        one = x.take(np.array([point]))
        each[i] = expected_writes(device_of(one), int(one.p(cell_bits).item()))
    return each[which.reshape(-1)]
