"""What tracing a training step leaves behind: files, the model as it was, errors."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from grad_nets import BATCH, Residual, tiny
from torch import nn
from torch.nn.utils import prune
from workload_nets import Folded, Neuron, with_statistics

from axbar.errors import DataError, ModelError, TraceError, UsageError
from axbar.nn import LIF, build_model
from axbar.nn.surrogate import Rect
from axbar.workload import GradTrace, Workload, trace


def test_masks_of_a_sample_do_not_depend_on_the_others():
    torch.manual_seed(0)
    net = with_statistics(build_model("spiking-cnn", width=4, surrogate="triangle"))
    batch, labels = torch.rand(3, *net.input_shape), torch.tensor([1, 2, 3])
    whole = trace(net, batch, labels=labels).grad
    for i in range(3):
        alone = trace(net, batch[i : i + 1], labels=labels[i : i + 1]).grad
        for name, grad in alone.items():
            np.testing.assert_array_equal(grad.du[0], whole[name].du[i])
            if grad.df is not None:
                np.testing.assert_array_equal(grad.df[0], whole[name].df[i])


def test_the_rest_of_the_workload_is_the_same():
    torch.manual_seed(0)
    net, batch = with_statistics(Residual(surrogate="rect", threshold=0.4)), torch.rand(2, 1, 8, 8)
    plain, full = trace(net, batch), trace(net, batch, labels=np.array([4, 0]))
    assert plain.grad is None
    assert dataclasses.replace(full, grad=None).hash() == plain.hash() != full.hash()
    assert trace(net, batch, labels=[4, 0]).hash() == full.hash()


def test_the_model_is_left_as_it_was():
    torch.manual_seed(0)
    net = with_statistics(Residual(surrogate="rect", threshold=0.4)).train()
    net.norm.eval()
    net.stem.weight.requires_grad_(False)
    net.fc.weight.grad = kept = torch.ones_like(net.fc.weight)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    modes, random = [m.training for m in net.modules()], torch.get_rng_state()
    grad = trace(net, torch.rand(2, 1, 8, 8, generator=torch.Generator()), labels=torch.tensor([0, 1])).grad
    assert torch.equal(torch.get_rng_state(), random)
    assert [m.training for m in net.modules()] == modes
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert net.fc.weight.grad is kept and bool((kept == 1).all())
    assert all(p.grad is None for key, p in net.named_parameters() if key != "fc.weight")
    assert [key for key, p in net.named_parameters() if not p.requires_grad] == ["stem.weight"]
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in net.modules())
    assert grad["stem"].du.any()  # frozen weights count as trained


def test_networks_that_draw_and_keep_state():
    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.seen = nn.Linear(4, 2), None

        def forward(self, x):
            self.seen = self.fc(x + torch.rand_like(x))
            return self.seen

    net, random = Noisy(), torch.get_rng_state()
    trace(net, torch.rand(2, 4, generator=torch.Generator()), labels=torch.tensor([0, 1]))
    assert torch.equal(torch.get_rng_state(), random) and net.seen is None


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_whatever_gradient_mode_the_caller_is_in(mode):
    net = tiny(LIF(beta=0.5, surrogate=Rect(1.0)))
    with mode():
        workload = trace(net, BATCH.clone(), loss=lambda logits: logits[1].sum())
    assert workload.grad["fc1"].du.tolist() == [[0b011, 0b011, 0], [0, 0, 0]]


def test_networks_pruned_by_torch():
    net = tiny(LIF(beta=0.5, surrogate=Rect(1.0)))
    prune.custom_from_mask(net.fc2, "weight", torch.tensor([[1.0, 0.0, 1.0]]))
    net(BATCH)  # leaves a weight with a history in the module
    grad = trace(net, BATCH, loss=lambda logits: logits[1].sum()).grad["fc1"]
    assert grad.du[0].tolist() == [0b011, 0, 0]


def test_round_trip(tmp_path):
    torch.manual_seed(0)
    net = with_statistics(Residual(surrogate="rect", threshold=0.4))
    workload = trace(net, torch.rand(3, 1, 8, 8), labels=torch.tensor([0, 1, 2]))
    workload.save(tmp_path / "w.npz")
    found = Workload.load(tmp_path / "w.npz")
    assert found.hash() == workload.hash() and list(found.grad) == list(workload.grad)
    for name, grad in workload.grad.items():
        other = found.grad[name]
        assert isinstance(other, GradTrace)
        assert (other.steps, other.df_steps, other.neuron) == (grad.steps, grad.df_steps, grad.neuron)
        assert other.du.dtype == grad.du.dtype and np.array_equal(other.du, grad.du)
        assert (other.df is None) == (grad.df is None)
        assert grad.df is None or np.array_equal(other.df, grad.df)
    found.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "w.npz").read_bytes()


def test_the_hash_sees_every_mask():
    workload = trace(tiny(LIF(surrogate=Rect(1.0))), BATCH, loss=lambda logits: logits[1].sum())
    grad = workload.grad["fc1"]
    flipped = grad.du ^ np.array([[0, 0, 4], [0, 0, 0]], dtype=grad.du.dtype)
    for other in (
        dataclasses.replace(grad, du=flipped), dataclasses.replace(grad, df=None, df_steps=0),
        dataclasses.replace(grad, neuron=None),
    ):  # fmt: skip
        changed = dataclasses.replace(workload, grad={**workload.grad, "fc1": other})
        assert changed.hash() != workload.hash()


def test_rates_stand_in_the_summary():
    workload = trace(tiny(LIF(surrogate=Rect(1.0))), BATCH, loss=lambda logits: logits[1].sum())
    rows = {row["name"]: row for row in workload.summary()}
    assert rows["fc1"]["du_rate"] == [2 / 6, 2 / 6, 0.0] and rows["fc2"]["df_rate"] is None
    assert "du_rate" not in rows["fire"]


@pytest.mark.parametrize(
    "kwargs, error, words",
    [
        ({"labels": torch.tensor([0])}, DataError, "one class number for each of the 2 samples"),
        ({"labels": torch.tensor([0.0, 1.0])}, DataError, "float32"),
        ({"labels": torch.tensor([0, 3])}, DataError, r"labels 0 to 3 of 2 samples do not fit logits"),
        ({"loss": "mse"}, UsageError, "loss is 'mse'"),
        ({"loss": lambda logits: logits.sum(-1)}, UsageError, r"a tensor of shape \(3, 2\); return one number"),
        ({"loss": lambda logits: 3.0}, UsageError, "returned float"),
        ({"loss": lambda logits: logits.detach().sum()}, TraceError, "does not depend on any weight"),
        ({"loss": lambda logits: logits.sum() / 0.0}, ModelError, "the loss is"),
        ({"loss": lambda logits: logits.sum(7)}, UsageError, r"failed on logits of shape \(3, 2, 1\)"),
        ({"loss": lambda logits: (logits * 0).sqrt().sum()}, ModelError, "gradient at .fc1. holds values"),
    ],
)  # fmt: skip
def test_bad_losses_and_labels(kwargs, error, words):
    with pytest.raises(error, match=words):
        trace(tiny(LIF()), BATCH, **kwargs)


def test_neurons_without_a_surrogate():
    with pytest.raises(TraceError, match=r"layer 'stem' leads to the network's output, but no gradient"):
        trace(Folded(), torch.rand(2, 1, 8, 8), labels=torch.tensor([0, 1]))


def test_neurons_without_a_surrogate_beside_a_shortcut():
    class Shortcut(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.fire, self.fc2 = nn.Linear(4, 4), Neuron(), nn.Linear(4, 2)

        def forward(self, x):
            current = self.fc1(x).expand(3, -1, -1)
            return self.fc2((self.fire(current) + current).flatten(0, 1)).unflatten(0, (3, -1))

    with pytest.raises(
        TraceError, match="no gradient passes through the neurons 'fire' behind the layer 'fc1'"
    ):
        trace(Shortcut(), torch.rand(2, 4), labels=torch.tensor([0, 1]))


def test_networks_that_can_not_be_copied():
    class Unique(nn.Linear):
        def __deepcopy__(self, memo):
            raise TypeError("there is only one")

    net = nn.Sequential(Unique(4, 2))
    assert trace(net, torch.rand(2, 4)).grad is None
    with pytest.raises(TraceError, match=r"can't be copied \(TypeError: there is only one\)"):
        trace(net, torch.rand(2, 4), labels=torch.tensor([0, 1]))
