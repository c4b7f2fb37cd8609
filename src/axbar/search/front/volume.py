"""How much a set of designs has gained: the hypervolume, exactly, and each design's own share of it.

The hypervolume of rows v_1 … v_N (all minimised) against a reference r is the volume of the union of the boxes
[v_i, r]: everything that some design is at least as good as. A row's contribution is the volume of its box that no
other row's box covers. Units: the product of the units of the objectives.

Computed by moocore (López-Ibáñez and Rooney; the algorithms of Beume et al., IEEE TEVC 13, 2009, Guerreiro and
Fonseca, IEEE TEVC 22, 2018, and Fonseca et al., CEC 2006). Checked against inclusion-exclusion on small sets and
against the known fronts of ZDT1, ZDT2 and DTLZ2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from axbar.errors import AxbarError, UsageError

__all__ = ["contributions", "hypervolume"]

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


def library() -> Any:
    """Return moocore, imported at the first use because the rest of axbar does without it."""
    try:
        import moocore  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as problem:
        raise AxbarError(
            "Pareto fronts and hypervolumes need moocore, which is not installed: pip install 'axbar[explore]'"
        ) from problem
    return moocore


def minimised(values: ArrayLike, maximise: Sequence[bool]) -> Floats:
    """Return the objectives as a new array [N, M] of which less is always better.

    Raises:
        UsageError: ``values`` is no table with one column for each of ``maximise``.
    """
    table = np.array(values, dtype=np.float64, order="C")
    senses = np.array(maximise, dtype=bool)
    if table.ndim != 2 or senses.ndim != 1 or table.shape[1] != len(senses) or len(senses) == 0:
        raise UsageError(
            f"objectives have shape {list(table.shape)}, but [N, {senses.size}] is expected: one row for each point, "
            f"one column for each of the {senses.size} senses (at least one)"
        )
    np.negative(table, out=table, where=senses)
    return table


def hypervolume(values: ArrayLike, maximise: Sequence[bool], reference: ArrayLike) -> float:
    """Return the volume between the rows and the reference; 0 if no row is better than it in every objective.

    Args:
        values: [N, M] objectives; rows with NaN count for nothing.
        maximise: for each column, whether more is better.
        reference: [M] the worst values that still count, in the units and senses of ``values``.

    Raises:
        UsageError: shapes that don't fit, a reference or a row that is infinite where it must not be.

    >>> hypervolume([[1.0, 0.5], [2.0, 0.9]], maximise=[False, True], reference=[3.0, 0.0])
    1.4
    """
    rows, worst, _ = _inside(values, maximise, reference)
    return _volume(rows, worst)


def contributions(values: ArrayLike, maximise: Sequence[bool], reference: ArrayLike) -> Floats:
    """Return by how much the hypervolume shrinks without each row [N], among the rows that nothing dominates.

    Dominated rows, each of several equal rows, rows with NaN and rows that are no better than the reference have 0.

    Args:
        values: [N, M] objectives.
        maximise: for each column, whether more is better.
        reference: [M] the worst values that still count, in the units and senses of ``values``.

    Raises:
        UsageError: as :func:`hypervolume`.

    >>> contributions([[1.0, 2.0], [2.0, 1.0]], maximise=[False, False], reference=[3.0, 3.0]).tolist()
    [1.0, 1.0]
    """
    rows, worst, inside = _inside(values, maximise, reference)
    shares = np.zeros(len(inside))
    if len(rows) == 0:
        return shares
    # moocore knows contributions of two objectives and more; a constant second one changes no volume
    if len(worst) == 1:
        rows, worst = np.column_stack([rows, np.zeros(len(rows))]), np.array([worst[0], 1.0])
    shares[inside] = library().hv_contributions(rows, worst)
    return shares


def _volume(rows: Floats, worst: Floats) -> float:
    """Hypervolume of minimised rows that are all better than the reference."""
    return float(library().hypervolume(rows, worst)) if len(rows) else 0.0


def _inside(
    values: ArrayLike, maximise: Sequence[bool], reference: ArrayLike
) -> tuple[Floats, Floats, Flags]:
    """Return the rows that count [K, M], the reference [M], both minimised, and where those rows were [N]."""
    table = minimised(values, maximise)
    point = np.array(reference, dtype=np.float64)
    if point.shape != (table.shape[1],) or not np.isfinite(point).all():
        raise UsageError(
            f"the reference {point.tolist()} of the hypervolume must hold {table.shape[1]} finite values, "
            "one for each objective"
        )
    worst = np.where(np.array(maximise, dtype=bool), -point, point)
    inside: Flags = np.logical_and.reduce(table < worst, axis=1)
    rows = table[inside]
    if not np.isfinite(rows).all():
        row, column = np.argwhere(inside[:, None] & np.isinf(table))[0]
        raise UsageError(
            f"objective {column} of row {row} is infinitely good, so the hypervolume has no value; leave the row out"
        )
    return rows, worst, inside
