"""Loading chips: presets, files, extends, sources, devices by name, overrides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from axbar import registry
from axbar.errors import UsageError
from axbar.spec import Device, HardwareKind, ImcSpec, Provenance, load_hardware, preset_names, preset_path

BASE = "extends: imc-rram-65nm\n"


def write(folder: Path, text: str, name: str = "chip.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_default_preset_is_the_platform_it_names() -> None:
    chip = load_hardware("imc-rram-65nm")
    assert isinstance(chip, ImcSpec)
    assert (chip.crossbar.rows, chip.crossbar.cols, chip.crossbar.weight_bits) == (64, 64, 4)
    assert (chip.tile.arrays_per_pe, chip.tile.pes_per_tile) == (9, 8)
    assert (chip.technology.node_m, chip.read.v_read_V, chip.clock_Hz) == (65e-9, 0.1, 250e6)
    assert chip.device.name == "rram-neurram"


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    base = load_hardware("imc-rram-65nm")
    chip = load_hardware(write(tmp_path, BASE + "adc:\n  bits: 6\nclock_Hz: 500 MHz\n"))
    assert base.diff(chip) == {"adc.bits": (5, 6), "clock_Hz": (250e6, 500e6)}
    assert chip.sources["adc.bits"] == Provenance(source="set in chip.yaml", confidence="user")
    assert chip.sources["adc.kind"] == base.sources["adc.kind"]
    assert (chip.name, chip.description) == ("chip", "variant of imc-rram-65nm")


def test_a_chain_of_files_and_paths_relative_to_each_file(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    write(tmp_path / "lib", BASE + "adc: {bits: 6}\ncrossbar: {rows: 128}\n", "middle.yaml")
    chip = load_hardware(write(tmp_path, "extends: lib/middle.yaml\nname: mine\nadc: {bits: 7}\n"))
    assert (chip.name, chip.adc.bits, chip.crossbar.rows) == ("mine", 7, 128)
    assert chip.sources["crossbar.rows"].source == "set in middle.yaml"


def test_a_file_without_extends_stands_alone(tmp_path: Path) -> None:
    text = preset_path("imc-sram-28nm").read_text(encoding="utf-8")
    chip = load_hardware(write(tmp_path, text))
    assert chip == load_hardware("imc-sram-28nm")


def test_annotated_scalars_carry_their_source(tmp_path: Path) -> None:
    text = """\
adc:
  bits: {value: 6, source: "own design, simulated", confidence: run}
  kind:
    value: flash
    source: our data sheet
read:
  v_read_V: {value: 0.2 V}
