"""How a weight matrix lies on arrays: groups, row tiles, column tiles, slices and differential pairs.

A layer with G groups has one matrix ``[N, K]`` per group (K rows: unfolded (c, r, s) in the order of
``torch.nn.functional.unfold``; N outputs). Columns of one output: for each slice plus, minus, least
significant slice first; column index ``(n * slices + s) * 2 + {0: plus, 1: minus}``. An output never
straddles two arrays. Small groups share an array block-diagonally,

    p = max(1, min(rows // K, outputs_per_array // N))

of them form one *bundle*.

Kernel split: every kernel position (r, s) has arrays of its own, with the rows of its channels alone. K in the
rule above is then C, the rows of one position; row tiles run position by position, each position's rows by
channel (by group, then channel, in a shared array). With one position this is the layout above.

Rows that hold no weight are left out (``axbar.workload.stored_rows``): K, in the rules above, counts those that are
stored, which follow each other without gaps; with kernel split whole positions are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.devices import n_slices, slice_codes

__all__ = ["Mapping"]


@dataclass(frozen=True)
class Mapping:
    """Geometry of one layer on arrays.

    Args:
        fan_in, fan_out: rows and outputs N of the matrix of one group, stored or not.
        groups: G.
        rows, cols: of one array.
        weight_bits, cell_bits: of one weight and one cell.
        positions: kernel positions of the matrix that have arrays of their own; 1 if the rows of all follow each
            other.
        stored: rows of the matrix that lie on arrays, ascending; None: all. With positions of their own, whole ones.

    >>> Mapping(fan_in=288, fan_out=64, groups=1, rows=64, cols=64, weight_bits=4, cell_bits=2).n_arrays
    20
    """

    fan_in: int
    fan_out: int
    groups: int
    rows: int
    cols: int
    weight_bits: int
    cell_bits: int
    positions: int = 1
    stored: tuple[int, ...] | None = field(default=None, repr=False)

    @cached_property
    def stored_rows(self) -> int:
        """Rows of one group that lie on arrays (K)."""
        return self.fan_in if self.stored is None else len(self.stored)

    @cached_property
    def stored_index(self) -> NDArray[np.intp]:
        """Rows of the matrix that lie on arrays, ascending, ``[stored_rows]``."""
        return np.arange(self.fan_in) if self.stored is None else np.array(self.stored, dtype=np.intp)

    @cached_property
    def stored_positions(self) -> int:
        """Kernel positions with arrays of their own that lie on arrays."""
        return self.positions * self.stored_rows // self.fan_in if self.positions > 1 else 1

    @cached_property
    def slices(self) -> int:
        """Cells that hold one magnitude."""
        return n_slices(self.weight_bits, self.cell_bits)

    @cached_property
    def outs_per_array(self) -> int:
        """Outputs whose columns fit into one array."""
        return self.cols // (2 * self.slices)

    @cached_property
    def position_rows(self) -> int:
        """Stored rows of one group that belong to one position."""
        return self.stored_rows // self.stored_positions

    @cached_property
    def groups_per_array(self) -> int:
        """Groups that share one array (p)."""
        fit = min(self.rows // self.position_rows, self.outs_per_array // self.fan_out)
        return min(self.groups, max(1, fit))

    @cached_property
    def bundles(self) -> int:
        """Sets of groups with arrays of their own."""
        return -(-self.groups // self.groups_per_array)

    @cached_property
    def bundle_rows(self) -> int:
        """Rows of one bundle at one position."""
        return self.groups_per_array * self.position_rows

    @cached_property
    def bundle_outs(self) -> int:
        return self.groups_per_array * self.fan_out

    @cached_property
    def tiles_per_position(self) -> int:
        return -(-self.bundle_rows // self.rows)

    @cached_property
    def row_tiles(self) -> int:
        return self.stored_positions * self.tiles_per_position

    @cached_property
    def col_tiles(self) -> int:
        return -(-self.bundle_outs // self.outs_per_array)

    @cached_property
    def used_rows(self) -> int:
        """Rows of an array that a layer drives (of the fullest array)."""
        return min(self.rows, self.bundle_rows)

    @cached_property
    def used_outs(self) -> int:
        """Outputs on one array (of the fullest array)."""
        return min(self.outs_per_array, self.bundle_outs)

    @cached_property
    def n_arrays(self) -> int:
        """Arrays of the layer."""
        return self.bundles * self.row_tiles * self.col_tiles

    @cached_property
    def top_level(self) -> int:
        """Largest level of a cell."""
        return 2**self.cell_bits - 1

    def full_scale_levels(self, off_level: float) -> NDArray[np.float64]:
        """Return the largest noise-free column value per row tile, ``[row_tiles]``, in levels.

        Args:
            off_level: conductance of an empty cell in levels (0 for an infinite on/off ratio); every driven
                row adds it.
        """
        depth = self.tiles_per_position
        driven = np.full(self.row_tiles, self.used_rows, dtype=np.float64)
        driven[depth - 1 :: depth] = self.bundle_rows - (depth - 1) * self.used_rows
        # rows of other groups hold level 0 in a shared array
        holding = np.minimum(driven, self.position_rows)
        return holding * self.top_level + driven * off_level

    def _places(self, offset: int) -> slice | NDArray[np.intp]:
        """Return where the stored rows of the group at ``offset`` stand among the rows of all tiles of its bundle."""
        if self.stored_positions == 1:
            return slice(offset * self.stored_rows, (offset + 1) * self.stored_rows)
        channel, position = np.divmod(np.arange(self.stored_rows), self.stored_positions)
        return position * (self.tiles_per_position * self.used_rows) + offset * self.position_rows + channel

    def blocks(self, codes: NDArray[np.integer[Any]]) -> NDArray[np.int16]:
        """Lay signed codes ``[groups * fan_out, fan_in]`` out per bundle, zero where an array stays empty.

        Returns:
            ``[bundles, col_tiles * used_outs, row_tiles * used_rows]``; groups of a bundle are
            block-diagonal.
        """
        shape = (self.bundles, self.col_tiles * self.used_outs, self.row_tiles * self.used_rows)
        padded = np.zeros(shape, dtype=np.int16)
        groups = codes.reshape(self.groups, self.fan_out, self.fan_in)
        if self.stored is not None:
            groups = groups[..., self.stored_index]
        for offset in range(self.groups_per_array):  # the group at ``offset`` in every bundle
            block = groups[offset :: self.groups_per_array]
            n = offset * self.fan_out
            padded[: len(block), n : n + self.fan_out, self._places(offset)] = block
        return padded

    def levels(self, blocks: NDArray[np.int16], tile: int) -> NDArray[np.uint8]:
        """Return the cell levels of one row tile: ``[bundles, col_tiles, used_rows, columns]``.

        Columns run as in the arrays: output, slice, plus or minus (see the head of this module).
        """
        rows = blocks[:, :, tile * self.used_rows : (tile + 1) * self.used_rows]
        pair = np.stack(slice_codes(rows, self.weight_bits, self.cell_bits))  # [2, S, U, N, R]
        shape = (2, self.slices, self.bundles, self.col_tiles, self.used_outs, self.used_rows)
        placed = pair.reshape(shape).transpose(2, 3, 5, 4, 1, 0)
        return np.ascontiguousarray(placed.reshape(self.bundles, self.col_tiles, self.used_rows, -1))

    def exists(self, tile: int) -> NDArray[np.bool_]:
        """Return which cells of one row tile are connected: ``[1, col_tiles, used_rows, columns]``.

        Rows beyond the layer's last input and columns beyond its last output are open circuits.
        """
        rows = np.arange(self.used_rows) + tile % self.tiles_per_position * self.used_rows < self.bundle_rows
        outs = np.arange(self.col_tiles * self.used_outs).reshape(self.col_tiles, -1) < self.bundle_outs
        columns = np.repeat(outs, 2 * self.slices, axis=-1)
        return (rows[:, None] & columns[:, None])[None]

    def columns_by_output(self, arrays: NDArray[Any]) -> NDArray[Any]:
        """Reorder the cells of one row tile for the read.

        Args:
            arrays: ``[bundles, col_tiles, used_rows, columns]`` as from ``levels``.

        Returns:
            ``[bundles, 2, slices, bundle_outs, used_rows]``: the columns of one sign and slice lie together.
        """
        bundles, col_tiles, rows, _ = arrays.shape
        cells = arrays.reshape(bundles, col_tiles, rows, self.used_outs, self.slices, 2)
        moved = cells.transpose(0, 5, 4, 1, 3, 2)  # [U, 2, S, Tc, outs, R]
        return moved.reshape(bundles, 2, self.slices, -1, rows)[..., : self.bundle_outs, :]

    def weights_of(self, joined: NDArray[Any]) -> NDArray[Any]:
        """Take a layer's matrix out of its bundles; what a shared array holds off its blocks is left out.

        Args:
            joined: ``[bundles, bundle_outs, row_tiles * used_rows]``, pairs and slices already joined.

        Returns:
            ``[groups * fan_out, fan_in]``, zero in rows that are left out.
        """
        blocks = [
            joined[:, i * self.fan_out : (i + 1) * self.fan_out, self._places(i)]
            for i in range(self.groups_per_array)
        ]
        grouped = np.stack(blocks, axis=1).reshape(-1, self.stored_rows)[: self.groups * self.fan_out]
        if self.stored is None:
            return grouped
        whole = np.zeros((len(grouped), self.fan_in), dtype=grouped.dtype)
        whole[:, self.stored_index] = grouped
        return whole
