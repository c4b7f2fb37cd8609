"""No dead knob: every numeric quantity of the chip changes a figure or whether it fits."""

from __future__ import annotations

import numpy as np
import pytest
from cost_cases import attention, chip, first_spikes, mixed_network, small_network

from axbar.cost import Estimate, estimate
from axbar.cost._types import QUANTITIES
from axbar.spec import ImcSpec, path_table

#: these decide accuracy, and the ones of write-verify how often cells are written: nothing that an inference costs
ACCURACY_ONLY = {"adc.inl_lsb", "device.program_noise", "run_time.write_noise"} | {
    path
    for path in path_table(ImcSpec)
    if path.startswith(("device.custom.", "wires."))
    or path.removeprefix("device.")
    in {
        "age_s", "drift", "flicker_noise", "nonlinearity", "read_noise", "stuck_off", "stuck_on",
        "verify_tolerance", "verify_writes",
    }
}  # fmt: skip


def _programming(done: Estimate) -> list[np.ndarray]:
    """Writing the weights is no part of an inference, but what it takes is a result all the same."""
    found = done.programming
    assert found is not None
    return [found.energy_J, found.time_s, found.wear]


NUMERIC = sorted(path for path, info in path_table(ImcSpec).items() if info.type in ("int", "float"))


@pytest.mark.parametrize("path", [p for p in NUMERIC if p not in ACCURACY_ONLY])
def test_every_number_matters(path: str) -> None:
    info = path_table(ImcSpec)[path]
    base = chip(adc__kind="sar", adc__sample_rate_Hz=2e7, dram__kind="lpddr4", neuron__membrane_B=256)
    network = mixed_network() if path.startswith("units.") else small_network()
    if path.startswith("input.t"):
        network = first_spikes()
    if path.startswith("run_time."):
        clipped = {"run_time.unit": "nvm", "run_time.clip_low": 2.0, "run_time.clip_high": 0.25}
        network, base = attention(), base.replace(clipped)
    here = base.values()[path]
    around = [here * factor for factor in (0.25, 0.5, 2, 4)]
    if info.type == "int":
        around = [round(v) for v in around]
    inside = [v for v in around if info.low <= v <= info.high and v != here]
    assert inside, path
    done = estimate(network, base, {path: [here, *inside]})
    figures = np.stack([done.total(q) for q in QUANTITIES] + [done.feasible] + _programming(done))
    changed = (figures[:, 1:] != figures[:, :1]).any()
    if path == "chip.max_tiles":
        changed = not estimate(small_network(), base.replace({path: 1})).feasible[0]
    if path == "chip.max_dies":  # as many tiles as one die has, or two
        crowded = base.replace({"chip.max_tiles": 2, "tile.pes_per_tile": 1})
        changed = estimate(small_network(), crowded, {path: [1, 1024]}).feasible.tolist() == [False, True]
    assert changed, path


@pytest.mark.parametrize("path", sorted(ACCURACY_ONLY))
def test_what_is_left_out_is_really_without_cost(path: str) -> None:
    info = path_table(ImcSpec)[path]
    assert info.low is not None and info.high is not None
    ends = [max(info.low, 1e-3) if info.low_open else info.low, min(info.high, 2.0)]
    done = estimate(small_network(), chip(), {path: [int(e) for e in ends] if info.type == "int" else ends})
    for quantity in QUANTITIES:
        assert done.total(quantity)[0] == done.total(quantity)[1], quantity


@pytest.mark.parametrize("path", [p for p in path_table(ImcSpec) if p.startswith("mapping.")])
def test_every_choice_of_mapping_and_schedule_matters(path: str) -> None:
    info = path_table(ImcSpec)[path]
    values = info.choices or [1, 3]
    done = estimate(small_network(), chip(), {path: list(values)})
    figures = np.stack([done.total(q) for q in QUANTITIES] + [done.throughput_Hz])
    assert (figures[:, 1:] != figures[:, :1]).any(axis=0).all(), path


def test_the_knobs_of_the_survey_converter() -> None:
    base = chip(adc__kind="survey")
    rates = estimate(small_network(), base, {"adc.sample_rate_Hz": [1e8, 9e9]})
    assert rates.total("energy_J")[0] != rates.total("energy_J")[1]
