"""Counts of recorded gradient masks, against dense convolutions of ones."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from axbar.errors import DataError
from axbar.workload import (
    Geometry,
    GradTrace,
    LayerTrace,
    Operand,
    backward_synops,
    df_counts,
    df_rate,
    du_counts,
    du_rate,
    macs,
    pack,
    unpack,
    update_synops,
)


def masks(seed, *shape, rate=0.4):
    return np.random.default_rng(seed).random(shape) < rate


def conv(kernel=(3, 3), stride=(1, 1), padding=(1, 1), dilation=(1, 1), groups=1, steps=3, samples=2):
    """Return a convolution of random spikes, masks of random gradients, and what both are made of."""
    x, size = masks(1, steps, samples, 4, 7, 6), (7, 6)
    out = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )
    du = masks(2, steps, samples, 8, *out)
    shape = Geometry((4, *size), (8, *out), kernel, stride, padding, dilation, groups)
    operand = Operand((4, *size), "spikes", 1, steps, pack(x))
    layer = LayerTrace("conv", "conv2d", ("input",), shape, tuple(range(steps)), (operand,))
    return layer, GradTrace(pack(du), steps=steps), x, du


PLACES = [
    {}, {"stride": (2, 1)}, {"padding": (0, 0)}, {"kernel": (3, 2), "padding": (2, 0), "dilation": (2, 1)},
    {"groups": 2}, {"groups": 4, "stride": (2, 2)}, {"kernel": (1, 1), "padding": (0, 0)},
]  # fmt: skip


def ones_conv(layer, x):
    """Return for each output the products that the inputs ``x [n, C, H, W]`` (0 or 1) cause."""
    shape = layer.geometry
    weight = torch.ones(shape.out_shape[0], shape.in_shape[0] // shape.groups, *shape.kernel)
    found = F.conv2d(torch.as_tensor(x).float(), weight, None, shape.stride, shape.padding, shape.dilation,
                     shape.groups)  # fmt: skip
    return found.numpy()


@pytest.mark.parametrize("place", PLACES)
def test_backward_of_convolutions(place):
    layer, grad, x, du = conv(**place)
    taps = ones_conv(layer, np.ones((1, *x.shape[2:])))
    np.testing.assert_allclose(backward_synops(layer, grad), (du * taps).sum(axis=(2, 3, 4)).mean(axis=1))


@pytest.mark.parametrize("place", PLACES)
def test_update_of_convolutions(place):
    layer, grad, x, du = conv(**place)
    pairs = ones_conv(layer, x.reshape(-1, *x.shape[2:])).reshape(du.shape) * du
    np.testing.assert_allclose(update_synops(layer, grad), pairs.sum(axis=(2, 3, 4)).mean(axis=1))


@pytest.mark.parametrize("tokens", [(), (5,)])
def test_linear_layers(tokens):
    x, du = masks(3, 4, 2, *tokens, 6), masks(4, 4, 2, *tokens, 3)
    operand = Operand((*tokens, 6), "spikes", 1, 4, pack(x))
    layer = LayerTrace(
        "fc", "linear", ("input",), Geometry((*tokens, 6), (*tokens, 3)), tuple(range(4)), (operand,)
    )
    grad = GradTrace(pack(du), steps=4)
    np.testing.assert_allclose(backward_synops(layer, grad), 6 * du.reshape(4, 2, -1).sum(-1).mean(1))
    expected = np.einsum("tbni,tbno->t", x.reshape(4, 2, -1, 6) * 1.0, du.reshape(4, 2, -1, 3) * 1.0) / 2
    np.testing.assert_allclose(update_synops(layer, grad), expected)


def test_real_inputs_count_once_whatever_their_value():
    layer, grad, _, du = conv(padding=(0, 0))
    codes = np.where(masks(5, 2, 4, 7, 6), 200, 0).astype(np.uint8)
    constant = Operand((4, 7, 6), "real", 8, 3, codes)
    changing = Operand((4, 7, 6), "real", 8, 3, np.stack([codes] * 3, axis=1), per_step=True)
    pairs = ones_conv(layer, codes != 0) * du
    for operand in (constant, changing):
        counts = update_synops(dataclasses.replace(layer, operands=(operand,)), grad)
        np.testing.assert_allclose(counts, pairs.sum(axis=(2, 3, 4)).mean(axis=1))


def test_dense_masks_and_inputs_are_the_dense_macs():
    layer, _, x, du = conv(padding=(0, 0))
    operand = dataclasses.replace(layer.operands[0], words=pack(np.ones_like(x)))
    dense = dataclasses.replace(layer, operands=(operand,))
    grad = GradTrace(pack(np.ones_like(du)), steps=3)
    assert backward_synops(dense, grad).sum() == update_synops(dense, grad).sum() == macs(dense)


@given(st.integers(1, 64), st.integers(1, 3), st.floats(0, 1), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_counts_are_those_of_the_unpacked_bits(steps, samples, rate, seed):
    du, df = masks(seed, steps, samples, 2, 3, rate=rate), masks(seed + 1, steps, samples, 5, rate=rate)
    grad = GradTrace(pack(du), pack(df), steps=steps, df_steps=steps, neuron="n")
    np.testing.assert_array_equal(du_counts(grad), du.sum(axis=(2, 3)).T)
    np.testing.assert_array_equal(df_counts(grad), df.sum(axis=2).T)
    np.testing.assert_allclose(du_rate(grad), du.mean(axis=(1, 2, 3)))
    np.testing.assert_allclose(df_rate(grad), df.mean(axis=(1, 2)))


@given(st.integers(0, 7))
@settings(max_examples=8, deadline=None)
def test_fewer_gradients_never_cost_more(kept):
    layer, grad, _, _ = conv()
    fewer = GradTrace(grad.du & grad.du.dtype.type(kept), steps=3)
    for count in (backward_synops, update_synops):
        full, part = count(layer, grad), count(layer, fewer)
        assert (part <= full).all() and (part[~unpack(np.array([kept], np.uint8), 3)[:, 0]] == 0).all()


def test_what_does_not_fit():
    layer, grad, _, _ = conv()
    wrong = GradTrace(grad.du[:, :4], steps=3)
    for count in (backward_synops, update_synops):
        with pytest.raises(DataError, match=r"do not fit the layer 'conv'"):
            count(layer, wrong)
    unknown = dataclasses.replace(layer, operands=(Operand((4, 7, 6), rate=0.1, steps=3),))
    with pytest.raises(DataError, match="was not recorded"):
        update_synops(unknown, grad)
