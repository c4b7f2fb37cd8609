"""Codes cut into digits: by hand, by brute force, and as expectations over random bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from axbar.workload import Geometry, LayerTrace, Operand, active_rows, pulse_bits, reads, row_drive
from axbar.workload._digits import (
    digit_widths,
    mean_driven,
    mean_squares,
    mean_sums,
    nonzero_digits,
    squared_digits,
    summed_digits,
)


def linear(operand: Operand, features: int = 3) -> LayerTrace:
    geometry = Geometry(operand.shape, (*operand.shape[:-1], features))
    return LayerTrace("fc", "linear", ("input",), geometry, tuple(range(operand.steps)), (operand,))


def by_hand(code: int, bits: int, width: int) -> list[int]:
    """Digits of base 2^width by division."""
    digits = []
    for _ in range(-(-bits // width)):
        code, digit = divmod(code, 2**width)
        digits.append(digit)
    assert code == 0
    return digits


@given(st.integers(1, 8), st.integers(1, 8), st.data())
def test_digits_are_those_of_division(bits: int, width: int, data: st.DataObject) -> None:
    codes = data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=1, max_size=9))
    digits = [by_hand(code, bits, width) for code in codes]
    words = np.array(codes, dtype=np.uint16)
    assert nonzero_digits(words, bits, width).tolist() == [sum(q > 0 for q in each) for each in digits]
    assert squared_digits(words, bits, width).tolist() == [sum(q * q for q in each) for each in digits]
    assert summed_digits(words, bits, width).tolist() == [sum(each) for each in digits]
    assert len(digit_widths(bits, width)) == len(digits[0]) and sum(digit_widths(bits, width)) == bits


@given(st.integers(1, 8), st.integers(1, 8), st.floats(0, 1))
def test_expectations_are_sums_over_all_codes(bits: int, width: int, rate: float) -> None:
    codes = np.arange(2**bits, dtype=np.uint16)
    set_bits = np.array([int(code).bit_count() for code in codes])
    chance = rate**set_bits * (1 - rate) ** (bits - set_bits)
    driven, squares = nonzero_digits(codes, bits, width), squared_digits(codes, bits, width)
    sums = summed_digits(codes, bits, width)
    assert mean_sums(rate, bits, width) == pytest.approx(float(chance @ sums), rel=1e-9, abs=1e-12)
    assert mean_driven(rate, bits, width) == pytest.approx(float(chance @ driven), rel=1e-9, abs=1e-12)
    assert mean_squares(rate, bits, width) == pytest.approx(float(chance @ squares), rel=1e-9, abs=1e-12)


def test_wider_pulses_take_fewer_reads_at_a_share_of_the_voltage() -> None:
    words = np.array([[255, 0, 128, 3]], dtype=np.uint8)
    layer = linear(Operand((4,), "real", 8, 1, words, scale=0.1))
    assert [reads(layer, 8, d) for d in (1, 2, 3, 4, 8)] == [8, 4, 3, 2, 1]
    np.testing.assert_array_equal(active_rows(layer, 8, 4), [2, 0, 1, 1])
    np.testing.assert_allclose(row_drive(layer, 8, 4), [2, 0, (8 / 15) ** 2, (3 / 15) ** 2], rtol=1e-15)
    # digits 7, 7 and 3 of 255: the top digit holds two bits alone
    np.testing.assert_allclose(row_drive(layer, 8, 3)[0], 2 + (3 / 7) ** 2, rtol=1e-15)
    np.testing.assert_allclose(row_drive(layer, 8, 8), (words[0] / 255) ** 2, rtol=1e-15)
    # a current goes by the voltage itself
    np.testing.assert_allclose(row_drive(layer, 8, 4, power=1), [2, 0, 8 / 15, 3 / 15], rtol=1e-15)
    assert row_drive(layer, 8, 1, power=1) is active_rows(layer, 8, 1)


def test_bit_by_bit_drives_at_full_voltage() -> None:
    words = np.array([[255, 0, 128, 3]], dtype=np.uint8)
    layer = linear(Operand((4,), "real", 8, 1, words))
    assert row_drive(layer, 8) is active_rows(layer, 8)
    np.testing.assert_array_equal(active_rows(layer, 8, 1), [8, 0, 1, 2])


def test_a_driver_wider_than_the_code_uses_the_full_range() -> None:
    words = np.array([[255, 17]], dtype=np.uint8)  # 15 and 1 of 15
    layer = linear(Operand((2,), "real", 8, 1, words))
    assert pulse_bits(layer.operands[0], 4, 8) == 4 and reads(layer, 4, 8) == 1
    np.testing.assert_allclose(row_drive(layer, 4, 8), [1, (1 / 15) ** 2], rtol=1e-15)


def test_spikes_stay_one_pulse_at_full_voltage() -> None:
    layer = linear(Operand((2,), steps=2, words=np.array([[1, 3], [0, 2]], dtype=np.uint8)))
    assert reads(layer, 8, 4) == 2
    np.testing.assert_array_equal(active_rows(layer, 8, 4), [0.5, 1.5])
    assert row_drive(layer, 8, 4) is active_rows(layer, 8, 4)


def test_steps_add_up_whether_the_codes_change_or_not() -> None:
    each = np.array([[[16, 3], [0, 1]]], dtype=np.uint8)  # [B, steps, F]
    changing = linear(Operand((2,), "real", 8, 2, each, per_step=True))
    np.testing.assert_allclose(row_drive(changing, 8, 4), [1 / 225, 10 / 225], rtol=1e-15)
    constant = linear(Operand((2,), "real", 8, 2, each[:, 0]))
    np.testing.assert_allclose(row_drive(constant, 8, 4), [2 / 225, 18 / 225], rtol=1e-15)


def test_rates_stand_for_independent_bits() -> None:
    layer = linear(Operand((2,), "real", 8, 3, rate=0.5))
    np.testing.assert_allclose(active_rows(layer, 8, 4), 3 * 2 * (1 - 0.5**4))
    # all 16 digits alike: mean of q^2 over 0..15
    np.testing.assert_allclose(row_drive(layer, 8, 4), 3 * 2 * np.mean(np.arange(16) ** 2) / 225)
