"""Tracing: the graph, the weights and every recorded spike, against forward hooks and torch itself."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from workload_nets import Folded, Neuron, seen_inputs, with_statistics

from axbar.workload import trace, unpack


@pytest.fixture
def net() -> nn.Module:
    torch.manual_seed(0)
    return with_statistics(Folded())


@pytest.fixture
def batch() -> torch.Tensor:
    return torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def spikes_of(operand) -> np.ndarray:
    return unpack(operand.words, operand.steps).astype(np.float32)


def test_graph_of_a_residual_network(net, batch):
    workload = trace(net, batch)
    found = [(layer.name, layer.op, layer.inputs) for layer in workload.layers]
    assert found == [
        ("stem", "conv2d", ("input",)),
        ("fire1", "neuron", ("stem",)),
        ("down", "conv2d", ("fire1",)),
        ("depthwise", "conv2d", ("down",)),
        ("around", "conv2d", ("fire1",)),
        ("add_1", "add", ("depthwise", "around")),
        ("fire2", "neuron", ("add_1",)),
        ("pool", "pool", ("fire2",)),
        ("fc", "linear", ("pool",)),
    ]
    assert (workload.steps, workload.samples, workload.name, workload.spikes_of) == (4, 3, "Folded", "float")


def test_geometry_and_steps(net, batch):
    workload = trace(net, batch)
    down = workload.layer("down").geometry
    assert (down.in_shape, down.out_shape, down.stride, down.groups) == ((4, 8, 8), (8, 4, 4), (2, 2), 2)
    assert (down.fan_in, down.fan_out, down.positions) == (18, 4, 16)
    depthwise = workload.layer("depthwise").geometry
    assert (depthwise.dilation, depthwise.groups, depthwise.padding) == ((2, 2), 8, (2, 2))
    pool = workload.layer("pool")
    assert (pool.kind, pool.geometry.kernel, pool.geometry.stride) == ("avg", (2, 2), (2, 2))
    assert workload.layer("stem").steps == (0,)  # the image is constant, so its convolution runs once
    assert workload.layer("fc").steps == (0, 1, 2, 3)


def test_every_spike_is_the_one_that_the_layer_saw(net, batch):
    workload = trace(net, batch)
    for name in ("down", "around"):
        (seen,) = seen_inputs(net, batch, [name])[name]
        operand = workload.layer(name).operands[0]
        assert operand.coding == "spikes" and operand.words.dtype == np.uint8
        np.testing.assert_array_equal(spikes_of(operand), seen.reshape(4, 3, 4, 8, 8).numpy())


def test_real_operands_are_magnitude_codes(net, batch):
    workload = trace(net, batch)
    for name, steps in (("stem", 1), ("depthwise", 4), ("fc", 4)):
        (seen,) = seen_inputs(net, batch, [name])[name]
        operand = workload.layer(name).operands[0]
        assert (operand.coding, operand.bits, operand.steps) == ("real", 8, steps)
        assert operand.per_step == (steps > 1)
        assert operand.scale == pytest.approx(float(seen.abs().max()) / 255)
        codes = operand.words.astype(np.float64) * operand.scale
        if operand.negative is not None:
            codes = np.where(operand.negative, -codes, codes)
        expected = seen.reshape(steps, 3, *operand.shape).numpy()
        got = np.moveaxis(codes, 1, 0) if operand.per_step else codes[None]
        assert np.abs(got - expected).max() <= operand.scale / 2 * 1.001


def test_weights_are_those_with_the_norm_folded_in(net, batch):
    workload = trace(net, batch)
    x = batch.double()
    stem = copy.deepcopy(net).eval().double()
    expected = stem.norm(stem.stem(x))
    layer = workload.layer("stem")
    got = F.conv2d(x, torch.tensor(layer.weight).double(), torch.tensor(layer.bias).double(), padding=1)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)
    assert layer.weight.dtype == np.float32 and not layer.weight.flags.writeable


def test_the_workload_alone_replays_the_network(net, batch):
    workload = trace(net, batch)
    with torch.no_grad():
        expected = net.eval()(batch)
    replayed = {}
    for name in ("down", "around"):
        layer = workload.layer(name)
        x = torch.tensor(spikes_of(layer.operands[0])).flatten(0, 1)
        g = layer.geometry
        weight, bias = torch.tensor(layer.weight), torch.tensor(layer.bias)
        replayed[name] = F.conv2d(x, weight, bias, g.stride, g.padding, groups=g.groups)
    deep = workload.layer("depthwise")
    y = F.conv2d(
        replayed["down"], torch.tensor(deep.weight), torch.tensor(deep.bias), padding=2, dilation=2, groups=8
    )
    fired = Neuron()((y + replayed["around"]).unflatten(0, (4, 3)))
    np.testing.assert_array_equal(spikes_of(workload.layer("fire2").output), fired.numpy())
    fc = workload.layer("fc")
    logits = F.avg_pool2d(fired.flatten(0, 1), 2).flatten(1) @ torch.tensor(fc.weight).T + torch.tensor(
        fc.bias
    )
    torch.testing.assert_close(logits.unflatten(0, (4, 3)), expected, rtol=1e-4, atol=1e-5)


def test_the_model_is_left_as_it_was(net, batch):
    net.train()
    net.norm.eval()
    before = copy.deepcopy(net.state_dict())
    modes = {name: module.training for name, module in net.named_modules()}
    input_before = batch.clone()
    trace(net, batch)
    assert {name: module.training for name, module in net.named_modules()} == modes
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    assert torch.equal(batch, input_before)
    assert torch.is_grad_enabled()


def test_recording_does_not_change_outputs(net, batch):
    seen = []
    net.fc.register_forward_hook(lambda _, __, out: seen.append(out.detach().clone()))
    with torch.no_grad():
        plain = net.eval()(batch)
    trace(net, batch)
    assert torch.equal(seen[-1].unflatten(0, (4, 3)), plain)


def test_the_random_state_is_left_to_the_model(net, batch):
    torch.manual_seed(3)
    trace(net, batch)  # this network draws nothing
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(1))


def test_layers_share_what_flows_between_them(net, batch):
    workload = trace(net, batch)
    fired, down, around = (workload.layer(name) for name in ("fire1", "down", "around"))
    assert np.shares_memory(fired.output.words, down.operands[0].words)
    assert np.shares_memory(down.operands[0].words, around.operands[0].words)


def test_neuron_constants(net, batch):
    neuron = trace(net, batch).layer("fire1").neuron
    assert (neuron.kind, neuron.beta, neuron.threshold, neuron.reset) == ("Neuron", 0.5, 0.3, "subtract")


def test_signed_spikes_keep_their_signs():
    net = nn.Sequential(nn.Linear(3, 2))
    workload = trace(net, torch.tensor([[1.0, 0.0, -1.0], [0.0, -1.0, -1.0]]))
    operand = workload.layer("0").operands[0]
    assert operand.coding == "signed"
    np.testing.assert_array_equal(operand.words, [[1, 0, 1], [0, 1, 1]])
    np.testing.assert_array_equal(operand.negative, [[0, 0, 1], [0, 1, 1]])


def test_linear_layers_on_tokens_and_bare_parameters():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.norm, self.out = nn.Linear(8, 16), nn.LayerNorm(16), nn.Linear(16, 4)
            self.mix = nn.Parameter(torch.randn(4, 3))
            self.kernel = nn.Parameter(torch.randn(2, 1, 3, 3))

        def forward(self, x):
            y = (self.out(F.gelu(self.norm(self.embed(x)))) @ self.mix).mean(1)
            return y.sum() + F.conv2d(x.unsqueeze(1), self.kernel, padding=1).mean((2, 3))

    net = Tokens()
    workload = trace(net, torch.rand(5, 5, 8))  # as many tokens as samples
    layers = {layer.name: layer for layer in workload.matmuls}
    assert layers["embed"].geometry.in_shape == (5, 8) and layers["embed"].geometry.positions == 5
    assert layers["linear_1"].weight.shape == (3, 4)
    np.testing.assert_array_equal(layers["linear_1"].weight, net.mix.detach().numpy().T)
    assert layers["conv2d_1"].geometry.in_shape == (1, 5, 8)
    assert [workload.layer(n).op for n in ("norm", "gelu_1", "mean_1")] == ["norm", "activation", "mean"]


def test_tokens_in_front_of_the_samples():
    net = nn.Linear(8, 2)
    x = torch.rand(4, 6, 8)

    class TokensFirst(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = net

        def forward(self, x):
            return self.fc(x.transpose(0, 1)).mean(0)

    operand = trace(TokensFirst(), x).layer("fc").operands[0]
    assert operand.shape == (6, 8)
    np.testing.assert_allclose(operand.words * operand.scale, x.numpy(), atol=operand.scale)


@pytest.mark.parametrize("kernel", [2, 3, 4])
def test_same_padding_becomes_numbers(kernel):
    net = nn.Sequential(nn.Conv2d(1, 2, kernel, padding="same"))
    x = torch.rand(2, 1, 5, 6)
    layer = trace(net, x).layer("0")
    operand = layer.operands[0]
    values = torch.tensor(operand.words * operand.scale, dtype=torch.float32)
    got = F.conv2d(
        values, torch.tensor(layer.weight), torch.tensor(layer.bias), padding=layer.geometry.padding
    )
    assert got.shape[1:] == layer.geometry.out_shape == (2, 5, 6)
    torch.testing.assert_close(got, net(x).detach(), rtol=0, atol=0.05)


def test_writes_in_place_keep_the_graph():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(8, 2)

        def forward(self, x):
            left = self.a(x)
            left.view(-1).relu_()
            both = torch.zeros(len(x), 8)
            both[:, :4] = left
            both[:, 4:].copy_(self.b(x))
            return self.c(both)

    layers = {layer.name: layer for layer in trace(InPlace(), torch.rand(2, 4)).layers}
    assert layers["relu_1"].inputs == ("a",)
    assert layers["c"].inputs == ("relu_1", "b")


def test_shared_modules_stand_for_themselves_in_each_place():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.relu = nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU()

        def forward(self, x):
            return self.relu(self.b(self.relu(self.a(x))))

    layers = trace(Twice(), torch.rand(2, 4)).layers
    assert [(layer.name, layer.inputs) for layer in layers] == [
        ("a", ("input",)),
        ("relu", ("a",)),
        ("b", ("relu",)),
        ("relu#2", ("b",)),
    ]


def test_custom_autograd_functions_are_seen_through():
    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return (x > 0).to(x.dtype)

        @staticmethod
        def backward(ctx, grad):
            return grad

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.b(Spike.apply(self.a(x)))

    workload = trace(Net(), torch.rand(3, 4))
    assert [layer.kind for layer in workload.layers] == ["linear", "gt", "linear"]
    assert workload.layer("b").operands[0].coding == "spikes"


def test_layers_that_compute_as_a_chip_does():
    class Rounded(nn.Conv2d):
        def effective_weight(self):
            return torch.round(self.weight.detach() * 8).flatten(1).numpy() / 8

        def forward(self, x):
            columns = F.unfold(x, self.kernel_size, padding=self.padding, stride=self.stride)
            out = torch.einsum("kr,brp->bkp", torch.tensor(self.effective_weight()), columns)
            return out.unflatten(2, (4, 4)) + self.bias[:, None, None]

    net = nn.Sequential(Rounded(1, 2, 3, stride=2, padding=1), nn.ReLU())
    workload = trace(net, torch.rand(3, 1, 8, 8))
    layer = workload.layer("0")
    assert [found.op for found in workload.layers] == ["conv2d", "activation"]
    assert (layer.geometry.stride, layer.geometry.out_shape, layer.kind) == ((2, 2), (2, 4, 4), "conv2d")
    np.testing.assert_array_equal(layer.weight, net[0].effective_weight().reshape(2, 1, 3, 3))


def test_double_precision_models_and_numpy_batches():
    net = nn.Sequential(nn.Linear(4, 2)).double()
    workload = trace(net, np.ones((2, 4), dtype=np.float32), name="mine", spikes_of="digital")
    assert (workload.name, workload.spikes_of) == ("mine", "digital")
    assert workload.layer("0").weight.dtype == np.float32


def test_progress_counts_layers(net, batch):
    seen = []
    trace(net, batch, on_progress=lambda done, total, name: seen.append((done, total, name)))
    assert seen == [(1, 5, "stem"), (2, 5, "down"), (3, 5, "depthwise"), (4, 5, "around"), (5, 5, "fc")]


def test_wrapped_models_trace_as_themselves(net, batch):
    assert trace(nn.DataParallel(net), batch).hash() == trace(net, batch).hash()


@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_layers_that_take_their_shape_from_the_data():
    net = nn.Sequential(nn.Flatten(), nn.LazyLinear(3))
    assert trace(net, torch.rand(2, 1, 4, 4)).layer("1").geometry.in_shape == (16,)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_models_stay_on_their_gpu(net, batch):
    expected = trace(net, batch)
    workload = trace(net.cuda(), batch)
    assert next(net.parameters()).is_cuda
    assert [layer.name for layer in workload.layers] == [layer.name for layer in expected.layers]
