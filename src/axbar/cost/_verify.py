"""Writes that a cell takes on average where cells off their target are written again, at many design points.

Of cells that are written at run time; those of weights: ``_programming``.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from axbar.cost._device import device_of
from axbar.cost._types import Context, Floats
from axbar.devices import expected_writes

__all__ = ["VERIFY_PATHS", "mean_writes"]

_BITS: Final = "run_time.cell_bits"

#: what decides on the number of writes, beside the law of the device
VERIFY_PATHS: Final = (
    "device.verify_tolerance",
    "device.verify_writes",
    "run_time.write_noise",
    "device.g_on_S",
    "device.g_off_S",
    _BITS,
)


def mean_writes(x: Context) -> Floats:
    """Return the mean writes of a cell, ``[P]`` or ``[1]``; worked out once per device block.

    Args:
        x: context of points that share the name of their device.
    """
    columns = [x.p(path) for path in VERIFY_PATHS]
    if not columns[0].any():
        return np.ones(1)
    others = [c for path, c in x.numbers.items() if path.startswith("device.") and path not in VERIFY_PATHS]
    varied = [column for column in (*columns, *others) if len(column) > 1]
    if not varied:
        return np.array([_writes(x)])
    assert x.take is not None  # whoever sweeps a column knows how to take points
    first, which = np.unique(np.stack(varied), axis=1, return_index=True, return_inverse=True)[1:]
    each = np.empty(len(first))
    for i, point in enumerate(first):
        each[i] = _writes(x.take(np.array([point])))
    return each[which.reshape(-1)]


def _writes(x: Context) -> float:
    """Return the mean writes of a cell at one point."""
    noise = x.p("run_time.write_noise").item()
    device = device_of(x).model_copy(update={"program_noise": noise})
    return expected_writes(device, int(x.p(_BITS).item()))
