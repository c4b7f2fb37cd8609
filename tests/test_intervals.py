"""Intervals of shares hold the share, and are the published ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.intervals import wilson


@settings(deadline=None)
@given(st.floats(0, 1), st.integers(1, 100_000))
def test_wilson_holds_the_share(share: float, n: int) -> None:
    low, high = wilson(share, n)
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1


def test_wilson_golden() -> None:
    # R: prop.test(90, 100, correct = FALSE)$conf.int
    assert wilson(0.9, 100) == pytest.approx((0.8256343, 0.9447708), abs=1e-6)
    assert wilson(0.5, 0) == (0.0, 1.0)
