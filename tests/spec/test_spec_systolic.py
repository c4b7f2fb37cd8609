"""The systolic spec and its preset: sources, choices, errors."""

from __future__ import annotations

from typing import get_args

import pytest

from axbar.errors import SpecError, UsageError
from axbar.spec import Confidence, HardwareSpec, load_hardware, preset_summary, to_yaml
from axbar.spec.systolic import SystolicSpec


def test_every_number_of_the_preset_has_a_source_and_a_confidence() -> None:
    chip = load_hardware("sata")
    assert isinstance(chip, SystolicSpec)
    assert set(chip.values()) == set(chip.sources)
    for path, found in chip.sources.items():
        assert found.confidence in get_args(Confidence) and found.confidence != "user", path
        assert len(found.source) >= 10, path
    assert "Uncalibrated" in chip.description
    assert preset_summary("sata").startswith("Systolic array of 16 x 8 elements")


def test_the_published_configuration() -> None:
    chip = load_hardware("sata")
    assert isinstance(chip, SystolicSpec)
    assert (chip.array.rows, chip.array.cols, chip.clock_Hz) == (16, 8, 4e8)
    assert (chip.memory.glb_weight_B, chip.memory.glb_map_B) == (144 * 1024, 64 * 1024)
    assert (chip.weight_bits, chip.spike_bits, chip.training.bits) == (8, 1, 16)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("task", "trainin", "did you mean 'training'"),
        ("array.rows", 0, "allowed 1..1024"),
        ("training.du_sparsity", 1.5, "out of range"),
        ("crossbar.rows", 64, "crossbar"),
        ("memory.spikes", "csr", "raw, packed"),
    ],
)
def test_what_is_wrong_is_said(path: str, value: object, says: str) -> None:
    with pytest.raises((SpecError, UsageError), match=says):
        load_hardware("sata", {path: value})


def test_it_survives_a_round_trip(tmp_path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(to_yaml(load_hardware("sata", {"array.cols": 32, "task": "training"})), encoding="utf-8")
    again: HardwareSpec = load_hardware(str(file))
    assert again.values() == load_hardware("sata", {"array.cols": 32, "task": "training"}).values()
