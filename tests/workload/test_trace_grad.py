"""Masks of a traced training step: by hand, and against torch's own hooks."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from grad_nets import BATCH, Loop, Residual, SamplesOutermost, hooked, slopes, tiny
from torch import nn
from torch.nn import functional as F
from workload_nets import with_statistics

from axbar.nn import LIF, SynapticLIF, build_model
from axbar.nn.surrogate import Rect, Triangle
from axbar.workload import df_rate, du_rate, trace, unpack


def test_masks_by_hand():
    """s'(u) = 1 for |u| < 1/2, decay 1/2, threshold 1; only the logits of step 1 count.

    neuron 0: h = 0.8, 0.7, 5.35   s' = 1 1 0   dh = 2*1/2, 2, 0
    neuron 1: h = 0.1, 1.15, 0.975 s' = 0 1 1   dh = -1/2, -1, 0
    neuron 2: h = 0.1, 3.05, 1.925 s' = 0 0 0   dh = 0, 0, 0
    """
    net = tiny(LIF(beta=0.5, surrogate=Rect(1.0)))
    workload = trace(net, BATCH, loss=lambda logits: logits[1].sum())
    first, second = workload.grad["fc1"], workload.grad["fc2"]
    assert list(workload.grad) == ["fc1", "fc2"]
    assert first.du.tolist() == [[0b011, 0b011, 0], [0, 0, 0]]
    assert first.df is not None and first.df.tolist() == [[0b011, 0b110, 0], [0, 0, 0]]
    assert (first.steps, first.df_steps, first.neuron) == (3, 3, "fire")
    assert second.du.tolist() == [[0b010], [0b010]]
    assert (second.df, second.df_steps, second.neuron) == (None, 0, None)
    np.testing.assert_allclose(du_rate(first), [2 / 6, 2 / 6, 0])
    np.testing.assert_allclose(df_rate(first), [1 / 6, 2 / 6, 1 / 6])
    assert df_rate(second) is None


def test_reset_to_zero_cuts_the_gradient_at_spikes():
    """Only step 2 counts. Neurons 1 and 2 fire at step 1 (h = 0.1, 1.15, 0.9 and 0.1, 3.05, 0.9), so nothing
    flows further back; neuron 0 (h = 0.8, 0.7, 5.35) is out of reach of its surrogate at step 2.
    """
    net = tiny(LIF(beta=0.5, reset="zero", surrogate=Rect(1.0)))
    grad = trace(net, BATCH, loss=lambda logits: logits[2].sum()).grad["fc1"]
    assert grad.du[0].tolist() == [0, 0b100, 0b100]
    assert grad.df[0].tolist() == [0b011, 0b110, 0b100]


def test_the_edge_of_the_surrogate_is_outside():
    net = tiny(LIF(beta=0.0, surrogate=Triangle(1.0)))
    batch = torch.tensor([[[0.0, 2.0, 1.0], [0.001, 1.999, 0.5], [-1.0, 3.0, 0.0]]])
    assert trace(net, batch, loss=torch.sum).grad["fc1"].df.tolist() == [[0b010, 0b010, 0b011]]


@pytest.mark.parametrize("surrogate", ["atan", "triangle", "rect"])
def test_unbounded_surrogates_are_never_zero(surrogate):
    net = tiny(LIF(beta=0.5, surrogate=surrogate))
    df = trace(net, 3 * BATCH, loss=torch.sum).grad["fc1"].df
    assert (df == 0b111).all() == (surrogate == "atan")


@pytest.mark.parametrize("samples", [1, 3, 4])
def test_folded_time_against_hooks(samples):
    torch.manual_seed(samples)
    net = with_statistics(Residual(surrogate="triangle", threshold=0.4))
    batch, labels = torch.rand(samples, 1, 8, 8), torch.arange(samples) % 5
    workload = trace(net, batch, labels=labels)
    names = ["stem", "deep", "deeper", "around", "last", "fc"]
    assert sorted(workload.grad) == sorted(names)
    seen = hooked(net, batch, labels, names)
    for name in names:
        grad, (real,) = workload.grad[name], seen[name]
        expected = real.unflatten(0, (grad.steps, samples)).numpy() != 0
        assert grad.du.shape == (samples, *workload.layer(name).geometry.out_shape)
        np.testing.assert_array_equal(unpack(grad.du, grad.steps), expected)
    assert 0.0 < du_rate(workload.grad["deep"]).mean() < 1.0
    assert workload.grad["stem"].steps == 1  # it runs once, its gradient is the sum over the steps


def test_which_neurons_stand_behind_a_layer():
    torch.manual_seed(0)
    net = with_statistics(Residual(surrogate="triangle", threshold=0.4))
    workload = trace(net, torch.rand(2, 1, 8, 8), labels=torch.tensor([0, 3]))
    behind = {name: grad.neuron for name, grad in workload.grad.items()}
    assert behind == {
        "stem": "fire1", "deep": None, "deeper": "fire2", "around": "fire2", "last": "fire3", "fc": None,
    }  # fmt: skip
    pooled = workload.grad["last"]
    assert pooled.df.shape == (2, *workload.layer("fire3").geometry.out_shape) != pooled.du.shape
    assert workload.grad["deeper"].df is not None
    np.testing.assert_array_equal(workload.grad["deeper"].df, workload.grad["around"].df)


@pytest.mark.parametrize("samples", [1, 2])
def test_a_loop_over_time_against_hooks(samples):
    torch.manual_seed(1)
    net = Loop(surrogate="rect", threshold=0.3)
    batch, labels = torch.rand(samples, 1, 8, 8), torch.zeros(samples, dtype=torch.int64)
    workload = trace(net, batch, labels=labels)
    seen = hooked(net, batch, labels, ["conv", "fc1", "back", "fc2"])
    for name, calls in seen.items():
        grad = workload.grad[name]
        zeros = torch.zeros_like(next(call for call in calls if call is not None))
        expected = torch.stack([zeros if call is None else call for call in calls]).numpy() != 0
        assert grad.steps == len(calls) == (4 if name == "back" else 5)
        np.testing.assert_array_equal(unpack(grad.du, grad.steps), expected)
    assert (workload.grad["fc1"].neuron, workload.grad["back"].neuron) == ("fire2", "fire2")


@pytest.mark.parametrize("samples, steps", [(3, 3), (2, 5)])
def test_samples_in_front_of_folded_steps(samples, steps):
    torch.manual_seed(2)
    net, batch = SamplesOutermost(surrogate="rect", threshold=0.3), torch.rand(samples, steps, 1, 4, 4)
    labels = torch.arange(samples)
    workload = trace(net, batch, labels=labels)
    (conv,) = hooked(net, batch, labels, ["conv"])["conv"]
    grad = workload.grad["conv"]
    expected = conv.unflatten(0, (samples, steps)).transpose(0, 1).numpy() != 0
    np.testing.assert_array_equal(unpack(grad.du, steps), expected)
    np.testing.assert_array_equal(unpack(grad.df, steps), slopes(net.fire, net.conv(batch.flatten(0, 1))
        .unflatten(0, (samples, steps)).transpose(0, 1)))  # fmt: skip


class Unstepped(LIF):
    """Neurons that can only run the whole sequence."""

    step = None


class Misleading(LIF):
    """Neurons whose ``step`` is something else."""

    def step(self, x, state=None):
        return torch.relu(x), None


@pytest.mark.parametrize("reset", ["subtract", "subtract_unleaked", "zero"])
@pytest.mark.parametrize("detach_reset", [True, False])
@pytest.mark.parametrize("kind", [LIF, SynapticLIF, Unstepped, Misleading])
def test_surrogates_against_the_equations(kind, reset, detach_reset):
    neuron = kind(beta=0.7, reset=reset, detach_reset=detach_reset, input_scale=1.5, surrogate=Rect(0.8))
    net = tiny(neuron)
    batch = 2 * torch.rand(5, 3, 3, generator=torch.Generator().manual_seed(0)) - 0.3
    grad = trace(net, batch, loss=torch.sum).grad["fc1"]
    np.testing.assert_array_equal(unpack(grad.df, 3), slopes(neuron, batch.transpose(0, 1)))


class Spike(torch.autograd.Function):
    """A threshold with a rectangle behind it, as users write it."""

    @staticmethod
    def forward(ctx, u):
        ctx.save_for_backward(u)
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx, grad):
        return grad * (ctx.saved_tensors[0].abs() < 0.5)


def test_neurons_written_by_hand_have_du_but_no_df():
    class ByHand(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.fc2 = nn.Linear(6, 5), nn.Linear(5, 3)

        def forward(self, x):
            potential, logits = torch.zeros(len(x), 5), []
            for _ in range(4):
                potential = 0.5 * potential + self.fc1(x)
                spikes = Spike.apply(potential - 0.4)
                potential = potential - 0.4 * spikes.detach()
                logits.append(self.fc2(spikes))
            return torch.stack(logits)

    torch.manual_seed(0)
    net, batch, labels = ByHand(), torch.rand(3, 6), torch.tensor([0, 1, 2])
    workload = trace(net, batch, labels=labels)
    calls = hooked(net, batch, labels, ["fc1"])["fc1"]
    grad = workload.grad["fc1"]
    np.testing.assert_array_equal(unpack(grad.du, 4), torch.stack(calls).numpy() != 0)
    assert grad.df is None and 0 < du_rate(grad).mean() < 1


def test_a_conventional_network():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(144, 10))
    batch, labels = torch.rand(2, 1, 8, 8), torch.tensor([3, 0])
    grad = trace(net, batch, labels=labels).grad["0"]
    model = copy.deepcopy(net)
    y = model[0](batch)
    F.cross_entropy(model[3](y.relu().flatten(1)), labels).backward(inputs=[y.retain_grad() or y])
    np.testing.assert_array_equal(grad.du, y.grad.numpy() != 0)
    assert grad.steps == 1 and grad.df is None


def test_a_branch_that_leads_nowhere_has_no_gradient():
    class Branch(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.unused = nn.Linear(4, 2), nn.Linear(4, 3)

        def forward(self, x):
            self.unused(x)
            return self.fc(x)

    grad = trace(Branch(), torch.rand(2, 4), labels=torch.tensor([0, 1])).grad
    assert grad["fc"].du.all() and not grad["unused"].du.any()


def test_networks_whose_weights_are_no_parameters():
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("first", torch.eye(4))
            self.register_buffer("second", torch.tensor([[1.0, 0.0, 2.0, 0.0], [0.0, 0.0, 1.0, 0.0]]))

        def forward(self, x):
            return F.linear(torch.relu(F.linear(x.sub_(0.5), self.first)), self.second)

    batch = torch.tensor([[0.9, 0.9, 0.1, 0.1], [0.9, 0.1, 0.9, 0.1]])
    workload = trace(Fixed(), batch, loss=lambda logits: logits[0, :, 0].sum())
    assert [grad.du.tolist() for grad in workload.grad.values()] == [
        [[1, 0, 0, 0], [1, 0, 1, 0]],
        [[1, 0], [1, 0]],
    ]


@pytest.mark.parametrize("coding", ["rate", "latency"])
def test_inputs_without_a_derivative(coding):
    torch.manual_seed(0)
    net = build_model("spiking-cnn", width=4, surrogate="atan", input_coding=coding)
    for weight in net.parameters():
        weight.requires_grad_(False)
    workload = trace(net, torch.rand(2, *net.input_shape), labels=torch.tensor([1, 2]))
    assert all(grad.du.any() for grad in workload.grad.values()) and workload.grad["conv1"].steps == 4


@pytest.mark.parametrize("outermost", [False, True])
def test_neurons_that_take_time_in_the_batch(outermost):
    class Flat(LIF):
        """Takes ``[T * B, ...]``, or ``[B * T, ...]``."""

        def forward(self, x):
            if not outermost:
                return super().forward(x.unflatten(0, (3, -1))).flatten(0, 1)
            spikes = super().forward(x.unflatten(0, (-1, 3)).transpose(0, 1))
            return spikes.transpose(0, 1).flatten(0, 1)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.fire, self.fc2 = (
                nn.Linear(3, 3),
                Flat(surrogate="rect", threshold=0.4),
                nn.Linear(3, 2),
            )

        def forward(self, x):  # [B, T, F]
            folded = x.flatten(0, 1) if outermost else x.transpose(0, 1).flatten(0, 1)
            y = self.fc2(self.fire(self.fc1(folded)))
            return y.unflatten(0, (-1, 3)).transpose(0, 1) if outermost else y.unflatten(0, (3, -1))

    torch.manual_seed(3)
    net, batch = Net(), torch.randn(4, 3, 3)
    grad = trace(net, batch, loss=lambda logits: logits[1].sum()).grad["fc1"]
    current = net.fc1(batch.transpose(0, 1)).detach().requires_grad_()
    expected = slopes(net.fire, current)
    np.testing.assert_array_equal(unpack(grad.df, 3), expected)
    net.fc2(LIF.forward(net.fire, current))[1].sum().backward()
    np.testing.assert_array_equal(unpack(grad.du, 3), current.grad.numpy() != 0)
    assert 0 < expected.mean() < 1
