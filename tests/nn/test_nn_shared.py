"""Neurons that take turns on one membrane: traces by hand, the loop over steps and groups, streaming."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from axbar.errors import ModelError
from axbar.nn import LIF, lif_step, zero_state
from axbar.nn.shared import SharedLIF

RESETS = ["subtract", "subtract_unleaked", "zero"]
law = settings(deadline=None, max_examples=50)

# Two groups of one channel, β = 1/2, θ = 1: turns (t, g) = (0, 0), (0, 1), (1, 0), (1, 1), (2, 0).
X = [[1.5, 0.5], [0.9375, 0.5], [0.75, 0.0]]
HAND = {
    # h = 1.5, .75, 1.3125, .65625, 1.078125, .0390625
    "subtract": [[1, 0], [1, 0], [1, 0]],
    # h = 1.5, .25 (1.5/2 + .5 - 1), 1.0625, .03125 (1.0625/2 + .5 - 1), .765625, .3828125
    "subtract_unleaked": [[1, 0], [1, 0], [0, 0]],
    # h = 1.5, .5, 1.1875, .5, 1.0, 0
    "zero": [[1, 0], [1, 0], [1, 0]],
}


@pytest.mark.parametrize("reset", RESETS)
def test_hand_computed_spikes(reset: Any) -> None:
    spikes = SharedLIF(2, beta=0.5, threshold=1.0, reset=reset)(torch.tensor(X).unsqueeze(1))
    assert spikes.squeeze(1).tolist() == HAND[reset]


def test_the_second_group_fires_on_what_the_first_left_and_the_first_on_the_step_before() -> None:
    # β = 1: turns charge .75, 1.25 (fires, .25 left), .75, .75 + .5 (fires): a charge is never lost
    spikes = SharedLIF(2, beta=1.0)(torch.tensor([[[0.75, 0.5]], [[0.5, 0.5]]]))
    assert spikes.squeeze(1).tolist() == [[0, 1], [0, 1]]
    alone = LIF(beta=1.0)(torch.tensor([[[0.75, 0.5]], [[0.5, 0.5]]]))
    assert alone.squeeze(1).tolist() == [[0, 0], [1, 1]]


def _numpy(x: np.ndarray, groups: int, beta: float, threshold: float, scale: float) -> np.ndarray:
    """Soft reset, turn by turn, in float32: an independent loop."""
    f = np.float32
    steps, _, channels = x.shape[:3]
    each = channels // groups
    spikes, v = np.zeros_like(x), np.zeros_like(x[0, :, :each])
    for t in range(steps):
        for g in range(groups):
            at = slice(g * each, (g + 1) * each)
            h = v * f(beta) + (x[t, :, at] if scale == 1.0 else x[t, :, at] * f(scale))
            spikes[t, :, at] = h >= f(threshold)
            v = h - spikes[t, :, at] * f(threshold)
    return spikes


@pytest.mark.parametrize("shape", [(6, 3, 8), (5, 2, 12, 4, 3), (4, 2, 4, 9)])
def test_equals_a_plain_numpy_loop(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(0.3, 1.0, shape).astype(np.float32)
    for scale in (1.0, 0.75):
        spikes = SharedLIF(4, beta=0.3, threshold=1.1, input_scale=scale)(torch.from_numpy(x))
        np.testing.assert_array_equal(spikes.numpy(), _numpy(x, 4, 0.3, 1.1, scale))
        assert 0.05 < spikes.mean() < 0.6


def _loop(neuron: SharedLIF, x: Tensor) -> Tensor:
    """The equation of the module, turn by turn under autograd."""
    each = x.shape[2] // neuron.share
    state, steps = zero_state(x[0, :, :each]), []
    for x_t in x:
        groups = []
        for g in range(neuron.share):
            spikes, state = lif_step(x_t[:, g * each : (g + 1) * each], state, neuron.params)
            groups.append(spikes)
        steps.append(torch.cat(groups, 1))
    return torch.stack(steps)


@st.composite
def cases(draw: st.DrawFn) -> tuple[SharedLIF, Tensor]:
    groups, each = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    tail = draw(st.sampled_from([(), (1,), (3, 2), (2, 2)]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    x = torch.randn(
        (draw(st.integers(1, 5)), draw(st.integers(1, 3)), groups * each, *tail), generator=generator
    )
    if len(tail) == 2 and draw(st.booleans()):
        x = x.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, x.shape[:2])
    neuron = SharedLIF(
        groups, beta=draw(st.floats(0.0, 1.0)), threshold=draw(st.floats(0.1, 2.0)),
        reset=draw(st.sampled_from(RESETS)), input_scale=draw(st.sampled_from([1.0, 0.75])),
        strict=draw(st.sampled_from([None, True, False])), detach_reset=draw(st.booleans()),
        surrogate=draw(st.sampled_from(["atan", "triangle", "rect"])), fused=draw(st.booleans()),
    )  # fmt: skip
    return neuron, 2.0 * x


def _grad(run: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    spikes = run(x)
    weight = torch.linspace(-1.0, 1.0, x.numel()).view(x.shape)
    (spikes.square() * weight).sum().backward()  # square: the gradient depends on the spike
    assert x.grad is not None
    return spikes.detach(), x.grad


@law
@given(cases())
def test_spikes_and_gradients_have_the_bits_of_the_loop(case: tuple[SharedLIF, Tensor]) -> None:
    neuron, x = case
    spikes, grad = _grad(neuron, x)
    expected, expected_grad = _grad(lambda x: _loop(neuron, x), x)
    assert torch.equal(spikes, expected)
    assert torch.equal(grad, expected_grad)
    with torch.no_grad():
        assert torch.equal(neuron(x), expected)


@law
@given(cases())
def test_streaming_equals_the_sequence(case: tuple[SharedLIF, Tensor]) -> None:
    neuron, x = case
    state, spikes = None, []
    for x_t in x:
        s, state = neuron.step(x_t, state)
        assert state.v.shape[1] * neuron.share == x_t.shape[1]
        spikes.append(s)
    assert torch.equal(torch.stack(spikes), neuron(x))


@law
@given(cases())
def test_one_group_is_lif(case: tuple[SharedLIF, Tensor]) -> None:
    neuron, x = case
    neuron.share = 1
    alone = LIF(
        neuron.beta, neuron.threshold, neuron.reset, neuron.input_scale, neuron.strict, neuron.surrogate,
        neuron.detach_reset, neuron.fused,
    )  # fmt: skip
    for ours, theirs in zip(_grad(neuron, x), _grad(alone, x), strict=True):
        assert torch.equal(ours, theirs)


def test_gradients_pass_from_group_to_group_and_step_to_step() -> None:
    x = torch.full((2, 1, 2, 1), 0.4, requires_grad=True)
    SharedLIF(2, beta=0.5)(x)[1, 0, 1].sum().backward()  # the last turn
    assert x.grad is not None
    assert (x.grad > 0).all()
    ratio = x.grad.flatten()[1:] / x.grad.flatten()[:-1]
    torch.testing.assert_close(ratio, torch.full((3,), 2.0))  # each turn leaks by half


def test_channels_that_lie_last_stay_last() -> None:
    x = torch.randn(8, 8, 5, 5).contiguous(memory_format=torch.channels_last).unflatten(0, (4, 2))
    spikes = SharedLIF(2)(x).flatten(0, 1)
    assert spikes.is_contiguous(memory_format=torch.channels_last)
    assert SharedLIF(2)(x.contiguous()).is_contiguous()


def test_constants_come_from_the_neuron_that_is_replaced() -> None:
    neuron = LIF(0.25, 0.8, "zero", 0.75, True, "rect", False, False, mask_single_spikes=True).eval()
    shared = SharedLIF.of(neuron, 3)
    assert shared.params == neuron.params
    assert (shared.share, shared.fused, shared.mask_single_spikes, shared.training) == (3, False, True, False)
    assert "groups=3" in repr(shared)
    assert torch.equal(copy.deepcopy(shared)(torch.ones(2, 1, 3)), shared(torch.ones(2, 1, 3)))


def test_single_spikes_are_masked_neuron_by_neuron() -> None:
    # β = 0: turns do not see one another. Channel 0 fires once and is silenced, channel 1 fires twice and is not.
    x = torch.tensor([[[1.5, 1.5]], [[0.0, 1.5]]])
    masked = SharedLIF(2, beta=0.0, mask_single_spikes=True)
    assert masked(x).squeeze(1).tolist() == [[0, 1], [0, 1]]
    with pytest.raises(ModelError, match="can't run step by step"):
        masked.step(x[0])


def test_what_cannot_share_is_refused() -> None:
    for groups in (0, -1, 1.5, True):
        with pytest.raises(ModelError, match="give a whole number from 1"):
            SharedLIF(groups)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"3 groups of channels do not fit an input of shape \(2, 1, 4\)"):
        SharedLIF(3)(torch.zeros(2, 1, 4))
    with pytest.raises(ModelError, match=r"take \[B, C, ...\] with C a multiple"):
        SharedLIF(3).step(torch.zeros(1, 4))
    with pytest.raises(ModelError, match="do not fit an input of shape"):
        SharedLIF(2)(torch.zeros(2, 4))
    with pytest.raises(ModelError, match="time axis first"):
        SharedLIF(2)(torch.zeros(2, 1, 4, dtype=torch.int64))
    with pytest.raises(ModelError, match="differ from neuron to neuron"):
        SharedLIF.of(LIF(beta=torch.tensor([0.5, 0.25])), 2)
    changed = SharedLIF(2)
    changed.threshold = torch.tensor([1.0, 2.0])
    with pytest.raises(ModelError, match="differ from neuron to neuron"):
        changed(torch.zeros(2, 1, 2))


def test_half_precision_is_computed_in_float32() -> None:
    x = torch.rand(4, 2, 4, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    spikes = SharedLIF(2)(x)
    assert spikes.dtype == torch.float32
    assert torch.equal(spikes, SharedLIF(2)(x.float()))
