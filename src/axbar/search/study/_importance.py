"""Which parameter moves a quantity: first-order shares of its variance.

    S_x = Var_x( E[y | x] ) / Var(y)

is the part of the variance of y that knowing x alone explains (Sobol, Mathematical Modelling and Computational
Experiments 1, 407 (1993)), here from the points of a search: E[y | x] is the mean of those with one value of x, as in
the marginals of functional ANOVA (Hutter, Hoos, Leyton-Brown, ICML 2014). What the shares leave to 1 is due to
combinations of parameters and to noise.

- A parameter that does not count everywhere is weighed where it counts, by the share p of those points:
  S_x = p · Var_x(E[y | x, x counts]) / Var(y). Otherwise the bits of a converter would be credited with the
  difference between chips that have converters and chips that have none.
- Real numbers, and whole numbers with many values, are cut into up to 64 bins of equally many points; the variance
  within a bin is lost (0.02 % of the share of a straight line with 64, 1 % with 10).
- Means of few points differ by chance alone, which would look like importance. K means of n points explain on
  average (K - 1) / (n - 1) of pure noise; the shares are cleared of it, 1 - (1 - S) (n - 1) / (n - K) (Ezekiel,
  Methods of Correlation Analysis, 1930), and are never below 0. A complete grid has no such chance: its shares are
  exact and stay.
- Shares are those of the points given. Where a search has gone after good designs, they tell what differs among the
  designs that it looked at; for the space itself, give evenly drawn points.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.errors import UsageError
from axbar.search.space.parts import Columns

__all__ = ["importance"]

_BINS = 64
#: points that a bin should have at least
_POINTS = 16


def importance(columns: Columns, values: NDArray[np.float64], *, log: bool = False) -> dict[str, float]:
    """Return path -> share of the variance of ``values`` that the parameter alone explains, 0..1.

    Args:
        columns: the points, ``[N]``.
        values: one quantity, ``[N]``; points where it is not finite are left out.
        log: weigh ratios instead of differences, as costs over decades need; values must then be above 0.

    Raises:
        UsageError: there are more or fewer values than points, or a logarithm of a value at or below 0 is asked for.

    >>> from axbar.search import load_space
    >>> space = load_space({"space": {"model.steps": [1, 2], "model.width": [8, 16]}})
    >>> grid = space.columns(np.arange(4))
    >>> importance(grid, 2.0 * grid.values["model.steps"])
    {'model.steps': 1.0, 'model.width': 0.0}
    """
    if values.shape != (len(columns),):
        raise UsageError(f"{values.shape} values for {len(columns)} points; give one value a point.")
    kept = np.isfinite(values)
    points = columns.take(kept)
    y: NDArray[np.float64] = values[kept]
    if log:
        if (y <= 0).any():
            raise UsageError(
                f"a logarithm of {y.min():g} is asked for; leave log away or give values above 0."
            )
        y = np.log(y)
    shares = dict.fromkeys(columns.values, 0.0)
    if len(y) < 2 or _variance(y) <= (1e-12 * np.abs(y).max()) ** 2:  # the same everywhere, but for rounding
        return shares
    cuts = {path: _cut(points.values[path], points.active[path]) for path in shares}
    exact = _is_grid(points, cuts)
    for path, (codes, mask) in cuts.items():
        shares[path] = _share(codes, y[mask], exact) * len(codes) / len(y) / _variance(y)
    return shares


def _variance(y: NDArray[np.float64]) -> float:
    return float(np.var(y))


def _share(codes: NDArray[np.int64], y: NDArray[np.float64], exact: bool) -> float:
    """Return the variance of the means by code, in the square of the unit of y, cleared of chance if asked."""
    often = np.bincount(codes)
    levels = int((often > 0).sum())
    whole = _variance(y) if len(y) else 0.0
    if levels < 2 or whole == 0:
        return 0.0
    centred = y - y.mean()
    sums = np.bincount(codes, weights=centred)[often > 0]
    share = float(np.sum(sums**2 / often[often > 0]) / len(y)) / whole
    if not exact:
        if len(y) <= levels:
            return 0.0
        share = 1 - (1 - share) * (len(y) - 1) / (len(y) - levels)
    return whole * min(1.0, max(0.0, share))


def _cut(column: NDArray[Any], active: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the number of each value, or of its bin, where the parameter counts; and where that is."""
    here = column[active]
    levels, codes = np.unique(here, return_inverse=True)
    bins = int(np.clip(len(here) // _POINTS, 2, _BINS))
    if here.dtype.kind in "iuf" and len(levels) > bins:
        # By rank of the value, so that equal values share a bin.
        first = np.searchsorted(np.sort(codes), codes)
        codes = first * bins // len(here)
    return codes.astype(np.int64), active


def _is_grid(points: Columns, cuts: dict[str, tuple[NDArray[np.int64], NDArray[np.bool_]]]) -> bool:
    """Return whether the points are all combinations of their values, each once."""
    often = [len(np.unique(column)) for column in points.values.values()]
    if not all(mask.all() for _, mask in cuts.values()) or math.prod(often) != len(points):
        return False
    number = np.zeros(len(points), np.int64)
    for column, levels in zip(points.values.values(), often, strict=True):
        number = number * levels + np.unique(column, return_inverse=True)[1]
    return len(np.unique(number)) == len(points)
