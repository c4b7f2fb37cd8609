"""First spikes on arrays: rows that are on for as long as a time says, or one read per slot."""

from __future__ import annotations

import pytest
import torch
from chips import IDEAL, full_path
from torch import Tensor, nn

import axbar
from axbar.crossbar._drive import Drive, drive_of_times, pulses_of
from axbar.nn.ttfs import FirstSpike

READS = ("pulse", "slots", "rate")


class _Net(nn.Module):
    """An image that is encoded in times, a layer of first spikes, and a read-out."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encode, self.fire = FirstSpike(1.0), FirstSpike(2.0)
        self.conv, self.out = nn.Conv2d(1, 6, 3, padding=1), nn.Linear(6 * 36, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.fire(self.conv(self.encode(x))).flatten(1))


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(8, 1, 6, 6, generator=torch.Generator().manual_seed(1))


def _chip(read: str, bits: int = 4, **others: object) -> axbar.HardwareSpec:
    return axbar.load_hardware(
        "imc-rram-65nm", {"input.time_read": read, "input.time_bits": bits, "adc.bits": 10, **others}
    )


def test_codes_as_pulses_and_by_slots_say_the_same() -> None:
    codes = torch.tensor([0.0, 3.0, 1.0, 3.0, 7.0])
    whole, weight = pulses_of(codes, Drive("pulse", 3))
    assert weight == [1] and torch.equal(whole[0], codes)
    slots, left = pulses_of(codes, Drive("slots", 3))
    assert left == [7, 3, 1]  # earliest first, slots in which nothing fires are no reads
    assert torch.equal(sum(n * read for n, read in zip(left, slots, strict=True)), codes)
    assert set(slots.unique().tolist()) <= {0.0, 1.0}
    spikes, ones = pulses_of(codes, Drive("rate", 3))
    assert set(ones) == {1}
    assert torch.equal(spikes.sum(0), codes)
    assert drive_of_times(0.0, "pulse", 3) is None


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("bits", [1, 4, 6])
def test_ideal_arrays_are_the_integer_network_bit_for_bit(read: str, bits: int, images: Tensor) -> None:
    chip = _chip(read, bits, **IDEAL)
    network = _Net()
    exact = axbar.digital(network, chip, images)
    ideal = axbar.to_analog(network, chip, 0, images)
    assert torch.equal(ideal(images), exact(images))
    with full_path():  # read after read, through converters
        assert torch.equal(ideal(images), exact(images))


def test_how_times_are_read_does_not_change_what_is_computed(images: Tensor) -> None:
    found = [axbar.digital(_Net(), _chip(read), images)(images) for read in READS]
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_only_what_follows_first_spikes_is_read_as_times(images: Tensor) -> None:
    class Late(_Net):
        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.fire(self.conv(x)).flatten(1))

    analog = axbar.to_analog(Late(), _chip("pulse"), 0, images)
    assert (analog.conv.drive.coding, analog.out.drive.coding) == ("real", "pulse")
    assert (analog.conv.drive.bits, analog.out.drive.bits) == (8, 4)
    digital = axbar.digital(Late(), axbar.load_hardware("sata", {"input.time_bits": 3}), images)
    assert (digital.out.drive.coding, digital.out.drive.bits) == ("slots", 3)


def test_more_bits_come_nearer_to_continuous_times(images: Tensor) -> None:
    network = _Net()
    exact, errors = network(images), list[float]()
    for bits in (1, 3, 6):
        chip = _chip("pulse", bits, **{"crossbar.weight_bits": 8})
        errors.append(float((axbar.digital(network, chip, images)(images) - exact).detach().std()))
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


@pytest.mark.parametrize("read", READS)
def test_noisy_dies_differ_and_repeat(read: str, images: Tensor) -> None:
    network = _Net()
    dies = [axbar.to_analog(network, _chip(read), seed, images)(images) for seed in (0, 1, 0)]
    assert not torch.equal(dies[0], dies[1])
    assert torch.equal(dies[0], dies[2])


def test_wide_pulses_need_wider_ranges(images: Tensor) -> None:
    by = {read: axbar.to_analog(_Net(), _chip(read), 0, images) for read in READS}
    pulse, slots, rate = (by[read].out.full_scale().max() for read in READS)
    assert pulse == 15 * slots == 15 * rate
