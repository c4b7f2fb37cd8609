"""Hypervolume: inclusion-exclusion on small sets, the known fronts of ZDT1, ZDT2 and DTLZ2, shares by definition."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.errors import UsageError
from axbar.search.front.pareto import contributions, hypervolume, nondominated

#: no deadline: how long an example takes says more about the machine than about the law
law = settings(deadline=None, max_examples=80)
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def small_sets(draw: st.DrawFn) -> tuple[np.ndarray, list[bool], np.ndarray]:
    """Up to 8 rows of 1 to 5 objectives with ties, and a reference that leaves some of them out."""
    rng = np.random.default_rng(draw(SEEDS))
    n, m = draw(st.integers(0, 8)), draw(st.integers(1, 5))
    maximise = [bool(sense) for sense in rng.integers(0, 2, m)]
    values = rng.integers(0, 6, size=(n, m)) / 2
    if draw(st.booleans()):
        values = values + rng.random((n, m))
    return values, maximise, np.where(maximise, 0.5, 2.5)


def by_inclusion_exclusion(values: np.ndarray, maximise: list[bool], reference: np.ndarray) -> float:
    sign = np.where(maximise, -1.0, 1.0)
    rows, worst = values * sign, reference * sign
    total = 0.0
    for size in range(1, len(rows) + 1):
        for some in itertools.combinations(range(len(rows)), size):
            edges = np.clip(worst - rows[list(some)].max(axis=0), 0, None)
            total += (-1) ** (size + 1) * float(edges.prod())
    return total


@law
@given(small_sets())
def test_hypervolume_is_the_volume_of_the_union_of_boxes(
    small: tuple[np.ndarray, list[bool], np.ndarray],
) -> None:
    expected = by_inclusion_exclusion(*small)
    assert hypervolume(*small) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@law
@given(small_sets())
def test_a_contribution_is_what_the_hypervolume_loses(
    small: tuple[np.ndarray, list[bool], np.ndarray],
) -> None:
    values, maximise, reference = small
    flags = nondominated(values, maximise)
    shares = contributions(values, maximise, reference)
    whole = hypervolume(values, maximise, reference)
    assert shares.shape == (len(values),) and (shares[~flags] == 0).all()
    for row in np.flatnonzero(flags):
        others = np.flatnonzero(flags)
        lost = whole - hypervolume(values[others[others != row]], maximise, reference)
        assert shares[row] == pytest.approx(lost, abs=1e-9)


def _zdt(n: int, power: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows of ZDT1 (power 1/2) or ZDT2 (power 2) with g = 1 (the front) and beyond, and which are on the front."""
    f1, g = (grid.ravel() for grid in np.meshgrid(np.linspace(0, 1, n), [1.0, 1.3, 2.0, 6.0], indexing="ij"))
    return np.column_stack([f1, g * (1 - (f1 / g) ** power)]), g == 1.0


@pytest.mark.parametrize(("power", "volume"), [(0.5, 2 / 3), (2.0, 1 / 3)], ids=["zdt1", "zdt2"])
@pytest.mark.parametrize("n", [50, 1000])
def test_two_objectives_reach_the_known_front(power: float, volume: float, n: int) -> None:
    """Zitzler, Deb and Thiele, Evol. Comput. 8, 2000; n steps miss at most 1/n of a falling curve on a unit square."""
    values, on_front = _zdt(n, power)
    assert nondominated(values, [False, False]).tolist() == on_front.tolist()
    found = hypervolume(values, [False, False], [1.0, 1.0])
    assert 0 < volume - found <= 1 / (n - 1)
    # more is better in the second objective: the same picture upside down
    assert hypervolume(values * [1, -1], [False, True], [1.0, -1.0]) == pytest.approx(found, rel=1e-12)


def _dtlz2(n: int, m: int, g: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of DTLZ2: an n-grid of angles on spheres of radius 1 + g, and which are on the front (g = 0)."""
    grids = np.meshgrid(*[np.linspace(0, np.pi / 2, n)] * (m - 1), np.array(g), indexing="ij")
    *angles, distance = (grid.ravel() for grid in grids)
    columns, rest = [], 1 + distance
    for angle in angles:
        columns.append(rest * np.sin(angle))
        rest = rest * np.cos(angle)
    return np.column_stack([*columns, rest]), distance == 0


@pytest.mark.parametrize(("m", "n"), [(2, 60), (3, 30), (4, 9)])
def test_dtlz2_reaches_the_sphere(m: int, n: int) -> None:
    """Deb, Thiele, Laumanns and Zitzler, CEC 2002. The unit ball's share of the positive orthant is not dominated.

    Each point of the front has a grid row within the cell's diagonal, so the box of side 1 loses at most a shell as
    thick as that: m times the diagonal.
    """
    ball = math.pi ** (m / 2) / math.gamma(m / 2 + 1) / 2**m
    coarse, on_front = _dtlz2(n, m, (0.0, 0.5))
    flags = nondominated(coarse, [False] * m)
    # rounding sets rows of one circle an ulp apart, so a few rows of the front may dominate others
    assert not (flags & ~on_front).any()
    found = hypervolume(coarse, [False] * m, [1.0] * m)
    diagonal = math.sqrt(m - 1) * (math.pi / 2) / (n - 1)
    assert 0 < 1 - ball - found < m * diagonal
    fine, _ = _dtlz2(2 * n - 1, m, (0.0,))
    finer = hypervolume(fine, [False] * m, [1.0] * m)
    assert 1 - ball - finer < 0.6 * (1 - ball - found)


def test_rows_outside_and_unknown_rows_count_for_nothing() -> None:
    values = [[1.0, 1.0], [3.0, 0.0], [np.nan, 0.0], [np.inf, 0.0], [2.0, 0.0]]
    assert hypervolume(values, [False, False], [2.0, 2.0]) == 1.0
    assert contributions(values, [False, False], [2.0, 2.0]).tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert hypervolume(np.empty((0, 3)), [True] * 3, [0.0] * 3) == 0.0
    assert contributions(np.empty((0, 3)), [True] * 3, [0.0] * 3).shape == (0,)


def test_one_objective_has_one_best() -> None:
    assert hypervolume([[3.0], [5.0]], [True], [1.0]) == 4.0
    # dominated rows don't count, so without the best nothing is left
    assert contributions([[3.0], [5.0]], [True], [1.0]).tolist() == [0.0, 4.0]


@pytest.mark.parametrize("reference", [[1.0], [1.0, math.inf], [math.nan, 1.0], 2.0])
def test_a_reference_that_does_not_fit_is_named(reference: Any) -> None:
    with pytest.raises(UsageError, match="must hold 2 finite values"):
        hypervolume([[0.0, 0.0]], [False, False], reference)


def test_an_infinitely_good_row_is_named() -> None:
    for measure in (hypervolume, contributions):
        with pytest.raises(UsageError, match="objective 1 of row 2 is infinitely good"):
            measure([[0.0, 0.0], [-math.inf, -1.0], [0.0, math.inf]], [False, True], [1.0, -0.5])
