"""The shipped chips: every number has a source, and the network they were meant for fits their parts."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from axbar import registry
from axbar.errors import UsageError
from axbar.spec import Confidence, ImcSpec, load_hardware, preset_names, preset_path, preset_summary
from axbar.spec._tree import Faults, Leaf, leaves
from axbar.spec._yaml import read_yaml

IMC = ("imc-pcm-14nm", "imc-rram-32nm", "imc-rram-65nm", "imc-rram-clipformer", "imc-sram-28nm")
DIGITAL = ("gamma", "gospa", "loas", "loas-nmtk", "ptb", "sata", "sparten", "tt-train")
SHIPPED = tuple(sorted((*IMC, *DIGITAL)))
LABELS = ("kind", "name", "description")


def test_the_shipped_presets() -> None:
    assert preset_names() == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_every_number_has_a_source_and_a_confidence(name: str) -> None:
    chip = load_hardware(name)
    assert set(chip.values()) == set(chip.sources)
    for path, found in chip.sources.items():
        assert found.confidence in get_args(Confidence) and found.confidence != "user", path
        assert len(found.source) >= 10, path
        assert "no source" not in found.source or found.confidence == "assumed", path


@pytest.mark.parametrize("name", SHIPPED)
def test_sources_stand_in_the_file_itself(name: str) -> None:
    """Nothing relies on the loader's default for a bare number."""
    root = read_yaml(preset_path(name).read_text(encoding="utf-8"), name, 1, Faults())
    written = {path for path, _ in leaves(root)}
    values = {path.removesuffix(".value") for path in written if path.endswith(".value")}
    expected = {
        path for value in values for path in (f"{value}.value", f"{value}.source", f"{value}.confidence")
    }
    assert written == expected | set(LABELS)


@pytest.mark.parametrize("name", SHIPPED)
def test_descriptions_name_a_model_and_their_limits(name: str) -> None:
    chip = load_hardware(name)
    assert chip.name == name
    assert "after" in chip.description and re.search(r"et al\., .*20\d\d", chip.description)
    assert "Uncalibrated" in chip.description
    assert preset_summary(name) and chip.description.startswith(preset_summary(name))


@pytest.mark.parametrize("name", IMC)
def test_parts_fit_each_other(name: str) -> None:
    chip = load_hardware(name)
    assert isinstance(chip, ImcSpec)
    assert chip.crossbar.cell_bits <= registry.get("devices", chip.device.name).max_cell_bits
    # A slice that is half empty doubles its noise for nothing.
    assert (chip.crossbar.weight_bits - 1) % chip.crossbar.cell_bits == 0
    assert chip.crossbar.cols % chip.adc.cols_per_adc == 0
    assert chip.crossbar.rows % 8 == 0


@pytest.mark.parametrize("name", IMC)
def test_every_device_can_be_swapped_in(name: str) -> None:
    for device in registry.names("devices"):
        changed = load_hardware(name, {"device": device, "crossbar.cell_bits": 1})
        assert changed.values()["device.name"] == device


def test_an_unknown_preset_has_no_path() -> None:
    with pytest.raises(UsageError, match="did you mean 'imc-rram-65nm'"):
        preset_path("imc-rram-56nm")
    with pytest.raises(UsageError):
        preset_path("../presets/imc-rram-65nm")


def test_summaries_are_read_without_building_the_chip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "get", lambda *names: pytest.fail(f"resolved {names}"))
    assert isinstance(read_yaml("description: one. two\n", "f", 1, Faults()).children["description"], Leaf)
    assert preset_summary("imc-sram-28nm").startswith("SRAM chip at 28 nm")
