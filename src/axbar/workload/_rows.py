"""Rows of an unfolded weight matrix that hold no weight, which an array need not have.

Row (c, r, s) of the unfolded matrix (the order of ``torch.nn.functional.unfold``) multiplies input channel c under
kernel position (r, s). Where its weight is zero for every output, it adds nothing to any sum: it needs no word line,
no cells, no driver, and no input bit delivered. Such rows come from structured pruning (input channels without
weights) and from kernels with empty taps: a 3x1 and a 1x3 kernel side by side merge into a cross, which holds 5 of 9
positions.

- Groups keep one geometry: a row is left out if its offset (c, r, s) inside the group is empty in all groups.
- *Flattened*, rows of all positions follow each other, and any empty one is left out. *Kernel split*, every position
  (r, s) has arrays of its own, and those that are empty for all channels are left out.
- A layer without a single weight keeps its first row (position).

It is the float weights that decide, not the codes into which they are rounded: a weight of less than half a step
still has its row.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["stored_rows"]


def stored_rows(
    weight: NDArray[Any],
    layout: Literal["flattened", "kernel_split"] = "flattened",
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Return which rows of the unfolded weight matrix of a group lie on arrays, ``[fan_in]``.

    Args:
        weight: ``[K, C/groups, R, S]`` or ``[K, F]``, of all groups.
        layout: whether kernel positions share arrays.
        mask: shape of weight: False where a weight was removed.

    >>> cross = np.array([[0.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]])
    >>> stored_rows(cross[None, None]).astype(int).tolist()
    [0, 1, 0, 1, 1, 1, 0, 1, 0]
    """
    holds = weight != 0
    if mask is not None:
        holds &= mask
    # [C, R S]: channels (features) by kernel position
    rows = holds.any(axis=0).reshape(weight.shape[1], -1)
    if layout == "kernel_split":
        rows = np.broadcast_to(_one_at_least(rows.any(axis=0)), rows.shape)
    return _one_at_least(rows.reshape(-1))


def _one_at_least(holds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if not holds.any():
        holds[:1] = True
    return holds