"""
    chip = load_hardware(write(tmp_path, BASE + text))
    assert chip.sources["adc.bits"] == Provenance(source="own design, simulated", confidence="run")
    assert chip.sources["adc.kind"] == Provenance(source="our data sheet", confidence="user")
    assert "read.v_read_V" not in chip.sources and chip.confidence_of("read.v_read_V") == "assumed"


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("technology: {node_m: 180 nm}", "technology.node_m", 180e-9),
        ("read: {t_read_s: 3 ns}", "read.t_read_s", 3e-9),
        ("clock_Hz: 1.2 GHz", "clock_Hz", 1.2e9),
        ("crossbar: {rows: 1e2}", "crossbar.rows", 100),
        ("crossbar: {rows: '128'}", "crossbar.rows", 128),
        ("crossbar: {rows: 0x40}", "crossbar.rows", 64),
        ("pins: {adc: {energy_J: 2 pJ, source: measured}}", "pins.adc.energy_J", 2e-12),
    ],
)
def test_numbers_and_units(tmp_path: Path, text: str, path: str, value: float) -> None:
    assert load_hardware(write(tmp_path, BASE + text)).values()[path] == value


def test_a_device_by_name_brings_its_numbers_and_sources(tmp_path: Path) -> None:
    pcm = registry.get("devices", "pcm-mushroom")
    chip = load_hardware(write(tmp_path, BASE + "device: pcm-mushroom\n"))
    assert chip.device == pcm.spec
    assert chip.sources["device.g_on_S"] == pcm.sources["g_on_S"]
    assert chip.sources["device.name"].confidence == "user"


def test_a_device_may_start_from_a_preset_and_differ(tmp_path: Path) -> None:
    pcm = registry.get("devices", "pcm-mushroom")
    chip = load_hardware(write(tmp_path, BASE + "device: {name: pcm-mushroom, g_on_S: 50 uS}\n"))
    assert chip.device == pcm.spec.model_copy(update={"g_on_S": 50e-6})
    assert chip.sources["device.g_on_S"].confidence == "user"


def test_a_device_without_name_changes_the_one_below(tmp_path: Path) -> None:
    base = load_hardware("imc-rram-65nm")
    chip = load_hardware(write(tmp_path, BASE + "device: {program_noise: 0}\n"))
    assert base.diff(chip) == {"device.program_noise": (1.0, 0.0)}


def test_overrides_lie_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, BASE + "adc: {bits: 6}\ndevice: {g_on_S: 30 uS}\n")
    chip = load_hardware(path, {"adc.bits": 4, "read.v_read_V": "0.2 V"})
    assert (chip.adc.bits, chip.read.v_read_V, chip.device.g_on_S) == (4, 0.2, 30e-6)
    assert chip.sources["adc.bits"] == Provenance(source="set by the user", confidence="user")


def test_overrides_as_texts() -> None:
    changes = ["adc.bits=4", "adc.kind='flash'", "device.g_on_S=20 uS", "device=pcm-mushroom", "name=x=y"]
    chip = load_hardware("imc-rram-65nm", changes)
    assert (chip.adc.bits, chip.adc.kind, chip.name) == (4, "flash", "x=y")
    # The device is chosen before its numbers change, whatever the order of the options.
    assert (chip.device.name, chip.device.g_on_S) == ("pcm-mushroom", 20e-6)
    assert load_hardware("imc-rram-65nm", ["adc.bits=4", "adc.bits=6"]).adc.bits == 6


def test_device_name_and_device_are_the_same_override() -> None:
    by_block = load_hardware("imc-rram-65nm", {"device": "sram", "crossbar.cell_bits": 1})
    assert load_hardware("imc-rram-65nm", ["device.name=sram", "crossbar.cell_bits=1"]) == by_block


def test_pins_take_the_user_as_source() -> None:
    chip = load_hardware("imc-rram-65nm", ["pins.adc.energy_J=2 pJ"])
    assert chip.pins["adc"].energy_J == 2e-12
    assert chip.pins["adc"].source == "set by the user"
    assert chip.confidence_of("pins.adc.energy_J") == "user"
    named = load_hardware(
        "imc-rram-65nm", {"pins.adc.energy_J": 1e-12, "pins.adc.source": "data sheet, p. 4"}
    )
    assert named.sources["pins.adc.energy_J"].source == "data sheet, p. 4"
    # The figure is new, so the old source no longer speaks for it.
    assert named.replace({"pins.adc.energy_J": 3e-12}).pins["adc"].source == "set by the user"


class TwoCells(ImcSpec):
    """A third party's kind with a preset of its own and a second, optional quantity."""

    kind: str = "two-cells"
    margin: float = 0.5


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HardwareKind:
    text = preset_path("imc-rram-65nm").read_text(encoding="utf-8")
    text = text.replace("kind: imc", "kind: two-cells").replace("name: imc-rram-65nm", "name: their-chip")
    file = write(tmp_path, text + "margin: 0.25\n", "their-chip.yaml")
    kind = HardwareKind(
        "two-cells", "", TwoCells, lambda *a: None, (), frozenset(), presets={"their-chip": file}
    )
    entry = registry.Entry("hardware", "two-cells", "x:y", "", "them")
    table = {e.name: e for e in registry.entries("hardware")} | {"two-cells": entry}
    real_table, real_get = registry._table, registry.get  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(registry, "_table", lambda g: table if g == "hardware" else real_table(g))
    monkeypatch.setattr(registry, "get", lambda g, n: kind if n == "two-cells" else real_get(g, n))
    return kind


def test_a_third_partys_kind_and_preset(third_party: HardwareKind, tmp_path: Path) -> None:
    assert "their-chip" in preset_names()
    chip = load_hardware("their-chip", {"margin": 0.75})
    assert isinstance(chip, TwoCells) and chip.margin == 0.75
    # A shipped preset's bare number is not the user's: nobody stands behind it.
    assert load_hardware("their-chip").sources["margin"].confidence == "assumed"
    mine = load_hardware(write(tmp_path, "extends: their-chip\nadc: {bits: 3}\n"))
    assert (mine.kind, mine.adc.bits) == ("two-cells", 3)


def test_an_unknown_preset_suggests_a_third_partys(third_party: HardwareKind) -> None:
    with pytest.raises(UsageError, match="did you mean 'their-chip'"):
        load_hardware("their-chp")


def test_numpy_scalars_are_numbers() -> None:
    chip = load_hardware("imc-rram-65nm", {"crossbar.rows": np.int64(128), "read.v_read_V": np.float64(0.2)})
    assert (chip.crossbar.rows, chip.read.v_read_V) == (128, 0.2)
    assert type(chip.crossbar.rows) is int


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "chip.yaml"
    path.write_bytes(b"\xef\xbb\xbfextends: imc-rram-65nm\r\nadc:\r\n  bits: 4\r\n")
    assert load_hardware(path).adc.bits == 4


def test_a_device_preset_is_a_device() -> None:
    assert all(isinstance(registry.get("devices", name).spec, Device) for name in registry.names("devices"))
