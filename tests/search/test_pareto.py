"""The Pareto front: all pairs on small tables, ties, NaN, infinities, and rows that come in portions."""

from __future__ import annotations

import sys
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from axbar.errors import AxbarError, UsageError
from axbar.search.front.pareto import Front, nondominated

#: no deadline: how long an example takes says more about the machine than about the law
law = settings(deadline=None, max_examples=120)
SEEDS = st.integers(0, 2**32 - 1)
EXTREMES = (np.nan, np.inf, -np.inf, sys.float_info.max, -sys.float_info.max)

Table = tuple[np.ndarray, list[bool]]


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Up to 150 rows of 1 to 5 objectives: few distinct values, so ties and equal rows are common."""
    rng = np.random.default_rng(draw(SEEDS))
    n, m = draw(st.integers(0, 150)), draw(st.integers(1, 5))
    values = rng.integers(-2, draw(st.integers(-1, 8)), size=(n, m)).astype(float)
    if draw(st.booleans()):
        values += rng.normal(size=(n, m))
    odd = rng.random((n, m)) < draw(st.sampled_from([0.0, 0.05, 0.4]))
    values[odd] = rng.choice(EXTREMES, size=int(odd.sum()))
    return values, [bool(sense) for sense in rng.integers(0, 2, m)]


def by_pairs(values: np.ndarray, maximise: list[bool]) -> np.ndarray:
    """The definition: no row is at least as good everywhere and better somewhere."""
    better = np.where(maximise, values[:, None] > values[None], values[:, None] < values[None])
    as_good = better | (values[:, None] == values[None])
    dominates = as_good.all(axis=2) & better.any(axis=2)
    return ~dominates.any(axis=0) & ~np.isnan(values).any(axis=1)


@law
@given(tables())
@example((np.array([[np.inf, 0.0, 0.0], [-np.inf, np.inf, 1.0]]), [False, False, False]))
def test_the_front_is_what_no_other_row_dominates(table: Table) -> None:
    values, maximise = table
    given_values = values.copy()
    assert nondominated(values, maximise).tolist() == by_pairs(values, maximise).tolist()
    np.testing.assert_array_equal(values, given_values)


@law
@given(tables(), SEEDS)
def test_portions_in_any_order_give_the_front_of_all_rows(table: Table, seed: int) -> None:
    values, maximise = table
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(values))
    front = Front(maximise)
    for part in np.split(order, np.sort(rng.integers(0, len(values) + 1, rng.integers(0, 6)))):
        front.add(values[part], part)
        if rng.random() < 0.3:
            assert len(front) == len(front.index)  # looking must not disturb
    at_once = np.flatnonzero(nondominated(values, maximise))
    assert front.index.tolist() == at_once.tolist()
    np.testing.assert_array_equal(front.values, values[at_once])
    assert len(front) == len(at_once)


@law
@given(tables())
def test_order_scale_and_sense_do_not_matter(table: Table) -> None:
    values, maximise = table
    flags = nondominated(values, maximise)
    assert nondominated(values[::-1], maximise)[::-1].tolist() == flags.tolist()
    assert nondominated(-values, [not sense for sense in maximise]).tolist() == flags.tolist()
    assert nondominated(values / 4, maximise).tolist() == flags.tolist()
    assert nondominated(values[flags], maximise).all()


def test_equal_rows_all_stay_and_zero_has_no_sign() -> None:
    values = [[0.0, 1.0], [-0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    assert nondominated(values, [False, False]).tolist() == [True, True, True, False]


def test_unknown_rows_neither_stay_nor_dominate() -> None:
    assert nondominated([[np.nan, 0.0], [1.0, 1.0]], [False, False]).tolist() == [False, True]
    assert nondominated([[np.nan], [np.nan]], [True]).tolist() == [False, False]


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
def test_large_tables_agree_with_a_filter_by_pairs(m: int) -> None:
    """Beyond the size at which the library changes to divide and conquer, with ties."""
    rng = np.random.default_rng(m)
    values = rng.integers(0, 12, size=(1500, m)).astype(float)
    maximise = [i % 2 == 1 for i in range(m)]
    assert nondominated(values, maximise).tolist() == by_pairs(values, maximise).tolist()


def test_a_long_stream_needs_no_more_memory_than_a_short_one() -> None:
    rng = np.random.default_rng(3)
    values, peaks_B = rng.random((400_000, 3)), []
    for n in (200_000, 400_000):
        front = Front([False, True, False])
        tracemalloc.start()
        for start in range(0, n, 10_000):
            part = np.arange(start, start + 10_000)
            front.add(values[part], part)
        peaks_B.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert front.index.tolist() == np.flatnonzero(nondominated(values[:n], [False, True, False])).tolist()
    assert peaks_B[1] < 1.05 * peaks_B[0]


def test_a_stream_keeps_nothing_of_the_callers_arrays() -> None:
    values, index, front = np.array([[1.0, 2.0]]), np.array([7]), Front([False, True])
    front.add(values, index)
    values[:], index[:] = 9.0, 9
    seen = front.values
    assert seen.tolist() == [[1.0, 2.0]] and front.index.tolist() == [7]
    seen[:] = 0.0
    assert front.values.tolist() == [[1.0, 2.0]]


def test_fronts_of_two_workers_join() -> None:
    values = np.random.default_rng(5).random((400, 4))
    whole, halves = Front([False] * 4), [Front([False] * 4), Front([False] * 4)]
    whole.add(values, np.arange(400))
    for half, part in zip(halves, np.array_split(np.arange(400), 2), strict=True):
        half.add(values[part], part)
    halves[1].add(halves[0].values, halves[0].index)
    assert halves[1].index.tolist() == whole.index.tolist()


@pytest.mark.parametrize(
    ("values", "maximise"),
    [([1.0, 2.0], [True, False]), ([[1.0, 2.0]], [True]), (np.empty((3, 0)), []), ([[1.0]], [[True]])],
)
def test_a_table_that_does_not_fit_is_named(values: Any, maximise: Any) -> None:
    with pytest.raises(UsageError, match=r"objectives have shape \[.*one column for each"):
        nondominated(values, maximise)


@pytest.mark.parametrize("index", [[1], [1.0, 2.0], [[1, 2]]])
def test_an_index_that_does_not_fit_is_named(index: Any) -> None:
    with pytest.raises(UsageError, match="2 rows came with an index"):
        Front([False]).add([[1.0], [2.0]], index)


def test_a_missing_library_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moocore", None)
    with pytest.raises(AxbarError, match=r"pip install 'axbar\[explore\]'"):
        nondominated([[1.0, 2.0]], [False, True])
