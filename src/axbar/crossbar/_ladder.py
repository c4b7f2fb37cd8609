"""Exact effective conductance of an array with resistive wires, by one sweep over its columns.

Circuit: row ``i`` is driven at its left end through ``r_driver`` and one segment ``r_row``, and a segment
``r_row`` leads from each cell to the next; column ``j`` has a segment ``r_col`` below each cell and ends, at the
bottom, in ``r_sense`` and the sense node at 0 V. Cell ``g_ij`` joins row node ``x_ij`` to column node ``z_ij``.
The circuit is linear, so the sensed currents are ``I = V G_eff`` for every input ``V``.

**One column.** Held at row-node voltages ``x``, a column draws ``K x``, where ``K`` is its m x m conductance. A
column is a chain, so ``K`` follows from recursions along it (below) without a matrix being solved.

**The array.** Let ``Y_j`` be the admittance seen from the row nodes of column ``j`` into columns >= j, and ``W_j``
the matrix from these voltages to the sensed currents of columns >= j. With ``rho_j`` the wire left of column ``j``
(``rho_0 = r_row + r_driver``, else ``r_row``) and ``P_j = (1 + rho_j Y_j)^-1``, from the right to the left:

    Y_j = K_j + Y_{j+1} P_{j+1},        W_j = [1^T K_j; W_{j+1} P_{j+1}],        G_eff = (W_0 P_0)^T.

**Along a column** (top node 0, bottom node m-1), with ``a`` the admittance of a node upwards, its own cell
included, and ``h`` the impedance downwards:

    a_i = g_i + up_i,   up_i = a_{i-1} / (1 + r_col a_{i-1}),   up_0 = 0,
    h_{m-1} = r_col + r_sense,   h_i = r_col + 1 / (g_{i+1} + 1 / h_{i+1}).

(For 1/h the second is the first read upwards.)

The potential of node i for a unit current into node k (rows grounded) is ``S_ik``, the potential of node i for
1 V at the sense node is ``f_i``:

    S_ii = h_i / (1 + h_i a_i),      f_i / f_{i+1} = 1 / (1 + r_col a_i),   f_{m-1} = 1 / (1 + h_{m-1} a_{m-1}),
    S_ik = S_kk f_i / f_k (i < k) = sqrt(S_ii S_kk) exp(-|t_i - t_k|),      t_i = ln f_i - 1/2 ln S_ii,

and ``K_ik = -g_i S_ik g_k``, ``K_ii = g_i (1 + h_i up_i) / (1 + h_i a_i)``, ``1^T K = g f``: products, quotients
and sums of positive numbers, so float32 loses nothing. Resistances and conductances of zero need no care.

**Powers instead of an inverse.** ``|rho Y_j|`` is at most ``rho`` times the sum of the largest conductances of
columns >= j. Where that bound is small enough for the geometric series of ``P`` to end below the rounding of the
number format, matrix products alone give ``P``; else a Cholesky factor does.

Source: ladder (transmission-matrix) reduction of resistor networks; chain recursions are those of a continued
fraction. Checked against a sparse nodal solution on 1x1 to 64x64 arrays: 1e-13 relative in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from axbar.errors import ModelError

__all__ = ["Wires", "ladder"]

_CHUNK_BYTES = 2**21  # of one m x m matrix per array: what is in use then stays within the caches
_BLOCK_BYTES = 2**18  # of the m x m matrices of several columns of few arrays, made by one call
_LOG_SPAN = 60.0  # exp(60) squared fits float32
_SMALL = 128  # rows up to which two more products cost less than a Cholesky factor and its inverse


@dataclass(frozen=True)
class Wires:
    """Resistances of an array's wires, in ohm; each may be 0.

    Args:
        row: of a word-line segment, one left of every cell.
        col: of a bit-line segment, one below every cell.
        driver: between the source of a row and its first segment.
        sense: between the last segment of a column and the sense node.
    """

    row: float
    col: float
    driver: float = 0.0
    sense: float = 0.0

    @property
    def ideal(self) -> bool:
        """Whether no wire has a resistance."""
        return self.row == self.col == self.driver == self.sense == 0.0

    def times(self, factor: float) -> Wires:
        """Every resistance multiplied."""
        return Wires(self.row * factor, self.col * factor, self.driver * factor, self.sense * factor)

    def mirrored(self) -> Wires:
        """Wires of the array whose sources and sense nodes are exchanged."""
        return Wires(self.col, self.row, self.sense, self.driver)


def ladder(cells: Tensor, wires: Wires) -> Tensor:
    """Return what each input of an array adds to each output per volt, wires included.

    Args:
        cells: conductances, S ``[arrays, rows, cols]``, float32 or float64, finite, >= 0.
        wires: resistances.

    Returns:
        ``[arrays, rows, cols]`` in S, so that ``I = V @ G_eff``; differentiable in ``cells``.

    Raises:
        ModelError: resistances beyond what the number format can hold.
    """
    if wires.ideal or cells.shape[0] == 0:
        return cells.clone()
    rows, cols = cells.shape[-2:]
    if rows > cols:  # the cost is cols x rows^3; by reciprocity rows and columns may change places
        return _mirror(ladder(_mirror(cells), wires.mirrored()))
    at_once = max(1, _CHUNK_BYTES // (rows * rows * cells.element_size()))
    return torch.cat([_sweep(chunk, wires) for chunk in cells.split(at_once)])


def _mirror(cells: Tensor) -> Tensor:
    """The array seen from its sense nodes: drivers become sense nodes and the reverse."""
    return cells.mT.flip(-2, -1)


def _sweep(cells: Tensor, wires: Wires) -> Tensor:
    """Columns from the right to the left, all arrays at once."""
    unit = wires.row + wires.driver or 1.0  # of resistance: squares of conductances then stay within float32
    cells = cells * unit
    wires = wires.times(1.0 / unit)
    columns = _Columns.of(cells, wires)
    bound = cells.detach().amax((0, -2)).flip(-1).cumsum(-1).flip(-1).tolist()  # of |Y_j|, column by column
    seen = through = None  # Y_{j+1} P_{j+1} and W_{j+1} P_{j+1}
    for j, mutual in columns.from_right():
        seen = -mutual if seen is None else seen - mutual
        out = columns.sensed[:, j, None]
        out = out if through is None else torch.cat([out, through], -2)
        rho = wires.row + wires.driver * (j == 0)
        seen, through = _past_segment(seen, out, rho, bound[j])
    assert through is not None  # an array has a column
    return through.mT / unit


def _past_segment(seen: Tensor, out: Tensor, rho: float, bound: float) -> tuple[Tensor, Tensor]:
    """Multiply both matrices by ``P = (1 + rho Y)^-1``, where ``|Y| <= bound``."""
    if rho == 0.0:
        return seen, out
    steps = _doublings(rho * bound, seen)
    if steps is None:
        passed = _inverse(seen, rho)
        return torch.bmm(seen, passed), torch.bmm(out, passed)
    power = torch.bmm(seen, seen)
    series = torch.sub(seen, power, alpha=rho)
    for step in range(1, steps + 1):  # Y P = (Y - rho Y^2) (1 + rho^2 Y^2) (1 + rho^4 Y^4) ...
        power = torch.bmm(power, power) if step > 1 else power
        series = torch.baddbmm(series, series, power, alpha=rho ** (2**step))
    return series, torch.baddbmm(out, out, series, alpha=-rho)  # W P = W - rho W (Y P)


def _doublings(bound: float, like: Tensor) -> int | None:
    """Factors after which the series is exact to rounding; None if an inverse is cheaper."""
    most = 2 if like.shape[-1] <= _SMALL else 1
    enough = (
        steps for steps in range(most + 1) if bound ** (2 ** (steps + 1)) <= torch.finfo(like.dtype).eps
    )
    return next(enough, None)


def _inverse(seen: Tensor, rho: float) -> Tensor:
    """``(1 + rho Y)^-1`` for a symmetric Y without negative eigenvalues."""
    matrix = torch.eye(seen.shape[-1], dtype=seen.dtype, device=seen.device) + rho * seen
    factor, failed = torch.linalg.cholesky_ex(matrix)
    if bool(failed.any()):
        raise ModelError(
            f"wires and cells of this array span more than {seen.dtype} can hold: use float64, or resistances "
            "of wires, drivers and sense nodes that are closer to those of the cells"
        )
    return torch.cholesky_inverse(factor)


@dataclass(frozen=True)
class _Columns:
    """What the recursions along the columns leave, each ``[arrays, cols, rows]``.

    Args:
        own: K_ii.
        sensed: 1^T K.
        mutual: two factors of g_i S_ik g_k, None where columns have no resistance and K is diagonal: with w = g
            sqrt(S_ii), either (w exp(t), w exp(-t)), or (w, t) where exp(t) could leave the range of float32.
        below: 1 below the diagonal, else 0, ``[rows, rows]``; None for factors (w, t).
    """

    own: Tensor
    sensed: Tensor
    mutual: tuple[Tensor, Tensor] | None = None
    below: Tensor | None = None

    @classmethod
    def of(cls, cells: Tensor, wires: Wires) -> _Columns:
        """Run the recursions of all columns of all arrays ``[arrays, rows, cols]``."""
        g = cells.mT.contiguous()
        if wires.col + wires.sense == 0.0:
            return cls(g, g)
        up, down = _up_and_down(cells, wires)
        total = g + up
        share = 1.0 + down * total
        loss = torch.log1p(wires.col * total)
        end = torch.log1p((wires.col + wires.sense) * total[..., -1:])
        rest = loss[..., :-1].flip(-1).cumsum(-1).flip(-1)
        log_f = -torch.cat([rest + end, end], -1)
        own_drop = down / share  # S_ii
        weight, depth = g * own_drop.sqrt(), log_f - 0.5 * own_drop.log()
        depth = (
            depth - 0.5 * (depth[..., :1] + depth[..., -1:]).detach()
        )  # t rises along a column: now around 0
        own, sensed = g * (1.0 + down * up) / share, g * log_f.exp()
        if 2.0 * float(depth.detach().amax()) > _LOG_SPAN:
            return cls(own, sensed, (weight, depth))
        rise = depth.exp()
        below = torch.ones(g.shape[-1], g.shape[-1], dtype=g.dtype, device=g.device).tril(-1)
        return cls(own, sensed, (weight * rise, weight / rise), below)

    def from_right(self) -> Iterator[tuple[int, Tensor]]:
        """Yield every column's index and ``-K [arrays, rows, rows]``, made for as many columns as fit the caches."""
        arrays, cols, rows = self.own.shape
        block = max(1, _BLOCK_BYTES // (arrays * rows * rows * self.own.element_size()))
        for first in reversed(range(0, cols, block)):
            some = self._mutual(slice(first, first + block)).unbind(1)
            yield from ((first + i, some[i]) for i in reversed(range(len(some))))

    def _mutual(self, j: slice) -> Tensor:
        """Return ``-K`` of some columns, ``[arrays, columns, rows, rows]``."""
        own = self.own[:, j]
        if self.mutual is None:
            return torch.diag_embed(-own)
        a, b = self.mutual[0][:, j], self.mutual[1][:, j]
        if self.below is None:
            mutual = a[..., :, None] * a[..., None, :] * (-(b[..., :, None] - b[..., None, :]).abs()).exp()
        else:  # between 0 and 1, lerp selects exactly, at a third of the time of where
            mutual = torch.lerp(
                a[..., :, None] * b[..., None, :], b[..., :, None] * a[..., None, :], self.below
            )
        mutual.diagonal(dim1=-2, dim2=-1).copy_(-own)
        return mutual


def _up_and_down(cells: Tensor, wires: Wires) -> tuple[Tensor, Tensor]:
    """Admittance above and impedance below every node, its own cell left out, ``[arrays, cols, rows]``."""
    rows = torch.stack([cells, cells.flip(-2)]).unbind(
        -2
    )  # downwards and upwards: one recursion of admittances
    ends = torch.stack(
        [torch.zeros_like(rows[0][0]), torch.full_like(rows[0][1], 1.0 / (wires.col + wires.sense))]
    )
    one, past = torch.ones_like(ends), [ends]
    for g in rows[:-1]:
        total = g + past[-1]
        past.append(total / torch.add(one, total, alpha=wires.col))
    up, down = torch.stack(past, -1)
    return up, down.flip(-1).reciprocal()
