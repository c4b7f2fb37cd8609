"""Fitting a range to values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from axbar.calibration import fit_range, quantisation_error
from axbar.errors import UsageError

VALUES = st.lists(st.floats(0, 1e3, allow_subnormal=False), min_size=1, max_size=40)


def test_maximum() -> None:
    assert fit_range([1.0, 7.5, 2.0], "max", 4) == 7.5


def test_percentile_leaves_the_tail_out() -> None:
    values = np.arange(1, 1001, dtype=float)
    assert fit_range(values, "percentile", 4, percentile=99.0) == 990
    assert fit_range(values, "percentile", 4, percentile=100) == 1000


def test_counts_stand_for_repeated_values() -> None:
    values, counts = [0.0, 1.0, 5.0], [6, 3, 1]
    repeated = np.repeat(values, counts)
    for method in ("max", "percentile", "mse"):
        assert fit_range(values, method, 2, percentile=90, counts=counts) == fit_range(
            repeated, method, 2, percentile=90
        )


def test_unseen_values_do_not_count() -> None:
    assert fit_range([1.0, 99.0], "max", 3, counts=[4, 0]) == 1.0


def test_mse_clips_a_rare_outlier_but_keeps_a_common_one() -> None:
    rare = [*np.linspace(0, 10, 10_000), 30.0]
    common = [*np.linspace(0, 10, 10), *[30.0] * 10]
    assert fit_range(rare, "mse", 4) < 15
    assert fit_range(common, "mse", 4) > 25


@given(VALUES, st.integers(1, 8))
def test_mse_is_no_worse_than_max_and_ranges_stay_inside(values: list[float], bits: int) -> None:
    v = np.array(values)
    best, full = fit_range(v, "mse", bits), fit_range(v, "max", bits)
    assert 0 <= best <= full == v.max()
    if full > 0:
        errors = quantisation_error(v, np.array([best, full]), bits)
        assert errors[0] <= errors[1]


@given(VALUES)
def test_integers_are_exact_where_codes_suffice(values: list[float]) -> None:
    v = np.floor(np.array(values))
    assert quantisation_error(v, np.array([v.max()]), 10, least_step=1.0)[0] == 0


def test_nothing_seen_and_only_zeros() -> None:
    assert fit_range([], "mse", 4) == 0.0
    assert fit_range([0.0, 0.0], "percentile", 4) == 0.0


@pytest.mark.parametrize("percentile", [0.0, 101.0, float("nan")])
def test_percentiles_that_can_not_be(percentile: float) -> None:
    with pytest.raises(UsageError, match="at most 100"):
        fit_range([1.0], "percentile", 4, percentile=percentile)


def test_misspelt_method() -> None:
    with pytest.raises(UsageError, match="did you mean 'percentile'"):
        fit_range([1.0], "percentil", 4)
