"""Neurons of constant slope: against a simulation and against ReLU networks; delays and skips on times."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn.ttfs import (
    Delay,
    FirstSpike,
    Spikes,
    added,
    earliest,
    joined,
    rounded_times,
    shuffled,
    simulate_slope,
)
from axbar.nn.ttfs.layers import delayed


def _left(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    left = torch.rand(*shape, generator=generator, dtype=torch.float64)
    return left * (torch.rand(*shape, generator=generator) > 0.3)


def test_simulated_neurons_fire_when_a_relu_says() -> None:
    left = _left(20, 12)
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(15, 12, generator=generator, dtype=torch.float64) * 0.3
    bias = torch.randn(15, generator=generator, dtype=torch.float64) * 0.1
    stepped = simulate_slope(Spikes(left, 1.0, True).times, weight, bias, end=1.0, window=4.0, dt=1e-3)
    values = FirstSpike(4.0)(left @ weight.T + bias)
    closed = Spikes(values, 5.0, True).times
    apart = values > 5e-3  # what fires at the very end, a simulation may miss by a step
    assert 100 < int(apart.sum()) < apart.numel()
    assert float((stepped - closed)[apart].abs().max()) <= 5e-3
    assert bool(stepped[values == 0].isinf().all())


def test_a_network_of_them_is_a_relu_network() -> None:
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, 6, 3, padding=1), nn.Conv2d(6, 8, 3, stride=2), nn.Conv2d(8, 4, 1)]
    spiking = nn.Sequential(*(m for layer in layers for m in (layer, FirstSpike(1e3))))
    relu = nn.Sequential(*(m for layer in layers for m in (layer, nn.ReLU())))
    x = torch.rand(5, 2, 9, 9)
    torch.testing.assert_close(spiking(x), relu(x), rtol=0, atol=1e-6)
    a, b = (torch.autograd.grad(net(x).sum(), list(relu.parameters())) for net in (spiking, relu))
    for one, other in zip(a, b, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


def test_what_crosses_too_early_is_clipped_and_told() -> None:
    neuron, x = FirstSpike(2.0), torch.tensor([-1.0, 0.5, 2.5, 3.0])
    assert neuron(x).tolist() == [0.0, 0.5, 2.0, 2.0]
    assert float(neuron.clipped(x)) == 0.5


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_times_in_bits_lie_on_slots_and_pass_gradients(bits: int) -> None:
    x = torch.linspace(0, 1, 2001, requires_grad=True)
    rounded = rounded_times(x, 1.0, bits)
    slots = rounded.detach() * (2**bits - 1)
    torch.testing.assert_close(slots, slots.round())
    assert len(slots.round().unique()) == 2**bits
    assert float((rounded - x).detach().abs().max()) <= 0.5 / (2**bits - 1) + 1e-6
    rounded.sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))


def test_windows_are_kept_with_the_weights() -> None:
    network = nn.Sequential(FirstSpike(2.0))
    other = nn.Sequential(FirstSpike(4.0))
    other.load_state_dict(network.state_dict())
    assert float(other[0].window) == 2.0


@pytest.mark.parametrize("early", [True, False])
def test_a_delay_adds_to_times(early: bool) -> None:
    left = _left(4, 3, 5, 5)
    skip = Spikes(left, 1.0, True) if early else Spikes(Spikes(left, 1.0, True).times, 1.0, False)
    path = Spikes(skip.values, 4.0, early)
    delay = Delay(3, initial=0.0)
    with torch.no_grad():
        delay.delta.copy_(torch.tensor([0.5, 1.0, -2.0]))
    wait = torch.tensor([0.5, 1.0, 0.0], dtype=torch.float64).view(1, 3, 1, 1)  # max(Δ, 0)
    found = delayed(delay.double(), skip, path)
    assert torch.equal(found.fired, skip.fired)
    torch.testing.assert_close(found.times, skip.times + wait)
    assert found.end == 4.0


@pytest.mark.parametrize("early", [True, False])
def test_no_delay_is_neutral(early: bool) -> None:
    skip = Spikes(_left(4, 3, 5, 5), 1.0, early)
    path = Spikes(skip.values, 3.0, early)
    found = delayed(Delay(3, initial=0.0), skip, path)
    torch.testing.assert_close(found.times, skip.times)


def test_a_delay_beyond_the_window_loses_the_spike() -> None:
    values = torch.tensor([[[[0.4]]]])
    assert Delay(1, initial=0.3)(values, gap=0.0).item() == pytest.approx(0.1)
    assert Delay(1, initial=0.5)(values, gap=0.0).item() == 0.0
    assert Delay(1, initial=0.5, unit=2.0)(values, gap=1.0).item() == pytest.approx(0.4)


def test_delays_learn() -> None:
    delay = Delay(2, initial=0.5)
    delay(torch.tensor([[[[0.9]], [[0.0]]]]), gap=1.0).sum().backward()
    assert delay.delta.grad.tolist() == [-1.0, 0.0]
    assert not list(p for p in Delay(2, learned=False).parameters() if p.requires_grad)


@pytest.mark.parametrize("early", [True, False])
def test_adding_adds_times(early: bool) -> None:
    left = [_left(4, 3, 2, 2, seed=n) for n in (0, 1)]
    both = [Spikes(x, 1.0 + n, True) for n, x in enumerate(left)]
    both = both if early else [Spikes(s.times, s.end, False) for s in both]
    found = added(*both)
    assert found.end == 3.0
    ends = [s.times.clamp(max=s.end) for s in both]
    wanted = torch.where(both[0].fired | both[1].fired, ends[0] + ends[1], torch.inf)
    torch.testing.assert_close(found.times, wanted)


def test_adding_by_value_is_the_relu_networks_sum_in_the_same_window() -> None:
    a, b = (Spikes(_left(2, 3, seed=n), 1.0 + n, True) for n in (0, 1))
    time, value = added(b, a), added(b, a, "value")
    assert torch.equal(time.values, value.values)
    assert (time.end, value.end) == (3.0, 2.0)
    torch.testing.assert_close(value.times[value.fired], (2.0 - a.values - b.values)[value.fired])


@pytest.mark.parametrize("early", [True, False])
def test_pooling_takes_the_first_spike(early: bool) -> None:
    spikes = Spikes(_left(2, 3, 6, 6), 1.0, True)
    given = spikes if early else Spikes(spikes.times, 1.0, False)
    first = spikes.times.unfold(2, 2, 2).unfold(3, 2, 2).amin((-1, -2))
    torch.testing.assert_close(earliest(given, 2, 2).times, first)


def test_shuffling_interleaves_path_and_skip() -> None:
    path, skip = (Spikes(torch.full((1, 2, 1, 1), n), 1.0, True) for n in (0.25, 0.75))
    assert shuffled(joined(path, skip)).values.flatten().tolist() == [0.25, 0.75, 0.25, 0.75]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: FirstSpike(0.0), "a window of 0.0 is no time"),
        (lambda: FirstSpike(math.nan), "a window of nan is no time"),
        (lambda: FirstSpike(1.0, bits=0), "a spike time of 0 bits"),
        (lambda: Delay(2, initial=math.inf), "an initial delay of inf"),
        (lambda: Delay(2, unit=-1.0), "a delay's unit of -1.0"),
        (
            lambda: added(*[Spikes(torch.zeros(1), 1.0, True)] * 2, by="sum"),
            "by 'time' or by 'value', not by 'sum'",
        ),
        (lambda: added(*[Spikes(torch.zeros(1), 1.0, False)] * 2, by="value"), "no values of a ReLU"),
        (
            lambda: joined(Spikes(torch.zeros(1), 1.0, True), Spikes(torch.zeros(1), 1.0, False)),
            "one kind of neurons",
        ),
        (lambda: shuffled(Spikes(torch.zeros(1, 3, 1, 1), 1.0, True)), "2 groups do not divide 3 channels"),
        (
            lambda: simulate_slope(torch.zeros(1, 1), torch.zeros(1, 1), torch.zeros(1), 1.0, 1.0, dt=0.0),
            "a time step",
        ),
    ],
)
def test_what_is_wrong_is_told(make: object, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        make()  # type: ignore[operator]
