"""Domains: every value has one number, ranges read as they are written, grids of reals are exact decimals."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from axbar.errors import UsageError
from axbar.search.space import Choices, Domain, Integers, Reals, read_domain

#: what is tested is the result: the first example of a busy machine may take seconds
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

integers = st.builds(
    lambda low, spread, step: Integers(low, low + spread, step),
    st.integers(-1000, 1000),
    st.integers(0, 500),
    st.integers(1, 60),
)
choices = st.one_of(
    st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=8, unique=True),
    st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=8, unique=True),
    st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=8, unique_by=float),
    st.sampled_from([[True], [True, False], [False, True]]),
).map(lambda values: Choices(tuple(values)))
stepped = st.builds(
    lambda low, n, step: Reals(float(low), float(low + n * step), step=float(step)),
    st.decimals(-10, 10, places=4),
    st.integers(0, 400),
    st.decimals("0.0001", 3, places=4),
)


@given(st.one_of(integers, choices, stepped))
@UNHURRIED
def test_every_value_has_one_number(domain: Domain) -> None:
    assert domain.size is not None
    digits = np.arange(domain.size)
    values = domain.at(digits)
    assert len(set(values.tolist())) == domain.size
    np.testing.assert_array_equal(domain.digits(values), digits)


@given(st.decimals(-10, 10, places=6), st.integers(1, 3000), st.decimals("0.000001", 3, places=6))
@UNHURRIED
def test_grids_of_reals_are_what_their_decimals_read_as(low: Decimal, n: int, step: Decimal) -> None:
    domain = Reals(float(low), float(low + n * step), step=float(step))
    assert domain.size == n + 1
    wanted = [float(low + k * step) for k in (0, n // 3, n)]
    assert domain.at(np.array([0, n // 3, n])).tolist() == wanted


def test_grids_of_very_small_reals_keep_their_bounds() -> None:
    domain = Reals(1e-27, 9e-27, step=1e-27)
    assert domain.size == 9
    np.testing.assert_allclose(domain.at(np.arange(9)), np.arange(1, 10) * 1e-27, rtol=1e-12)


def test_what_is_no_value_has_no_number() -> None:
    assert Integers(8, 64, 8).digits(np.array([8, 9, 64, 72, 0])).tolist() == [0, -1, 7, -1, -1]
    assert Integers(0, 3).digits(np.array([1.0, 1.5, np.nan])).tolist() == [1, -1, -1]
    assert Reals(0.0, 0.9, step=0.1).digits(np.array([0.3, 0.31, np.nan, 0.9])).tolist() == [3, -1, -1, 9]
    assert Choices(("a", "b")).digits(np.array(["b", "bb", ""])).tolist() == [1, -1, -1]
    assert Choices((1, 2)).digits(np.array(["1"])).tolist() == [-1]
    assert Choices((True, False)).digits(np.array([1, 0])).tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("written", "path", "domain"),
    [
        ("3..8", "adc.bits", Integers(3, 8)),
        ("-3 .. 8", "x", Integers(-3, 8)),
        ("8..64 step 8", "crossbar.rows", Integers(8, 64, 8)),
        ("0.0..0.98", "technique.prune.sparsity", Reals(0.0, 0.98)),
        ("0..0.98", "technique.prune.sparsity", Reals(0.0, 0.98)),
        ("1e-3..1 log", "device.drift", Reals(1e-3, 1.0, log=True)),
        ("1..1000 log", "device.age_s", Reals(1.0, 1000.0, log=True)),
        ("0..0.9 step 0.1", "technique.prune.sparsity", Reals(0.0, 0.9, step=0.1)),
        ("1 ns..10 ns", "read.t_read_s", Reals(1e-9, 1e-8)),
        ("1..10 ns", "read.t_read_s", Reals(1e-9, 1e-8)),
        ("1..10 ns step 500 ps", "read.t_read_s", Reals(1e-9, 1e-8, step=5e-10)),
        ("1 ns..10 ns step 1", "read.t_read_s", Reals(1e-9, 1e-8, step=1e-9)),
        ("1 us..1 ms log", "read.t_read_s", Reals(1e-6, 1e-3, log=True)),
        ("10 %..90 %", "technique.prune.sparsity", Reals(0.1, 0.9)),
        ("65 nm", "technology.node_m", Choices((6.5e-8,))),
        (["1 ns", 2e-9], "read.t_read_s", Choices((1e-9, 2e-9))),
        (np.array([64, 128]), "crossbar.rows", Choices((64, 128))),
        (range(2, 5), "adc.bits", Choices((2, 3, 4))),
        ("../chips/a.yaml", "hardware", Choices(("../chips/a.yaml",))),
        ("1/../a.yaml", "hardware", Choices(("1/../a.yaml",))),
        (True, "technique.prune", Choices((True,))),
        ([1, 2.5], "device.drift", Choices((1.0, 2.5))),
    ],
)
def test_values_are_read_as_written(written: object, path: str, domain: Domain) -> None:
    found = read_domain(written, path)
    assert found == domain
    assert type(found) is type(domain)


@pytest.mark.parametrize(
    ("written", "path", "said"),
    [
        ("8..3", "adc.bits", "runs from 8 down to 3"),
        ("3..8 step 0", "adc.bits", "step = 0"),
        ("0.0..1.0 log", "x", "starts at 0"),
        ("1 ns..10 V", "read.t_read_s", "expected the unit s"),
        ([], "adc.bits", "empty"),
        ([4, 4.0], "adc.bits", "stands twice"),
        (["1 ns", 1e-9], "read.t_read_s", "stands twice"),
        ([True, 1], "technique.prune", "mix booleans and numbers"),
        (["sar", 3], "adc.kind", "mix numbers and texts"),
        ([None], "adc.bits", "None is no value"),
        ([float("nan")], "x", "finite"),
        (None, "adc.bits", "has no values"),
        ([2**70], "adc.bits", "too large"),
        ("soon", "read.t_read_s", "'soon' is not a number with the unit s"),
    ],
)
def test_what_is_no_domain_is_said(written: object, path: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_domain(written, path)


@pytest.mark.parametrize("log", [False, True])
def test_shares_reach_both_ends_of_a_range(log: bool) -> None:
    domain = Reals(1e-3, 0.7, log=log)
    found = domain.from_unit(np.array([0.0, 0.5, 1.0]))
    assert found[0] == 1e-3
    assert found[2] == pytest.approx(0.7, rel=1e-15)
    assert found[2] <= 0.7
    assert found[1] == pytest.approx((1e-3 * 0.7) ** 0.5 if log else (1e-3 + 0.7) / 2, rel=1e-12)


def test_a_step_and_a_logarithm_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="and a logarithm; leave one away"):
        Reals(0.1, 1.0, log=True, step=0.1)


def test_a_huge_range_costs_no_memory() -> None:
    domain = Integers(0, 10**15)
    assert domain.size == 10**15 + 1
    assert domain.at(np.array([10**15])).tolist() == [10**15]
    assert Reals(0.0, 1.0, step=1e-12).size == 10**12 + 1
