"""Clipped magnitudes: bounds, monotone, idempotent, nothing changed where nothing is clipped."""

from __future__ import annotations

import numpy as np
import pytest

from axbar.devices import clipped_codes, slice_codes

ON, OFF = 10e-6, 0.1e-6


@pytest.mark.parametrize("bits", range(1, 9))
def test_nothing_is_clipped_by_default(bits: int) -> None:
    assert clipped_codes(bits, 0.0, 1.0, OFF, ON).tolist() == list(range(2**bits))


@pytest.mark.parametrize("low", [0.0, 1.0, 2.0, 30.0])
@pytest.mark.parametrize("high", [0.05, 0.25, 0.5, 0.75, 1.0])
def test_clipped_codes_stay_in_bounds_and_in_order(low: float, high: float) -> None:
    table = clipped_codes(8, low, high, OFF, ON).astype(int)
    assert table[0] == 0 and (np.diff(table) >= 0).all()
    g = OFF + table / 255 * (ON - OFF)
    half_a_code = (ON - OFF) / 255 / 2
    assert g.min() >= OFF and g.max() <= max(high * ON, OFF) + half_a_code
    above = clipped_codes(8, 0.0, high, OFF, ON)
    assert np.array_equal(above[above], above)  # the upper bound is met once
    assert (table <= above).all()


def test_a_quarter_of_the_range_leaves_the_highest_two_bits_empty() -> None:
    codes = clipped_codes(8, 2.0, 0.25, OFF, ON).astype(np.int32)
    digits = slice_codes(codes, 9, 2)[0]  # nine bits with the sign
    assert not digits[-1].any() and digits[-2].any()
    assert slice_codes(clipped_codes(8, 2.0, 0.5, OFF, ON).astype(np.int32), 9, 2)[0][-1].any()


def test_without_a_floor_the_low_clip_takes_nothing() -> None:
    assert clipped_codes(4, 5.0, 1.0, 0.0, ON).tolist() == list(range(16))
