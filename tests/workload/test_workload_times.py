"""Times of first spikes: recorded as codes, and as trains of slots for chips that count spikes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import axbar
from axbar.errors import TraceError, UsageError
from axbar.nn import build_model
from axbar.nn.ttfs import Delay, FirstSpike
from axbar.workload import active_rows, as_events
from axbar.workload._pack import popcount, unpack


class _Net(nn.Module):
    """Two layers of first-spike neurons, a pool, a delayed skip, and a read-out of both."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.fire1, self.fire2 = FirstSpike(2.0), FirstSpike(2.0)
        self.delay, self.out = Delay(4), nn.Linear(8 * 16, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.max_pool2d(self.fire1(self.first(x)), 2)
        y = self.fire2(self.second(x))
        return self.out(torch.cat((y, self.delay(x, 2.0)), 1).flatten(1))


@pytest.fixture(scope="module")
def traced() -> axbar.Workload:
    return axbar.trace(_Net(), torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(1)))


def test_what_follows_first_spikes_reads_times(traced: axbar.Workload) -> None:
    assert {layer.name: layer.operands[0].coding for layer in traced.matmuls} == {
        "first": "real", "second": "time", "out": "time",
    }  # fmt: skip
    assert all(layer.output is not None and layer.output.coding == "time" for layer in traced.neurons)


def test_times_that_meet_numbers_are_numbers() -> None:
    class Mixed(_Net):
        def forward(self, x: Tensor) -> Tensor:
            spikes = self.fire1(self.first(x))
            return self.out(torch.cat((spikes, self.first(x)), 1)[:, :, :4, :4].flatten(1))

    layers = axbar.trace(Mixed(), torch.rand(2, 1, 8, 8)).matmuls
    assert layers[-1].operands[0].coding == "real"


@pytest.mark.parametrize("bits", [1, 3, 6])
def test_trains_hold_one_spike_where_a_code_is_not_zero(traced: axbar.Workload, bits: int) -> None:
    trains, slots = as_events(traced, bits), 2**bits - 1
    for before, after in zip(traced.layers, trains.layers, strict=True):
        for old, new in zip(before.operands, after.operands, strict=True):
            if old.coding != "time":
                assert new is old
                continue
            assert (new.coding, new.steps) == ("spikes", slots)
            assert after.steps == tuple(range(slots))
            codes = np.rint(old.words / 255 * slots)
            np.testing.assert_array_equal(popcount(new.words), codes > 0)
            left = (unpack(new.words, slots) * np.arange(slots, 0, -1).reshape(-1, *[1] * codes.ndim)).sum(0)
            np.testing.assert_array_equal(left, codes)  # slot s leaves 2^b - 1 - s units of time
    assert as_events(traced, bits) is trains


@pytest.mark.parametrize("bits", [1, 4, 6])
def test_rates_hold_as_many_spikes_as_slots_would_be_left(traced: axbar.Workload, bits: int) -> None:
    slots = 2**bits - 1
    rates = as_events(traced, bits, "rate")
    codes = np.rint(traced.layer("out").operands[0].words / 255 * slots)
    np.testing.assert_array_equal(popcount(rates.layer("out").operands[0].words), codes)
    train = unpack(rates.layer("out").operands[0].words, slots)
    assert train[:, codes == slots].all()
    if bits == 4:  # evenly: halves of a train differ by one spike at most
        half = train[:7].sum(0), train[8:].sum(0)
        assert np.abs(half[0].astype(int) - half[1]).max() <= 1


def test_rows_are_driven_once_per_spike(traced: axbar.Workload) -> None:
    layer = as_events(traced, 6).layer("out")
    codes = np.rint(traced.layer("out").operands[0].words / 255 * 63)
    np.testing.assert_allclose(active_rows(layer), (codes > 0).mean(0))


def test_networks_without_times_stay_what_they_are() -> None:
    plain = axbar.trace(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), torch.rand(3, 1, 2, 2))
    assert as_events(plain, 4) is plain


@pytest.mark.parametrize("bits", [0, 7])
def test_slots_that_fit_no_word_are_refused(traced: axbar.Workload, bits: int) -> None:
    with pytest.raises(UsageError, match=r"set input.time_bits to 1 to 6"):
        as_events(traced, bits)


def test_times_are_saved_and_loaded(traced: axbar.Workload, tmp_path: object) -> None:
    file = f"{tmp_path}/times.npz"
    traced.save(file)
    again = axbar.Workload.load(file)
    assert again.hash() == traced.hash()
    assert again.layer("second").operands[0].coding == "time"


def test_neurons_in_closed_form_say_what_to_take_instead() -> None:
    network = build_model("ttfs-plain", width=4, neuron="exact").eval()
    with pytest.raises(
        TraceError, match=r"'stem.conv' can't be traced; neurons in closed form.*neuron = slope"
    ):
        axbar.trace(network, torch.rand(2, 1, 28, 28))
