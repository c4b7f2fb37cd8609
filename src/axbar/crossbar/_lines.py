"""The wires of an array as an operator: cell currents in, voltage lost at each cell out.

With ``c`` the cell currents of an array of ``m`` rows,

    (R c)_ij = sum_k row_jk c_ik + sum_k col_ik c_kj,
    row_jk = r_driver + r_row (min(j, k) + 1),    col_ik = r_sense + r_col (m - max(i, k)):

what two cells of a line share is its end and the segments up to the nearer of them. Along a line of ``n`` cells in
blocks of ``h``, with ``o_b`` cells before block b and p = 1 ... h within it,

    min = min(p, p') within a block, + min(o_b, o_b') for any two, + p or p', that of the nearer block, across blocks:

a block-diagonal matrix plus one of rank 2 n/h, so a product takes ``n (h + 4 n/h)`` multiplications, not ``n²``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from axbar.crossbar._ladder import Wires

__all__ = ["Lines"]

_SHORT = 64  # cells up to which one dense product is faster


@dataclass(frozen=True)
class _Line:
    """Shared resistances ``[n, n]`` of the cells of one line: ``block`` on the diagonal plus ``far @ near.T``.

    Args:
        block: ohm ``[h, h]``.
        far, near: ohm and 1 ``[n, 2 n/h]``; None where one block is the whole line.
    """

    block: Tensor
    far: Tensor | None = None
    near: Tensor | None = None

    @classmethod
    def of(cls, cells: int, segment: float, end: float, like: Tensor) -> _Line:
        """A line whose cell 0 is nearest to the end that carries all currents."""
        size = cells if cells <= _SHORT else _block_size(cells)
        place = torch.arange(1, size + 1, dtype=like.dtype, device=like.device)
        within = segment * torch.minimum(place[:, None], place)
        if size == cells:
            return cls(within + end)
        blocks = cells // size
        start = size * torch.arange(blocks, dtype=like.dtype, device=like.device)
        before = torch.ones(blocks, blocks, dtype=like.dtype, device=like.device).triu(1)
        shared = torch.minimum(start[:, None], start) * segment + end
        nearer = torch.cat([
            torch.cat([shared, segment * before.mT], 1), torch.cat([segment * before, 0.0 * before], 1)
        ])  # fmt: skip
        each = torch.eye(blocks, dtype=like.dtype, device=like.device)
        near = torch.cat(
            [torch.kron(each, torch.ones_like(place)[:, None]), torch.kron(each, place[:, None])], 1
        )
        return cls(within, near @ nearer, near)

    def flipped(self) -> _Line:
        """The line with its last cell nearest to the end."""
        turned = (None if part is None else part.flip(0) for part in (self.far, self.near))
        return _Line(self.block.flip(0, 1), *turned)


def _block_size(cells: int) -> int:
    """The divisor that takes the fewest multiplications."""
    return min(
        (h for h in range(1, cells + 1) if cells % h == 0), key=lambda h: h + 4 * cells // h * (h < cells)
    )


class Lines:
    """Both directions of an array.

    Args:
        wires: resistances, ohm.
        like: cells ``[..., rows, cols]`` whose shape, type and device are meant.
    """

    def __init__(self, wires: Wires, like: Tensor) -> None:
        rows, cols = like.shape[-2:]
        self.wires = wires
        self._row = _Line.of(cols, wires.row, wires.driver, like)
        self._col = _Line.of(rows, wires.col, wires.sense, like).flipped()

    def lost(self, currents: Tensor) -> Tensor:
        """Return ``R c`` for ``c [..., rows, cols]``."""
        return self.add_lost(torch.zeros_like(currents, memory_format=torch.contiguous_format), currents)

    def add_lost(self, voltages: Tensor, currents: Tensor) -> Tensor:
        """Add ``R c`` to ``voltages``, contiguous and of the shape of ``c``, in place; return them."""
        currents = currents.contiguous()
        self._add_along_rows(voltages, currents)
        self._add_along_cols(voltages, currents)
        return voltages

    def _add_along_rows(self, voltages: Tensor, currents: Tensor) -> None:
        line, size, cols = self._row, self._row.block.shape[0], currents.shape[-1]
        voltages.view(-1, size).addmm_(currents.view(-1, size), line.block)
        if line.near is not None and line.far is not None:
            voltages.view(-1, cols).addmm_(currents.view(-1, cols) @ line.near, line.far.mT)

    def _add_along_cols(self, voltages: Tensor, currents: Tensor) -> None:
        line, size, (rows, cols) = self._col, self._col.block.shape[0], currents.shape[-2:]
        blocks = currents.view(-1, size, cols)
        voltages.view(-1, size, cols).baddbmm_(line.block.expand(blocks.shape[0], size, size), blocks)
        if line.near is not None and line.far is not None:
            flat = currents.view(-1, rows, cols)
            sums = line.near.mT.expand(flat.shape[0], -1, rows) @ flat
            voltages.view(-1, rows, cols).baddbmm_(line.far.expand(flat.shape[0], rows, -1), sums)
