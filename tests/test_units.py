from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axbar.units import format_number, format_quantity, parse_quantity, unit_of


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("3.2 pJ", "J", 3.2e-12), ("65nm", "m", 65e-9), ("250 MHz", "Hz", 250e6), ("40 µS", "S", 40e-6),
        ("10 mm²", "m2", 10e-6), ("10 um2", "m2", 10e-12), ("5 kohm", "ohm", 5e3), ("1e-3", "s", 1e-3),
        ("2 m", "m", 2.0), ("3 mm", "m", 3e-3), ("1 cm2", "m2", 1e-4), ("20 kΩ", "ohm", 2e4), ("50 %", "", 0.5),
    ],
)  # fmt: skip
def test_quantities_are_read_in_si(text: str, unit: str, value: float) -> None:
    assert parse_quantity(text, unit) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unit"), [("3 V", "J"), ("abc", "s"), ("", "s"), ("3 pJ", ""), ("1 qJ", "J")]
)
def test_a_wrong_unit_is_refused_with_the_wanted_one(text: str, unit: str) -> None:
    with pytest.raises(ValueError, match=unit or "no unit|not a number"):
        parse_quantity(text, unit)


@pytest.mark.parametrize(
    ("path", "unit"),
    [("read.t_read_s", "s"), ("device.g_on_S", "S"), ("adc.bits", ""), ("area_m2", "m2"), ("rows", "")],
)
def test_the_unit_stands_at_the_end_of_the_name(path: str, unit: str) -> None:
    assert unit_of(path) == unit


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(3.2e-12, "J", "3.20 pJ"), (4.2e-6, "m2", "4.20 mm²"), (0.0, "s", "0 s"), (7.0, "", "7"),
     (1234.0, "Hz", "1.23 kHz"), (2.5e-11, "m2", "25.0 µm²")],
)  # fmt: skip
def test_printed_quantities_have_a_prefix(value: float, unit: str, text: str) -> None:
    assert format_quantity(value, unit) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (131072.0, "131,072"), (1234567.5, "1,234,568"), (-5.0, "-5"), (1 / 3, "0.333333"),
     (12345.25, "12,345.2"), (float("inf"), "inf"), (float("nan"), "nan")],
)  # fmt: skip
def test_counts_are_printed_in_full(value: float, text: str) -> None:
    assert format_number(value) == text


@given(st.floats(1e-17, 1e13), st.sampled_from(["J", "s", "W", "Hz", "V"]))
def test_printing_and_reading_agree_to_three_digits(value: float, unit: str) -> None:
    assert parse_quantity(format_quantity(value, unit), unit) == pytest.approx(value, rel=6e-3)


def test_times_in_words() -> None:
    assert parse_quantity("1 d", "s") == 86400.0
    assert parse_quantity("2.5 h", "s") == 9000.0
    assert parse_quantity("10 y", "s") == 315576000.0
    with pytest.raises(ValueError, match="expected the unit J"):
        parse_quantity("1 d", "J")
