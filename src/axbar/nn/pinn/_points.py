"""Where a network is trained and measured: seeded points in a box, on its faces, along its axes.

Scattered points are a scrambled Sobol sequence, which covers a box more evenly than independent draws; points of an
axis are one uniform draw from each of N equal cells (a Latin hypercube of one dimension), ascending.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from axbar.errors import OptionError
from axbar.nn.pinn._layers import Box, check_box

__all__ = ["Face", "axis_points", "axis_points_on", "box_points", "even_axes", "face_points"]

#: axis and its end: 0 for the lower, 1 for the higher
Face = tuple[int, int]


def box_points(box: Box, count: int, seed: int) -> Tensor:
    """Return ``count`` Sobol points ``[count, D]`` in a box, in float64.

    >>> box_points([(0.0, 1.0), (5.0, 6.0)], 4, seed=0).shape
    torch.Size([4, 2])
    """
    check_box(box)
    if count < 1:
        raise OptionError(f"{count} points can't be drawn; give 1 or more.")
    engine = torch.quasirandom.SobolEngine(len(box), scramble=True, seed=seed)
    low, high = torch.tensor(box, dtype=torch.float64).T
    return low + (high - low) * engine.draw(count, dtype=torch.float64)


def face_points(box: Box, faces: Sequence[Face], count: int, seed: int) -> Tensor:
    """Return points ``[about count, D]`` shared evenly among faces of a box, at least one on each."""
    each = -(-count // len(faces))
    drawn = []
    for number, (axis, end) in enumerate(faces):
        points = box_points(box, each, seed + number)
        points[:, axis] = box[axis][end]
        drawn.append(points)
    return torch.cat(drawn)


def axis_points(box: Box, count: int | Sequence[int], seed: int) -> tuple[Tensor, ...]:
    """Return ascending coordinates of each axis, ``count`` of them or ``count[i]``, in float64.

    Raises:
        OptionError: the counts are not one per axis.
    """
    counts = [count] * len(box) if isinstance(count, int) else list(count)
    if len(counts) != len(box):
        raise OptionError(
            f"{len(counts)} counts of points for {len(box)} axes; give one per axis, or one for all."
        )
    generator = torch.Generator().manual_seed(seed)
    axes = []
    for (low, high), n in zip(box, counts, strict=True):
        inside = torch.rand(n, generator=generator, dtype=torch.float64)
        axes.append(low + (high - low) * (torch.arange(n, dtype=torch.float64) + inside) / n)
    return tuple(axes)


def axis_points_on(box: Box, face: Face, count: int | Sequence[int], seed: int) -> tuple[Tensor, ...]:
    """Return coordinates of each axis whose grid lies on one face: a single one for the axis across it."""
    axis, end = face
    axes = list(axis_points(box, count, seed))
    axes[axis] = torch.tensor([box[axis][end]], dtype=torch.float64)
    return tuple(axes)


def even_axes(box: Box, counts: Sequence[int]) -> tuple[Tensor, ...]:
    """Return evenly spaced coordinates of each axis, both ends included, in float64."""
    return tuple(
        torch.linspace(low, high, n, dtype=torch.float64) for (low, high), n in zip(box, counts, strict=True)
    )
