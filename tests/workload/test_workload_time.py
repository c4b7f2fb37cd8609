"""Time steps: folded, looped, ambiguous shapes, recurrent and shared layers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from workload_nets import (
    ByHand,
    Folded,
    Loop,
    Neuron,
    SamplesOutermost,
    Shared,
    StepNeuron,
    seen_inputs,
    with_statistics,
)

from axbar.errors import TraceError, UsageError
from axbar.workload import trace, unpack


def images(samples: int, size: int = 8, channels: int = 1) -> torch.Tensor:
    return torch.rand(samples, channels, size, size, generator=torch.Generator().manual_seed(samples))


@pytest.mark.parametrize("samples", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_folded_time_is_found_for_every_batch_size(samples, steps):
    torch.manual_seed(0)
    net, batch = with_statistics(Folded(steps)), images(samples)
    workload = trace(net, batch)
    (seen,) = seen_inputs(net, batch, ["down"])["down"]
    operand = workload.layer("down").operands[0]
    assert (workload.steps, operand.steps, workload.samples) == (steps, steps, samples)
    expected = seen.reshape(steps, samples, 4, 8, 8).numpy()
    np.testing.assert_array_equal(unpack(operand.words, steps), expected)


@pytest.mark.parametrize("samples", [1, 2, 5])
def test_a_loop_over_time_is_one_layer_per_module(samples):
    torch.manual_seed(0)
    net, batch = with_statistics(Loop(5)), images(samples)
    workload = trace(net, batch)
    assert workload.steps == 5
    assert [(layer.name, layer.inputs, len(layer.steps)) for layer in workload.layers] == [
        ("conv1", ("input",), 5),
        ("relu", ("conv1",), 5),
        ("fire1", ("relu",), 5),
        ("conv2", ("fire1",), 5),
        ("relu#2", ("conv2",), 5),
        ("fire2", ("relu#2",), 5),
        ("fc", ("fire2",), 5),
        ("mean_1", ("fc",), 5),
    ]
    calls = seen_inputs(net, batch, ["conv2"])["conv2"]
    expected = torch.stack(calls).numpy()
    np.testing.assert_array_equal(unpack(workload.layer("conv2").operands[0].words, 5), expected)
    first = workload.layer("conv1").operands[0]
    assert first.coding == "real" and first.steps == 5 and not first.per_step  # the same image at every step


@pytest.mark.parametrize("samples", [1, 2, 4])
def test_neurons_written_by_hand(samples):
    torch.manual_seed(0)
    net, batch = ByHand(4), images(samples, size=4)
    workload = trace(net, batch)
    assert workload.steps == 4
    assert workload.layer("conv").steps == workload.layer("fc").steps == (0, 1, 2, 3)
    back = workload.layer("back")
    assert len(back.steps) == 3  # it runs from the second step on
    np.testing.assert_array_equal(
        unpack(back.operands[0].words, 3), torch.stack(seen_inputs(net, batch, ["back"])["back"]).numpy()
    )
    calls = torch.stack(seen_inputs(net, batch, ["fc"])["fc"]).numpy()
    np.testing.assert_array_equal(unpack(workload.layer("fc").operands[0].words, 4), calls)
    names = [layer.name for layer in workload.layers]
    assert len(names) == len(set(names)) <= 16  # operations of a step are one node, not one per step
    assert all(set(layer.inputs) <= {*names, "input"} for layer in workload.layers)


@pytest.mark.parametrize("samples, steps", [(3, 3), (2, 5), (1, 4)])
def test_samples_in_front_of_folded_steps(samples, steps):
    torch.manual_seed(1)
    net = SamplesOutermost()
    batch = torch.rand(samples, steps, 1, 4, 4)
    workload = trace(net, batch)
    (seen,) = seen_inputs(net, batch, ["fc"])["fc"]
    expected = seen.reshape(samples, steps, 32).transpose(0, 1).numpy()
    operand = workload.layer("fc").operands[0]
    assert workload.steps == steps
    np.testing.assert_array_equal(unpack(operand.words, steps), expected)
    assert workload.layer("conv").operands[0].per_step


def test_batches_with_time_in_front():
    class Events(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fire, self.fc = nn.Conv2d(1, 2, 3), Neuron(), nn.Linear(2 * 4, 3)

        def forward(self, x):
            y = self.fire(self.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2]))
            return self.fc(y.flatten(2))

    batch = (torch.rand(3, 3, 1, 4, 4) > 0.7).float()
    workload = trace(Events(), batch, batch_axis=1)
    operand = workload.layer("conv").operands[0]
    assert (workload.steps, workload.samples, operand.coding) == (3, 3, "spikes")
    np.testing.assert_array_equal(unpack(operand.words, 3), batch.numpy())


def test_a_constant_first_layer_runs_once():
    assert trace(Folded(4), images(4)).layer("stem").steps == (0,)


def test_steps_by_the_neurons_own_step_method():
    class Streaming(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.fire, self.fc2 = nn.Linear(4, 6), SteppedNeuron(), nn.Linear(6, 2)

        def forward(self, x):
            state, out = None, []
            for _ in range(3):
                spikes, state = self.fire.step(self.fc1(x), state)
                out.append(self.fc2(spikes))
            return torch.stack(out).mean(0)

    class SteppedNeuron(Neuron):
        def step(self, x, state):
            state = x if state is None else self.beta * state + x
            spikes = (state >= self.threshold).to(x.dtype)
            return spikes, state - self.threshold * spikes

    net = Streaming()
    workload = trace(net, torch.rand(2, 4))
    assert [layer.name for layer in workload.layers] == ["fc1", "fire", "fc2", "mean_1"]
    assert workload.layer("fire").output.steps == 3
    assert "step" not in vars(net.fire)


def test_shared_weights_in_depth_are_separate_layers():
    torch.manual_seed(0)
    net, batch = Shared(), images(2, size=4, channels=2)
    workload = trace(net, batch, steps=1)
    convs = [layer for layer in workload.layers if layer.op == "conv2d"]
    assert [layer.name for layer in convs] == ["conv", "conv#2", "conv#3"]
    assert convs[1].inputs == ("relu_1",)
    assert np.shares_memory(convs[0].weight, convs[2].weight)


def test_repeated_calls_without_a_hint_are_refused():
    with pytest.raises(TraceError, match=r"'conv' is called 3 times.*steps=3 .*steps=1"):
        trace(Shared(), images(2, size=4, channels=2))


def test_a_neuron_module_used_in_depth_is_not_taken_for_time():
    class Depth(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.fire = nn.Linear(4, 4), nn.Linear(4, 4), Threshold()

        def forward(self, x):
            return self.fire(self.b(self.fire(self.a(x))))

    class Threshold(Neuron):
        def forward(self, x):
            return (x > 0).float()

    with pytest.raises(TraceError, match="'fire' is called 2 times"):
        trace(Depth(), torch.rand(3, 4))
    names = [layer.name for layer in trace(Depth(), torch.rand(3, 4), steps=1).layers]
    assert names == ["a", "fire", "b", "fire#2"]


def test_layers_that_differ_in_shape_are_never_merged():
    class Sizes(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x):
            return self.conv(x).mean((2, 3)) + self.conv(x[:, :, ::2, ::2]).mean((2, 3))

    layers = trace(Sizes(), images(2)).matmuls
    assert [layer.geometry.in_shape for layer in layers] == [(1, 8, 8), (1, 4, 4)]
    with pytest.raises(TraceError, match="runs once per sample"):
        trace(Sizes(), images(2), steps=2)


def test_the_state_of_a_neuron_module_comes_from_it():
    class Potentials(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.fire, self.out = nn.Linear(4, 4), StepNeuron(), nn.Linear(4, 2)

        def forward(self, x):
            self.fire(self.fc(x))
            return self.out(self.fire.potential)

    assert trace(Potentials(), torch.rand(3, 4)).layer("out").inputs == ("fire",)


def test_explicit_steps_turn_repeated_calls_into_time():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 2)

        def forward(self, x):
            return self.fc(x) + self.fc(1 - x)

    net, x = Twice(), torch.rand(3, 4)
    operand = trace(net, x, steps=2).layer("fc").operands[0]
    assert operand.per_step and operand.words.shape == (3, 2, 4)
    np.testing.assert_allclose(operand.words[:, 1] * operand.scale, 1 - x, atol=operand.scale)


def test_a_network_with_state_between_calls_is_not_disturbed_by_the_probe():
    class Stateful(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.fire = nn.Linear(4, 3), StepNeuron()

        def forward(self, x):
            return self.fire(self.fc(x))

    net = Stateful()
    net.fire.potential = torch.zeros(2, 3)  # of the batch size that will be traced
    assert trace(net, torch.rand(2, 4)).steps == 1
    assert net.fire.potential.shape == (2, 3)


def test_networks_that_take_one_batch_size_only():
    class Fixed(nn.Module):
        steps = 3

        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(1, 2, 3), nn.Linear(8, 3)

        def forward(self, x):
            y = self.conv(x).view(2, 2, 2, 2).expand(3, 2, 2, 2, 2).flatten(0, 1)
            return self.fc((y > 0).float().flatten(1)).view(3, 2, 3)

    workload = trace(Fixed(), images(2, size=4))
    assert workload.layer("conv").steps == (0,) and workload.layer("fc").steps == (0, 1, 2)


def test_a_shape_with_two_meanings_and_no_probe_is_refused():
    class Fixed(nn.Module):
        steps = 2

        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, x):
            return self.fc(x.view(2, 4).expand(2, 2, 4))

    with pytest.raises(TraceError, match="batch of another size"):
        trace(Fixed(), torch.rand(2, 4))


def test_more_steps_than_bits_are_refused():
    with pytest.raises(TraceError, match="65 time steps; at most 64"):
        trace(Folded(65), images(1))


def test_64_steps_fit_one_word():
    operand = trace(Folded(64), images(1)).layer("down").operands[0]
    assert operand.words.dtype == np.uint64 and operand.steps == 64


@pytest.mark.parametrize("steps", [0, 65, 2.0, True])
def test_steps_out_of_range(steps):
    with pytest.raises(UsageError, match="allowed: 1 to 64"):
        trace(Folded(), images(2), steps=steps)


def test_contradicting_steps_are_named():
    class Half(Folded):
        def forward(self, x):
            return super().forward(x)[:2]

    with pytest.raises(TraceError, match=r"steps is 4.* has 2 time steps"):
        trace(Half(4), images(2))
    with pytest.raises(TraceError, match=r"gets 4 inputs per sample .* 2 time steps"):
        trace(Folded(4), images(3), steps=2)


def test_steps_that_nothing_runs_on_are_refused():
    with pytest.raises(TraceError, match="each of its operations runs once"):
        trace(nn.Sequential(nn.Linear(4, 2)), torch.rand(2, 4), steps=4)
