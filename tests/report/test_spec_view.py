"""The chip as listed: values with units, sources, changes."""

from __future__ import annotations

from typing import Any

import pytest
from fake_report import fake_report

from axbar.report._spec_view import changes, shown_value, source_groups, spec_blocks


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("technology.node_m", 6.5e-8, "65 nm"),
        ("device.g_on_S", 4e-5, "40 µS"),
        ("clock_Hz", 2.5e8, "250 MHz"),
        ("read.v_read_V", 0.1, "100 mV"),
        ("device.cell_area_F2", 53.0, "53"),
        ("adc.kind", "sar", "sar"),
        ("buffer.input_B", 16384, "16,384"),
        ("device.g_off_S", 0.0, "0 S"),
        ("pins.adc.energy_J", None, "not set"),
    ],
)
def test_values_have_units_and_no_invented_digits(path: str, value: Any, text: str) -> None:
    assert shown_value(path, value) == text


def test_every_quantity_is_listed_once_but_laws_the_device_does_not_follow() -> None:
    report = fake_report()
    listed = [row.path for _, rows in spec_blocks(report) for row in rows]
    assert sorted(listed) == sorted(p for p in report.hardware.values() if not p.startswith("device.custom."))


def test_changed_quantities_carry_the_old_value_and_the_user_as_source() -> None:
    report = fake_report()
    rows = {row.path: row for _, lines in spec_blocks(report) for row in lines}
    assert rows["crossbar.rows"].was == "64"
    assert rows["crossbar.rows"].confidence == "user"
    assert rows["crossbar.cols"].was is None
    assert changes(report) == [("crossbar.rows", "64", "128")]


def test_sources_are_grouped() -> None:
    report = fake_report()
    groups = source_groups(report)
    counts = [len(paths) for _, _, paths in groups]
    assert counts == sorted(counts, reverse=True)
    assert len({(source, confidence) for source, confidence, _ in groups}) == len(groups)


def test_pins_show_their_own_source() -> None:
    report = fake_report()
    pin = {"adc": {"energy_J": 1e-12, "source": "our own chip, 2024"}}
    spec = type(report.hardware).model_validate({**report.hardware.model_dump(), "pins": pin})
    rows = {row.path: row for _, lines in spec_blocks(fake_report(hardware=spec)) for row in lines}
    assert rows["pins.adc.energy_J"].source == "our own chip, 2024"
    assert rows["pins.adc.energy_J"].confidence == "user"
    assert "pins.adc.source" not in rows
