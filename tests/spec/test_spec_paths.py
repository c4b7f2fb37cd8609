# ruff: noqa: E501  (sentences stand as the user reads them)
"""The table of paths, and columns of sweeps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from axbar import registry
from axbar.errors import UsageError
from axbar.spec import HardwareSpec, ImcSpec, check_column, load_hardware, path_table


@pytest.fixture
def chip() -> HardwareSpec:
    return load_hardware("imc-rram-65nm")


def test_the_table_holds_every_quantity_of_a_chip(chip: HardwareSpec) -> None:
    table = path_table(ImcSpec)
    assert set(chip.values()) | {"device"} == set(table)
    assert all(info.description for info in table.values())
    assert all(info.path == path for path, info in table.items())


def test_the_table_knows_types_units_ranges_and_choices(chip: HardwareSpec) -> None:
    table = path_table(chip)
    node, bits, kind = table["technology.node_m"], table["adc.bits"], table["adc.kind"]
    assert (node.type, node.unit, node.low, node.high, node.allowed) == (
        "float",
        "m",
        7e-9,
        180e-9,
        "7 nm..180 nm",
    )
    assert (bits.type, bits.unit, bits.allowed, bits.default) == ("int", "", "1..12", 5)
    assert (kind.type, kind.choices) == ("str", ("sar", "flash", "survey", "ramp", "sense"))
    assert table["read.v_read_V"].allowed == "above 0 V and up to 2 V"
    assert table["device"].choices == registry.names("devices") == table["device.name"].choices
    assert table["device"].default == "rram-neurram"
    assert path_table(ImcSpec)["adc.bits"].default is None


@pytest.mark.parametrize(
    ("path", "values", "dtype", "expected"),
    [
        ("crossbar.rows", [32, 64], np.int64, [32, 64]),
        ("crossbar.rows", np.array([32.0, 64.0]), np.int64, [32, 64]),
        ("crossbar.rows", np.array([32, 64], dtype=np.uint8), np.int64, [32, 64]),
        ("clock_Hz", [100_000_000, 5e8], np.float64, [1e8, 5e8]),
        ("technology.node_m", ["28 nm", "65 nm"], np.float64, [28e-9, 65e-9]),
        ("adc.kind", ["sar", "flash"], np.str_, ["sar", "flash"]),
        ("device", np.array(["sram", "ideal"]), np.str_, ["sram", "ideal"]),
        ("pins.adc.energy_J", ["1 pJ", "2 pJ"], np.float64, [1e-12, 2e-12]),
    ],
)
def test_columns_come_back_as_plain_arrays(
    chip: HardwareSpec, path: str, values: Any, dtype: type, expected: list[Any]
) -> None:
    column = check_column(chip, path, values)
    assert column.dtype == dtype or column.dtype.kind == "U"
    assert column.tolist() == expected


@pytest.mark.parametrize(
    ("path", "values", "problem"),
    [
        ("adc.bits", [4, 40], "sweep of adc.bits: 40 (entry 2) is out of range: allowed 1..12. Lower it to 12 or less."),
        ("adc.bits", [4.0, 4.5], "sweep of adc.bits: 4.5 (entry 2) must be a whole number; allowed 1..12."),
        ("adc.bits", [True], "sweep of adc.bits: true (entry 1) is not a number. Allowed: 1..12."),
        ("adc.bits", ["4", "x"], "sweep of adc.bits: 'x' is not a number (entry 2); allowed 1..12."),
        ("adc.bits", [4, None], "sweep of adc.bits: nothing (entry 2) is not a number. Allowed: 1..12."),
        ("clock_Hz", [1e8, np.nan], "sweep of clock_Hz: nan Hz (entry 2) must be a finite number; allowed 1 MHz..10 GHz."),
        (
            "read.v_read_V",
            [0.1, 0.0],
            "sweep of read.v_read_V: 0 V (entry 2) is out of range: allowed above 0 V and up to 2 V. Raise it above 0 V.",
        ),
        ("adc.kind", ["sar", "saar"], "sweep of adc.kind: 'saar' (entry 2) is not one of sar, flash, survey, ramp, sense; did you mean 'sar'?"),
        ("adc.kind", [1, 2], "sweep of adc.kind: 1 (entry 1) is not a name. Allowed: sar, flash, survey, ramp, sense."),
        ("adc.bitz", [4], "unknown path 'adc.bitz'; did you mean 'adc.bits'? 'axbar ls paths' lists all."),
        ("adc", [4], "unknown path 'adc'; did you mean 'adc.kind'? 'axbar ls paths' lists all."),
        ("name", ["a"], "unknown path 'name'; did you mean 'device.name'? 'axbar ls paths' lists all."),
        ("adc.bits", 4, "sweep of adc.bits: the column has the shape [], expected one list of values."),
        ("adc.bits", [], "sweep of adc.bits: the column has the shape [0], expected one list of values."),
    ],
)  # fmt: skip
def test_bad_columns_name_the_first_bad_value(
    chip: HardwareSpec, path: str, values: Any, problem: str
) -> None:
    with pytest.raises(UsageError) as caught:
        check_column(chip, path, values)
    assert str(caught.value) == problem


def test_columns_and_single_values_obey_the_same_bounds(chip: HardwareSpec) -> None:
    """A bound belongs to a field once; the vectorised check and pydantic must agree on it, exactly at the edge."""
    for path, info in path_table(chip).items():
        for bound, is_open, outward in ((info.low, info.low_open, -1), (info.high, info.high_open, 1)):
            if bound is None:
                continue
            step = 1 if info.type == "int" else abs(bound) * 1e-9 or 1e-30
            for value, allowed in ((bound, not is_open), (bound + outward * step, False)):
                assert _passes(lambda p=path, v=value: check_column(chip, p, [v])) == allowed, (path, value)
                if not path.startswith("device.g_"):  # those two also bound each other
                    wide = chip.replace({"crossbar.cols": 4096})
                    assert _passes(lambda p=path, v=value, w=wide: w.replace({p: v})) == allowed or (
                        path == "crossbar.cols" and value == 4
                    ), (path, value)


def _passes(call: Any) -> bool:
    try:
        call()
    except UsageError:
        return False
    return True
