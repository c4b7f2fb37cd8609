"""No dead knob: every number that decides accuracy alone changes what some chip computes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from chips import NO_WIRES, chip

from axbar.crossbar import to_analog
from axbar.spec import ImcSpec, path_table

#: path -> (what else the chip must have for it to matter, another value)
KNOBS: dict[str, tuple[dict[str, Any], float]] = {
    "device.program_noise": ({}, 0.5),
    "device.verify_tolerance": ({}, 0.01),
    "device.verify_writes": ({"device.verify_tolerance": 0.01}, 1),
    "device.stuck_on": ({}, 0.1),
    "device.stuck_off": ({}, 0.1),
    "device.drift": ({"device": "pcm-mushroom", "device.age_s": 1e6}, 0.5),
    "device.flicker_noise": ({"device": "pcm-mushroom", "device.age_s": 1e6}, 0.5),
    "device.read_noise": ({"device.read_noise": 1.0}, 0.5),
    "device.nonlinearity": ({"device": "rram-hfo2", "read.v_read_V": 0.4}, 0.0),
    "device.age_s": ({"device": "pcm-mushroom"}, 1e6),
    "wires.r_row_ohm": ({}, 20.0),
    "wires.r_col_ohm": ({}, 20.0),
    "wires.r_driver_ohm": ({}, 200.0),
    "wires.r_sense_ohm": ({}, 200.0),
    "adc.inl_lsb": ({}, 1.0),
}
CUSTOM = {
    "device": "custom", "device.g_on_S": 4e-5, "device.g_off_S": 1e-6, "device.custom.program_c0": 0.02,
    "device.custom.drift_nu0": 0.05, "device.age_s": 1e4,
}  # fmt: skip
OWN = [path for path in path_table(ImcSpec) if path.startswith("device.custom.")]


def output(changes: dict[str, Any]) -> torch.Tensor:
    torch.manual_seed(0)
    layer = torch.nn.Linear(40, 12)
    x = (torch.rand(32, 40, generator=torch.Generator().manual_seed(1)) < 0.4).float()
    hardware = chip({"crossbar.cols": 16, "adc.cols_per_adc": 4, **changes})
    with torch.no_grad():
        return to_analog(layer, hardware, seed=1, data=x)(x)


@pytest.mark.parametrize("path", KNOBS)
def test_every_number_changes_the_sums(path: str) -> None:
    base, other = KNOBS[path]
    assert not torch.equal(output(base), output({**base, path: other}))


@pytest.mark.parametrize("path", OWN)
def test_every_number_of_an_own_device_changes_the_sums(path: str) -> None:
    base = {**CUSTOM, **NO_WIRES, "device.read_noise": 1.0}
    other = 10.0 if path.endswith("t0_s") else 0.03
    assert not torch.equal(output(base), output({**base, path: other}))


def test_all_such_numbers_are_listed() -> None:
    known = {path for path, info in path_table(ImcSpec).items() if info.type in ("int", "float")}
    blocks = ("device.", "wires.", "adc.inl")
    costly = {f"device.{name}" for name in ("g_on_S", "g_off_S", "cell_area_F2", "write_energy_J", "write_time_s",
                                            "endurance")}  # fmt: skip
    assert {p for p in known if p.startswith(blocks)} - costly == {*KNOBS, *OWN}
