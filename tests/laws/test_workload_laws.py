"""Laws of workloads: packing loses nothing, counts equal a dense im2col, traces equal what torch computes."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import nn
from torch.nn import functional as F

from axbar.workload import (
    Geometry,
    LayerTrace,
    Operand,
    active_rows,
    macs,
    pack,
    reads,
    spike_rate,
    synops,
    trace,
    unpack,
)

few = settings(max_examples=40, deadline=None, derandomize=True)
fewer = settings(max_examples=15, deadline=None, derandomize=True)


@few
@given(
    st.integers(1, 64).flatmap(
        lambda t: hnp.arrays(bool, hnp.array_shapes(min_dims=0, max_dims=3).map(lambda s: (t, *s)))
    )
)
def test_unpack_undoes_pack(spikes):
    words = pack(spikes)
    assert words.shape == spikes.shape[1:]
    assert np.array_equal(unpack(words, spikes.shape[0]), spikes)


@few
@given(hnp.arrays(np.uint16, st.tuples(st.integers(0, 5), st.integers(1, 4))))
def test_pack_undoes_unpack(words):
    assert np.array_equal(pack(unpack(words, 16)), words)


@st.composite
def convolutions(draw):
    """A convolution (or linear layer as one) with random geometry, and its input's seed."""
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    depthwise = draw(st.booleans())
    channels = groups if depthwise else groups * draw(st.integers(1, 2))
    module = nn.Conv2d(
        channels,
        groups * draw(st.integers(1, 3)),
        (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        stride=(draw(st.integers(1, 3)), draw(st.integers(1, 2))),
        padding=(draw(st.integers(0, 2)), draw(st.integers(0, 2))),
        dilation=(draw(st.integers(1, 2)), draw(st.integers(1, 2))),
        groups=groups,
    )
    size = (draw(st.integers(5, 8)), draw(st.integers(5, 8)))
    return module, size, draw(st.integers(1, 9)), draw(st.integers(1, 3)), draw(st.integers(0, 2**31))


def geometry_of(module: nn.Conv2d, size: tuple[int, int]) -> Geometry:
    out = module(torch.zeros(1, module.in_channels, *size)).shape[1:]
    return Geometry(
        (module.in_channels, *size), tuple(out), module.kernel_size, module.stride, module.padding,
        module.dilation, module.groups,
    )  # fmt: skip


def dense_rows(module: nn.Conv2d, x: torch.Tensor) -> np.ndarray:
    """Unfold every image and add up each row: what the vectorised count must equal."""
    columns = F.unfold(
        x, module.kernel_size, dilation=module.dilation, padding=module.padding, stride=module.stride
    )
    return columns.sum(dim=(0, 2)).numpy()


@few
@given(convolutions())
def test_active_rows_equal_a_dense_unfold(case):
    module, size, steps, samples, seed = case
    rng = np.random.default_rng(seed)
    spikes = rng.random((steps, samples, module.in_channels, *size)) < rng.random()
    layer = LayerTrace(
        "conv", "conv2d", ("input",), geometry_of(module, size), tuple(range(steps)),
        (Operand((module.in_channels, *size), steps=steps, words=pack(spikes)),),
    )  # fmt: skip
    x = torch.tensor(spikes.reshape(-1, *spikes.shape[2:]), dtype=torch.float64)
    expected = dense_rows(module, x) / samples
    np.testing.assert_allclose(active_rows(layer), expected, rtol=1e-12)
    ones = torch.ones(module.weight.shape, dtype=torch.float64)
    dense = (
        F.conv2d(x, ones, None, module.stride, module.padding, module.dilation, module.groups).sum() / samples
    )
    np.testing.assert_allclose(synops(layer), float(dense), rtol=1e-12)
    assert reads(layer) == layer.geometry.positions * steps
    np.testing.assert_allclose(spike_rate(layer), spikes.reshape(steps, -1).mean(axis=1))
    assert synops(layer) <= macs(layer)


@few
@given(convolutions())
def test_with_all_inputs_on_only_padding_is_saved(case):
    module, size, steps, samples, _ = case
    geometry = geometry_of(module, size)
    shape = geometry.in_shape
    ones = np.ones((steps, samples, *shape), dtype=bool)
    recorded, rated = (
        LayerTrace("conv", "conv2d", ("input",), geometry, tuple(range(steps)), (operand,))
        for operand in (Operand(shape, steps=steps, words=pack(ones)), Operand(shape, steps=steps, rate=1.0))
    )
    np.testing.assert_allclose(active_rows(recorded), active_rows(rated))
    if module.padding == (0, 0):
        assert synops(recorded) == macs(recorded)
    else:
        assert synops(recorded) <= macs(recorded)


@few
@given(convolutions(), st.integers(1, 8))
def test_real_operands_equal_a_dense_unfold_of_their_bits(case, bits):
    module, size, steps, samples, seed = case
    rng = np.random.default_rng(seed)
    shape = (module.in_channels, *size)
    codes = rng.integers(0, 256, (samples, steps, *shape)).astype(np.uint8)
    layer = LayerTrace(
        "conv", "conv2d", ("input",), geometry_of(module, size), tuple(range(steps)),
        (Operand(shape, "real", 8, steps, codes, per_step=True),),
    )  # fmt: skip
    coarse = np.rint(codes.astype(np.float64) * (2**bits - 1) / 255).astype(np.uint16)
    counts = np.bitwise_count(coarse).astype(np.float64).reshape(-1, *shape)
    np.testing.assert_allclose(
        active_rows(layer, bits), dense_rows(module, torch.tensor(counts)) / samples, rtol=1e-12
    )
    assert reads(layer, bits) == layer.geometry.positions * steps * bits


@few
@given(st.integers(1, 6), st.integers(1, 3), st.integers(1, 4), st.integers(1, 9), st.integers(0, 2**31))
def test_linear_layers_count_their_inputs(features, tokens, outputs, steps, seed):
    spikes = np.random.default_rng(seed).random((steps, 2, tokens, features)) < 0.4
    layer = LayerTrace(
        "fc", "linear", ("input",), Geometry((tokens, features), (tokens, outputs)), tuple(range(steps)),
        (Operand((tokens, features), steps=steps, words=pack(spikes)),),
    )  # fmt: skip
    np.testing.assert_allclose(active_rows(layer), spikes.sum(axis=(0, 1, 2)) / 2)
    assert np.isclose(synops(layer), spikes.sum() * outputs / 2)


class Spiking(nn.Module):
    """A random convolution behind a fixed spike train, folded or step by step."""

    def __init__(self, conv: nn.Conv2d, spikes: torch.Tensor, folded: bool) -> None:
        super().__init__()
        self.conv, self.folded = conv, folded
        self.register_buffer("thresholds", spikes)
        self.steps = len(spikes)

    def forward(self, x):
        spikes = (x > self.thresholds).float()
        if self.folded:
            return self.conv(spikes.flatten(0, 1)).flatten(1).unflatten(0, (self.steps, len(x)))
        return torch.stack([self.conv(s).flatten(1) for s in spikes])


@fewer
@given(convolutions(), st.booleans())
def test_traces_hold_every_spike_and_the_means_to_compute_the_output(case, folded):
    module, size, steps, samples, seed = case
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(samples, module.in_channels, *size, generator=generator)
    net = Spiking(module, torch.rand(steps, 1, module.in_channels, *size, generator=generator), folded)
    layer = trace(net, x).layer("conv")
    spikes = unpack(layer.operands[0].words, steps)
    np.testing.assert_array_equal(spikes, (x > net.thresholds).numpy())
    g = layer.geometry
    with torch.no_grad():
        expected = net(x)
        again = F.conv2d(
            torch.tensor(spikes).float().flatten(0, 1), torch.tensor(layer.weight), torch.tensor(layer.bias),
            g.stride, g.padding, g.dilation, g.groups,
        )  # fmt: skip
    assert tuple(again.shape[1:]) == g.out_shape
    torch.testing.assert_close(again.flatten(1).unflatten(0, (steps, samples)), expected)


@fewer
@given(st.integers(1, 5), st.integers(0, 2**31))
def test_the_batch_order_only_permutes_the_record(samples, seed):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    x = torch.rand(samples, 4)
    order = torch.randperm(samples)
    one, other = trace(net, x).layer("0").operands[0], trace(net, x[order]).layer("0").operands[0]
    np.testing.assert_array_equal(one.words[order.numpy()], other.words)
