"""What first spikes cost: pulses as wide as times, reads slot by slot, and trains on digital chips."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import axbar
from axbar.cost import Estimate
from axbar.cost.imc import count
from axbar.errors import AxbarError
from axbar.nn.ttfs import FirstSpike
from axbar.workload import as_events


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encode, self.fire = FirstSpike(1.0), FirstSpike(2.0)
        self.conv, self.out = nn.Conv2d(1, 6, 3, padding=1), nn.Linear(6 * 36, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.fire(self.conv(self.encode(x))).flatten(1))


def _part(done: Estimate, name: str, quantity: str = "energy_J") -> float:
    return float(done.by_component(quantity)[0, done.components.index(name)])


@pytest.fixture(scope="module")
def traced() -> axbar.Workload:
    return axbar.trace(_Net(), torch.rand(8, 1, 6, 6, generator=torch.Generator().manual_seed(1)))


def _chip(read: str = "pulse", bits: int = 4, **others: object) -> axbar.HardwareSpec:
    return axbar.load_hardware("imc-rram-65nm", {"input.time_read": read, "input.time_bits": bits, **others})


def test_pulses_are_counted_as_an_unfolded_product_says(traced: axbar.Workload) -> None:
    events = count(traced, _chip())
    layer = traced.layer("out")
    codes = np.rint(layer.operands[0].words / 255 * 15).astype(float)
    at = events.layers.index("out")
    assert events.counts["reads"][at] == 1
    assert events.counts["slot_reads"][at] == 15
    assert events.counts["pulse_reads"][at] == 0
    assert events.counts["dac_conversions"][at] == 0
    assert events.counts["time_conversions"][at] == pytest.approx((codes > 0).mean(0).sum())
    assert events.counts["cell_drive"][at] == 0
    assert events.counts["slot_cells"][at] / events.counts["cell_activations"][at] == pytest.approx(
        codes.sum() / (codes > 0).sum()
    )


def test_cells_take_their_power_for_as_long_as_rows_are_on(traced: axbar.Workload) -> None:
    found = axbar.estimate(traced, _chip())
    longer = axbar.estimate(traced, _chip(**{"input.t_slot_s": 4e-9}))
    assert _part(longer, "cells", "energy_J") == pytest.approx(4 * _part(found, "cells", "energy_J"))
    assert _part(longer, "cells", "latency_s") == pytest.approx(4 * _part(found, "cells", "latency_s"))
    reads = 36 + 1  # positions of the convolution, and the read-out
    assert _part(found, "cells", "latency_s") == pytest.approx(reads * 15 * 1e-9)


def test_slots_are_reads_of_spikes(traced: axbar.Workload) -> None:
    by_slot = count(traced, _chip("slots"))
    trains = count(as_events(traced, 4), _chip())
    for name, values in trains.counts.items():
        np.testing.assert_allclose(by_slot.counts[name], values, err_msg=name)
    assert by_slot.counts["reads"][1] == 15
    assert not by_slot.counts["time_conversions"].any()


def test_one_pulse_takes_less_than_one_read_per_slot(traced: axbar.Workload) -> None:
    pulse, slots = (axbar.estimate(traced, _chip(read)) for read in ("pulse", "slots"))
    for what in ("energy_J", "latency_s"):
        assert pulse.total(what)[0] < slots.total(what)[0]
    assert _part(pulse, "time_drivers", "energy_J") > 0 == _part(slots, "time_drivers", "energy_J")
    assert _part(pulse, "time_drivers", "area_m2") > 0 == _part(slots, "time_drivers", "area_m2")


@pytest.mark.parametrize("chip", ["sata", "loas", "imc-rram-65nm"])
def test_one_spike_costs_less_than_a_rate_at_the_same_resolution(chip: str, traced: axbar.Workload) -> None:
    once, rate = (
        axbar.estimate(traced, axbar.load_hardware(chip, {"input.time_read": how})).total("energy_J")[0]
        for how in ("slots", "rate")
    )
    assert once < rate


@pytest.mark.parametrize("chip", ["sata", "loas", "imc-rram-65nm"])
def test_finer_times_cost_more(chip: str, traced: axbar.Workload) -> None:
    energies = [
        axbar.estimate(traced, axbar.load_hardware(chip, {"input.time_bits": bits})).total("energy_J")[0]
        for bits in (1, 3, 5)
    ]
    assert energies == sorted(energies)
    assert energies[0] < energies[-1]


def test_resolution_and_slot_are_swept_at_once(traced: axbar.Workload) -> None:
    swept = axbar.estimate(
        traced, _chip(), sweep={"input.time_bits": [2, 4, 2], "input.t_slot_s": [1e-9, 1e-9, 3e-9]}
    ).total("energy_J")
    each = [
        axbar.estimate(traced, _chip(bits=bits, **{"input.t_slot_s": slot})).total("energy_J")[0]
        for bits, slot in ((2, 1e-9), (4, 1e-9), (2, 3e-9))
    ]
    np.testing.assert_allclose(swept, each)


def test_networks_without_times_do_not_see_how_they_would_be_read() -> None:
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2))
    plain = axbar.trace(network, torch.rand(3, 1, 6, 6))
    assert axbar.estimate(plain, _chip()).total("energy_J") == axbar.estimate(plain, _chip("slots", 2)).total(
        "energy_J"
    )


def test_slots_that_can_not_be_counted_are_refused() -> None:
    with pytest.raises(AxbarError, match=r"reads 127 slots one by one, at most 63"):
        _chip("slots", 7)
    with pytest.raises(AxbarError, match="time_bits"):
        axbar.load_hardware("sata", {"input.time_bits": 7})
