"""Chips written as YAML read back as themselves; the JSON Schema speaks the same language as the loader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from axbar.errors import UsageError
from axbar.spec import json_schema, load_hardware, path_table, preset_names, to_yaml
from axbar.spec._quantity import write_quantity
from axbar.units import parse_quantity


@pytest.mark.parametrize("name", preset_names())
def test_presets_survive_the_round_trip(name: str, tmp_path: Path) -> None:
    chip = load_hardware(name)
    path = tmp_path / "other-name.yaml"
    path.write_text(to_yaml(chip), encoding="utf-8")
    assert load_hardware(path) == chip


def test_yaml_is_made_to_be_read() -> None:
    text = to_yaml(load_hardware("imc-rram-65nm", {"pins.adc.energy_J": 2e-12}))
    assert "  node_m: {value: 65 nm, source: " in text
    assert "  name: {value: rram-neurram, source: " in text
    assert "  bits: {value: 5, source: " in text
    assert 'pins:\n  adc:\n    energy_J: {value: 2 pJ, source: "set by the user", confidence: user}\n' in text


def test_the_laws_of_a_custom_device_are_written_for_that_device_only(tmp_path: Path) -> None:
    assert "custom" not in to_yaml(load_hardware("imc-rram-65nm"))
    own = load_hardware("imc-rram-65nm", {"device": "custom", "device.custom.program_c0": 0.03})
    assert "    program_c0: {value: 0.03, " in to_yaml(own)
    stray = load_hardware("imc-rram-65nm", {"device.custom.program_c0": 0.03})
    for chip in (own, stray):
        path = tmp_path / "chip.yaml"
        path.write_text(to_yaml(chip), encoding="utf-8")
        assert load_hardware(path) == chip


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (65e-9, "m", "65 nm"), (0.1, "V", "100 mV"), (1.0, "V", "1 V"), (2.5e-10, "s", "250 ps"),
        (0.0, "S", "0 S"), (4e-6, "m2", "4 mm2"), (2.5e-11, "m2", "25 um2"), (1.2e9, "Hz", "1.2 GHz"),
        (5, "", "5"), (-3e-9, "J", "-3 nJ"), (1e30, "Hz", "1e+30 Hz"), (999.9e-9, "m", "999.9 nm"),
        (1e-6 / 3, "S", f"{1e-6 / 3!r} S"),
    ],
)  # fmt: skip
def test_quantities_are_short_and_exact(value: float, unit: str, text: str) -> None:
    assert write_quantity(value, unit) == text
    assert parse_quantity(text, unit) == value


def leaf(schema: dict[str, Any], path: str) -> dict[str, Any]:
    """Follow a path; a device has a form of its own by name first."""
    for key in path.split("."):
        found = (
            schema.get("properties")
            or next(form for form in schema["anyOf"] if "properties" in form)["properties"]
        )
        schema = found[key]
    return schema


def test_the_schema_covers_every_path_with_its_bounds() -> None:
    schema = json_schema("imc")
    chip = load_hardware("imc-rram-65nm")
    for path, info in path_table(chip).items():
        number = next(
            (form for form in leaf(schema, path)["anyOf"] if form.get("type") in ("integer", "number")), None
        )
        assert (number is not None) == (info.type in ("int", "float")), path
        if number is not None:
            assert number.get("exclusiveMinimum" if info.low_open else "minimum") == info.low, path
            assert number.get("maximum") == info.high, path
    bits = leaf(schema, "adc.bits")["anyOf"]
    annotated = next(form for form in bits if form.get("type") == "object")
    assert annotated["required"] == ["value"] and set(annotated["properties"]) == {
        "value",
        "source",
        "confidence",
    }
    assert any(form.get("type") == "string" for form in bits), "quantities with units are texts"


def test_the_schema_asks_for_all_blocks_unless_a_file_extends() -> None:
    schema = json_schema()
    assert schema["if"] == {"required": ["extends"]}
    assert "adc" in schema["else"]["required"] and "pins" not in schema["else"]["required"]
    assert schema["else"]["properties"]["adc"]["required"] == [
        "kind", "bits", "cols_per_adc", "sample_rate_Hz", "calibration", "inl_lsb",
    ]  # fmt: skip
    assert "sources" not in schema["properties"] and schema["additionalProperties"] is False


def test_an_unknown_kind_has_no_schema() -> None:
    with pytest.raises(UsageError, match="did you mean 'imc'"):
        json_schema("imcc")


def test_a_pinned_figure_may_have_a_source_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "chip.yaml"
    figure = '{value: 2 pJ, source: "Wan et al., Nature 2022", confidence: abs}'
    path.write_text(
        f"extends: imc-rram-65nm\npins:\n  adc: {{energy_J: {figure}, area_m2: 900 um2, source: ours}}\n"
    )
    chip = load_hardware(path)
    assert chip.sources["pins.adc.energy_J"].confidence == "abs"
    assert chip.sources["pins.adc.area_m2"].source == "ours"
    path.write_text(to_yaml(chip))
    assert load_hardware(path) == chip
