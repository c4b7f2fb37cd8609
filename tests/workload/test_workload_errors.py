"""What can't be traced says so: the operation, the module, what to do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from workload_nets import Folded, Neuron

from axbar.errors import DataError, ModelError, TraceError
from axbar.workload import trace


class Wrapped(nn.Module):
    """A layer, then whatever is to be refused, then a layer."""

    def __init__(self, function=None, inner=None, features: int = 4) -> None:
        super().__init__()
        self.first, self.inner, self.last = nn.Linear(4, 4), inner, nn.Linear(features, 2)
        self.function = function

    def forward(self, x):
        x = self.first(x)
        x = self.inner(x) if self.inner is not None else self.function(x)
        return self.last(x[0] if isinstance(x, tuple) else x)


@pytest.mark.parametrize(
    "inner, shape, words",
    [
        (nn.LSTM(4, 4), (2, 3, 4), r"'lstm' in module 'inner'.*step by step"),
        (nn.GRU(4, 4), (2, 3, 4), r"'gru' in module 'inner'"),
        (nn.Conv1d(3, 3, 1), (2, 3, 4), r"'conv1d' in module 'inner'.*\(1, k\)"),
        (nn.Conv3d(2, 2, 1), (2, 2, 3, 3, 4), r"'conv3d' in module 'inner'"),
        (nn.ConvTranspose2d(2, 2, 1), (2, 2, 3, 4), r"'conv_transpose2d' in module 'inner'"),
        (nn.Upsample(scale_factor=1), (2, 2, 3, 4), r"'interpolate' in module 'inner'"),
        (
            nn.TransformerEncoderLayer(4, 2, batch_first=True),
            (2, 3, 4),
            r"'multi_head.*in module 'inner.self_attn'",
        ),
    ],
)
def test_unsupported_modules_are_named(inner, shape, words):
    with pytest.raises(TraceError, match=words):
        trace(Wrapped(inner=inner), torch.rand(shape))


@pytest.mark.parametrize(
    "function, words",
    [
        (lambda x: torch.einsum("bi,bi->bi", x, x), "'einsum' in the forward of Wrapped.*run time"),
        (lambda x: x @ x.T @ x, r"the product of \[\d, 4\] and .*both computed at run time"),
        (lambda x: torch.linalg.qr(x)[0], "'linalg_qr'"),
        (lambda x: torch.from_numpy(x.numpy()), "'numpy'.*leave torch"),
        (lambda x: torch.tensor(x.tolist()), "numpy, TorchScript or other compiled code"),
        (lambda x: torch.ones_like(x), "it is a constant"),
    ],
)
def test_unsupported_functions_are_named(function, words):
    with pytest.raises(TraceError, match=words):
        trace(Wrapped(function), torch.rand(4, 4))


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_compiled_code_is_not_guessed_at():
    with pytest.raises(TraceError, match=r"the input of linear in module 'last'.*TorchScript"):
        trace(Wrapped(inner=torch.jit.script(nn.ReLU())), torch.rand(2, 4))


def test_an_output_from_elsewhere():
    class Constant(nn.Module):
        def forward(self, x):
            return torch.zeros(len(x), 3)

    with pytest.raises(TraceError, match="the network's output"):
        trace(Constant(), torch.rand(2, 3))

    class Nothing(nn.Module):
        def forward(self, x):
            return "logits"

    with pytest.raises(TraceError, match="returned str"):
        trace(Nothing(), torch.rand(2, 3))


def test_a_network_without_weights():
    with pytest.raises(TraceError, match="no convolution or linear layer"):
        trace(nn.ReLU(), torch.rand(2, 3))


def test_layers_that_lose_the_samples():
    with pytest.raises(TraceError, match=r"'last' of shape .* keep the batch axis"):
        trace(Wrapped(lambda x: x.sum(0, keepdim=True)), torch.rand(3, 4))


def test_folding_anything_but_time():
    with pytest.raises(TraceError, match=r"'last' gets 2 inputs per sample .*1 time step;"):
        trace(Wrapped(lambda x: x.view(-1, 2), features=2), torch.rand(3, 4), steps=1)


def test_neurons_that_hide_layers():
    class Recurrent(Neuron):
        def __init__(self):
            super().__init__()
            self.back = nn.Linear(4, 4)

        def forward(self, x):
            return super().forward(self.back(x))

    with pytest.raises(TraceError, match="neuron module 'inner' holds a linear layer"):
        trace(Wrapped(inner=Recurrent()), torch.rand(3, 4))


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda n: delattr(n, "threshold"), "no attribute 'threshold'"),
        (lambda n: setattr(n, "beta", torch.tensor([0.1, 0.2])), "beta of the neuron module 'inner' has 2"),
        (lambda n: setattr(n, "beta", float("nan")), "beta of the neuron module"),
    ],
)
def test_neurons_with_wrong_constants(change, words):
    class Marked(Neuron):
        def forward(self, x):
            return (x > 0).float()

    neuron = Marked()
    change(neuron)
    with pytest.raises(ModelError, match=words):
        trace(Wrapped(inner=neuron), torch.rand(3, 4))


@pytest.mark.parametrize(
    "batch, words",
    [
        (torch.rand(0, 1, 8, 8), r"shape \(0, 1, 8, 8\); give at least one sample"),
        (torch.tensor(1.0), r"shape \(\)"),
        (torch.full((2, 1, 8, 8), float("nan")), "not finite"),
        (np.full((2, 1, 8, 8), np.inf), "not finite"),
        (torch.zeros(2, 1, 8, 8, dtype=torch.uint8), "batch / 255"),
    ],
)
def test_batches_that_are_no_data(batch, words):
    with pytest.raises(DataError, match=words):
        trace(Folded(), batch)


def test_a_batch_of_the_wrong_shape():
    net = Folded()
    with pytest.raises(
        TraceError, match=r"failed in module 'stem' on a batch of shape \(2, 3, 8, 8\): Runtime"
    ):
        trace(net, torch.rand(2, 3, 8, 8))
    net.input_shape = (1, 8, 8)
    with pytest.raises(DataError, match=r"samples of shape \(3, 8, 8\), the network takes \(1, 8, 8\)"):
        trace(net, torch.rand(2, 3, 8, 8))


def test_weights_that_are_not_finite():
    net = Folded()
    net.down.weight.data[0, 0, 0, 0] = float("nan")
    with pytest.raises(ModelError, match=r"'down.weight' holds 1 values of 144 that are not finite"):
        trace(net, torch.rand(2, 1, 8, 8))


def test_activity_that_is_not_finite():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[0].weight.data.fill_(3e38)
    with pytest.raises(DataError, match="activity at '1' holds values that are not finite"):
        trace(net, torch.full((2, 2), 10.0))


def test_the_model_is_restored_after_an_error():
    net = Wrapped(inner=nn.LSTM(4, 4)).train()
    with pytest.raises(TraceError):
        trace(net, torch.rand(2, 3, 4))
    assert all(module.training for module in net.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    assert torch.is_grad_enabled()
    assert torch.add(torch.ones(1), 1).item() == 2  # no function mode is left behind
