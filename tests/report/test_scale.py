"""Axes: prefixes, round ticks, intervals."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.report._scale import percent, scale_for, ticks


@settings(deadline=None)
@given(st.floats(1e-17, 1e11), st.sampled_from(["J", "s", "W"]))
def test_the_largest_value_reads_between_one_and_a_thousand(value: float, unit: str) -> None:
    scale = scale_for(value, unit)
    assert 0.999 <= value / scale.factor < 1000.001
    assert scale.percent(value) == pytest.approx(100)


def test_areas_have_squared_prefixes() -> None:
    assert (scale_for(4.2e-6, "m2").unit, scale_for(3e-11, "m2").unit) == ("mm²", "µm²")


def test_nothing_to_show_has_no_axis() -> None:
    scale = scale_for(0.0, "J")
    assert scale.percent(0.0) == 0.0
    assert scale.show(0.0) == "0"


def test_columns_share_decimals() -> None:
    scale = scale_for(1.78e-6, "J")
    assert [scale.column(v) for v in (1.78e-6, 2.43e-7, 4e-9, 0.0)] == ["1.78", "0.24", "<0.01", "0.00"]
    assert scale.column(float("nan")) == "not finite"


@settings(deadline=None)
@given(st.floats(-1e3, 1e3), st.floats(1e-6, 1e4), st.integers(2, 10))
def test_ticks_are_inside_and_evenly_spaced(low: float, width: float, count: int) -> None:
    found = ticks(low, low + width, count)
    assert all(low - 1e-6 * width <= t <= low + width * (1 + 1e-6) for t in found)
    assert len(found) <= count + 2
    steps = {round((b - a) / width, 6) for a, b in itertools.pairwise(found)}
    assert len(steps) <= 1 or max(steps) - min(steps) < 1e-5


def test_percent_never_rounds_something_to_nothing() -> None:
    assert [percent(s) for s in (0.0, 1e-5, 0.214)] == ["0.0 %", "<0.1 %", "21.4 %"]
