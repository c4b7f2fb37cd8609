"""The shapes of the matrix products as columns, which are the same whatever the chip is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from axbar.cost._types import Floats
from axbar.workload import Geometry, LayerTrace

__all__ = ["Shapes", "shapes_of"]


@dataclass(frozen=True)
class Shapes:
    """Shapes of L layers, ``[L]`` float64 each, read-only.

    Args:
        fan_in, fan_out, groups: K, N, G.
        positions: output positions.
        kernel: positions of the kernel.
        row_uses: rows of output positions in which one input row is needed.
    """

    fan_in: Floats
    fan_out: Floats
    groups: Floats
    positions: Floats
    kernel: Floats
    row_uses: Floats


def shapes_of(layers: Sequence[LayerTrace]) -> Shapes:
    """Return the shapes of layers that multiply stored weights."""
    rows = [
        (g.fan_in, g.fan_out, g.groups, g.positions, g.kernel[0] * g.kernel[1], _row_uses(g))
        for g in (layer.geometry for layer in layers)
    ]
    columns = np.ascontiguousarray(np.array(rows, dtype=np.float64).reshape(-1, 6).T)
    columns.setflags(write=False)
    return Shapes(*columns)


def _row_uses(shape: Geometry) -> int:
    if len(shape.in_shape) != 3:
        return 1
    rows = min(shape.in_shape[1], (shape.kernel[0] - 1) * shape.dilation[0] + 1)
    return max(1, -(-rows // shape.stride[0]))
