"""Cores of a convolution as a tensor train of one rank, the kernels they merge into, and the work of merging.

With the cores R (``reduce``) [r, I], V (``vertical``) [r, r, 3], H (``horizontal``) [r, r, 3] and E (``expand``) [O, r]
of ``axbar.nn.tensor_train``, V_h and H_w their matrices at one tap, the merged kernels W'[:, :, h, w] [O, I] are

    sequential   E H_w V_h R
    parallel     ½ E (V_h [w = 1] + H_w [h = 1]) R         a cross: the four corners are exactly 0
    late         E R                                       one tap

each of rank r at most when unfolded to O × (I taps). The late kernel is not the centre of the cross, which is
½ E (V_1 + H_1) R. Lee, Yin, Kim, Moitra, Li and Panda, "TT-SNN", DATE 2024, merge the first two; there the cores start
at random, here from a kernel W:

**Sequential**: the tensor-train decomposition of W as [I, 3, 3, O] by three truncated singular value decompositions
(Oseledets, SIAM J. Sci. Comput. 33(5), 2011). Its bonds are at most min(I, 9 O), min(3 I, 3 O) and min(9 I, O), so the
largest of these, ``largest_rank``, is exact for every kernel; min(I, O) is not. Bonds below the rank are filled up with
zeros.

**Parallel**: the five taps W_k of the cross share their row and column spaces, so the best fit is a Tucker
decomposition of the stack in two of its modes: min Σ_k ‖W_k − E C_k R‖² over E, Rᵀ with orthonormal columns, where
C_k = Eᵀ W_k Rᵀ and the error is Σ ‖W_k‖² − Σ ‖C_k‖². Both start from the singular vectors of the unfolded stack and
then take turns, one fitted to the other (HOOI: De Lathauwer, De Moor and Vandewalle, SIAM J. Matrix Anal. Appl. 21(4),
2000), so the error never rises. The core of an arm is 2 C_k and both centres are C_1: the merged kernel is E C_k R
itself. All five taps are exact for r ≥ max(min(O, 5 I), min(I, 5 O)), the dimensions of their joint spaces; that is
max(I, O) unless one is beyond five times the other. The corners of W have no part in the fit.

**Half**: as parallel, but E R, which the late steps use alone, shall start near S = Σ W[:, :, h, w] over all nine taps:
what the kernel does to a map that is constant. For any s > 0 and orthogonal Q, h → s Q h, that is

    R → s Q R,    V_h → V_h (s Q)⁻¹,    H_w → H_w (s Q)⁻¹

leaves the cross as it is, and E R → s E Q R. As E and Rᵀ are orthonormal,

    ‖S − s E Q R‖² = ‖S‖² − 2 s tr(Mᵀ Q) + s² ‖E Q R‖²,    M = Eᵀ S Rᵀ = A Σ Bᵀ

is least for the polar factor Q = A Bᵀ (orthogonal Procrustes problem: Schönemann, Psychometrika 31, 1966) and
s = tr Σ / ‖E Q R‖²; for ‖E Q R‖² is min(r, I, O) whatever Q is, as long as r ≤ max(I, O). (Beyond, this Q is kept.)
M itself in place of s Q would give E M R, the projection of S, but M⁻¹ in the middle cores may be of any size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Cores",
    "half",
    "largest_rank",
    "merge_late",
    "merge_macs",
    "merge_parallel",
    "merge_sequential",
    "parallel",
    "sequential",
    "two_factors",
]

Array = NDArray[np.float64]

#: (h, w) of the cross: arms of the vertical core, arms of the horizontal one, the centre of both
_CROSS = ((0, 1), (2, 1), (1, 0), (1, 2), (1, 1))
#: turns of the alternating fit at most, and the relative gain of one below which it ends
_SWEEPS, _GAIN = 5, 1e-6
#: of the taps' size: below, their projected sum is nothing to aim at
_NOTHING = 1e-12


@dataclass(frozen=True)
class Cores:
    """The four cores of a layer, float64.

    Args:
        reduce: ``[r, I]``.
        vertical: ``[r, r, 3]``: out, in, row of the kernel.
        horizontal: ``[r, r, 3]``: out, in, column of the kernel.
        expand: ``[O, r]``.
    """

    reduce: Array
    vertical: Array
    horizontal: Array
    expand: Array

    @property
    def rank(self) -> int:
        """The one rank r of all bonds."""
        return self.reduce.shape[0]


def largest_rank(in_channels: int, out_channels: int) -> int:
    """Return the least rank at which every kernel of 3×3 has exact cores; a higher one adds nothing.

    It is min(3 I, 3 O), or min(9 I, O) or min(I, 9 O) where one is beyond three times the other.

    >>> largest_rank(64, 128), largest_rank(8, 64)
    (192, 64)
    """
    i, o = in_channels, out_channels
    return max(min(i, 9 * o), min(3 * i, 3 * o), min(9 * i, o))


def sequential(weight: Array, rank: int) -> Cores:
    """Return the tensor train of a kernel ``[O, I, 3, 3]``, its bonds cut to ``rank``; see the module."""
    out, into = weight.shape[:2]
    rest = np.asarray(weight, np.float64).transpose(1, 2, 3, 0)
    first, rest = _split(rest.reshape(into, -1), rank)
    second, rest = _split(rest.reshape(first.shape[1] * 3, -1), rank)
    third, rest = _split(rest.reshape(second.shape[1] * 3, -1), rank)
    vertical = second.reshape(-1, 3, second.shape[1]).transpose(2, 0, 1)
    horizontal = third.reshape(-1, 3, third.shape[1]).transpose(2, 0, 1)
    return Cores(
        reduce=_filled(first.T, (rank, into)),
        vertical=_filled(vertical, (rank, rank, 3)),
        horizontal=_filled(horizontal, (rank, rank, 3)),
        expand=_filled(rest.T, (out, rank)),
    )


def _split(matrix: Array, rank: int) -> tuple[Array, Array]:
    """Return the best two factors of at most ``rank``, the first with orthonormal columns."""
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    return left[:, :rank], values[:rank, None] * right[:rank]


def _filled(array: Array, shape: tuple[int, ...]) -> Array:
    full = np.zeros(shape)
    full[tuple(slice(size) for size in array.shape)] = array
    return full


def parallel(weight: Array, rank: int) -> Cores:
    """Return the cores whose cross is nearest to that of a kernel ``[O, I, 3, 3]``; see the module."""
    taps = np.stack([np.asarray(weight, np.float64)[:, :, h, w] for h, w in _CROSS])
    expand, reduce = shared_spaces(taps, rank)
    at = dict(zip(_CROSS, expand.T @ taps @ reduce.T, strict=True))
    return Cores(
        reduce=reduce,
        vertical=np.stack([2 * at[0, 1], at[1, 1], 2 * at[2, 1]], axis=-1),
        horizontal=np.stack([2 * at[1, 0], at[1, 1], 2 * at[1, 2]], axis=-1),
        expand=expand,
    )


def shared_spaces(taps: Array, rank: int, sweeps: int = _SWEEPS) -> tuple[Array, Array]:
    """Return E ``[O, r]`` and R ``[r, I]`` that keep most of matrices ``[k, O, I]`` in E C_k R; orthonormal.

    Columns of E and rows of R beyond the O, or I, that there are, are zero.
    """
    spaces = _spaces(taps, rank)
    best = next(spaces)
    for _ in range(sweeps):
        better = next(spaces)
        gain = _kept(taps, *better) - _kept(taps, *best)
        best = better
        if gain <= _GAIN * float((taps**2).sum()):
            break
    return best


def _spaces(taps: Array, rank: int) -> Iterator[tuple[Array, Array]]:
    """Yield E and R, first each from all of the taps, then turn by turn from what the other leaves of them."""
    expand, reduce = _leading(taps, rank), _leading(taps.transpose(0, 2, 1), rank).T
    while True:
        yield expand, reduce
        expand = _leading(taps @ reduce.T, rank)
        reduce = _leading(taps.transpose(0, 2, 1) @ expand, rank).T


def _leading(matrices: Array, rank: int) -> Array:
    """Return the leading left singular vectors ``[n, r]`` of matrices ``[k, n, m]`` side by side."""
    side_by_side = np.concatenate(list(matrices), axis=1)
    left = np.linalg.svd(side_by_side, full_matrices=False)[0]
    return _filled(left[:, :rank], (len(left), rank))


def _kept(taps: Array, expand: Array, reduce: Array) -> float:
    """Return Σ ‖Eᵀ W_k Rᵀ‖²."""
    return float(((expand.T @ taps @ reduce.T) ** 2).sum())


def half(weight: Array, rank: int) -> Cores:
    """Return the cores of ``parallel`` in the gauge whose E R is nearest to the sum of all taps; see the module."""
    cores = parallel(weight, rank)
    total = np.asarray(weight, np.float64).sum(axis=(2, 3))
    left, values, right = np.linalg.svd(cores.expand.T @ total @ cores.reduce.T)
    turn = left @ right
    size = float(((cores.expand @ turn @ cores.reduce) ** 2).sum())
    aim = float(values.sum())
    scale = aim / size if aim > _NOTHING * float(np.abs(weight).sum()) else 1.0
    return replace(
        cores,
        reduce=scale * turn @ cores.reduce,
        vertical=_behind(cores.vertical, turn.T / scale),
        horizontal=_behind(cores.horizontal, turn.T / scale),
    )


def _behind(core: Array, matrix: Array) -> Array:
    return np.einsum("dch,cb->dbh", core, matrix, optimize=True)


def merge_sequential(cores: Cores) -> Array:
    """Return the kernel ``[O, I, 3, 3]`` of the cores one behind the other."""
    early = np.einsum("cbh,bi->cih", cores.vertical, cores.reduce, optimize=True)
    late = np.einsum("od,dcw->ocw", cores.expand, cores.horizontal, optimize=True)
    return np.einsum("ocw,cih->oihw", late, early, optimize=True)


def merge_parallel(cores: Cores) -> Array:
    """Return the kernel ``[O, I, 3, 3]`` of the mean of both middle cores; its corners are exactly 0."""
    out, into, rank = len(cores.expand), cores.reduce.shape[1], cores.rank
    middle = np.zeros((3, 3, rank, rank))
    middle[:, 1] += cores.vertical.transpose(2, 0, 1) / 2
    middle[1, :] += cores.horizontal.transpose(2, 0, 1) / 2
    merged = np.zeros((out, into, 3, 3))
    for h, w in _CROSS:
        merged[:, :, h, w] = cores.expand @ middle[h, w] @ cores.reduce
    return merged


def merge_late(cores: Cores) -> Array:
    """Return the kernel ``[O, I, 1, 1]`` of the outer cores alone."""
    return (cores.expand @ cores.reduce)[:, :, None, None]


def merge_macs(in_channels: int, out_channels: int, rank: int, mode: Literal["stt", "ptt", "htt"]) -> int:
    """Return the multiply-accumulates of merging a layer once, in the cheapest order of products.

    Sequential, the least of: both pairs, then their product; the middle pair first, then the smaller of I and O, then
    the other; or from one end to the other. Parallel: the five matrices of the cross with the smaller of I and O, then
    with the other. A half layer merges its late kernel as well. Halving and adding the centres are no products.

    >>> merge_macs(2, 4, 1, "htt") - merge_macs(2, 4, 1, "ptt")
    8
    """
    i, o, r = in_channels, out_channels, rank
    less = min(i, o)
    if mode == "stt":
        middle = min(3 * r * r * (i + o), 9 * r**3 + 9 * r * r * less, 12 * r * r * less)
        return middle + 9 * r * i * o
    cross = 5 * r * r * less + 5 * r * i * o
    return cross + r * i * o if mode == "htt" else cross


def two_factors(weight: Array, rank: int | None = None) -> tuple[Array, Array]:
    """Return A ``[r, I, R, S]`` and B ``[O, r]`` with B A nearest to a kernel ``[O, I, R, S]``, both of equal norm.

    Exact from the rank of the kernel unfolded to O × (I R S) on, which of merged cores is at most theirs.

    Args:
        rank: r; None: the rank of the unfolded kernel, at least 1.
    """
    out = len(weight)
    flat = np.asarray(weight, np.float64).reshape(out, -1)
    left, values, right = np.linalg.svd(flat, full_matrices=False)
    if rank is None:
        rank = max(1, int((values > values[0] * max(flat.shape) * np.finfo(np.float64).eps).sum()))
    root = np.sqrt(values[:rank])
    narrow = _filled(root[:, None] * right[:rank], (rank, flat.shape[1]))
    return narrow.reshape(rank, *weight.shape[1:]), _filled(left[:, :rank] * root, (out, rank))
