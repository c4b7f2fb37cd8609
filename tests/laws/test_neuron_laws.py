"""Laws that hold for every neuron, input and layout."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from axbar.nn import IF, LIF, LIFParams, SynapticLIF, lif_loop
from axbar.nn import _fused as fused_module
from axbar.nn._fused import fused_lif

RESETS = st.sampled_from(["subtract", "subtract_unleaked", "zero"])
BETAS = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0.0, 1.0))
SEEDS = st.integers(0, 2**32 - 1)
#: no deadline: how long an example takes says more about the machine than about the law
law = settings(deadline=None, max_examples=50)
SURROGATES = st.sampled_from(["atan", "triangle", "rect"])


@st.composite
def neurons(draw: st.DrawFn) -> LIF:
    kinds = {
        "beta": draw(BETAS), "threshold": draw(st.floats(0.1, 3.0)), "reset": draw(RESETS),
        "input_scale": draw(st.sampled_from([1.0, 0.5, 1.7])), "detach_reset": draw(st.booleans()),
        "strict": draw(st.sampled_from([None, True, False])), "surrogate": draw(SURROGATES),
    }  # fmt: skip
    return SynapticLIF(alpha=draw(BETAS), **kinds) if draw(st.booleans()) else LIF(**kinds)


@st.composite
def inputs(draw: st.DrawFn, steps: int | None = None) -> Tensor:
    shape = [steps or draw(st.integers(1, 7)), *draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))]
    generator = torch.Generator().manual_seed(draw(SEEDS))
    return torch.randn(shape, generator=generator) * draw(st.sampled_from([0.5, 2.0]))


def _grad(neuron: LIF, x: Tensor) -> tuple[Tensor, Tensor]:
    x = x.clone().requires_grad_()
    spikes = neuron(x)
    spikes.square().sum().backward()  # square: the gradient of a spike depends on the spike
    assert x.grad is not None
    return spikes.detach(), x.grad


@law
@given(neurons(), inputs())
def test_fused_has_the_bits_of_the_loop(neuron: LIF, x: Tensor) -> None:
    neuron.fused = True
    fast, fast_grad = _grad(neuron, x)
    neuron.fused = False
    slow, slow_grad = _grad(neuron, x)
    assert torch.equal(fast, slow)
    assert torch.equal(fast_grad, slow_grad)
    with torch.no_grad():
        neuron.fused = True
        assert torch.equal(neuron(x), slow)  # the path that keeps no potentials


@law
@given(neurons(), inputs())
def test_streaming_equals_the_sequence(neuron: LIF, x: Tensor) -> None:
    state = None
    spikes = []
    for x_t in x:
        s, state = neuron.step(x_t, state)  # pyright: ignore[reportArgumentType]
        spikes.append(s)
    assert torch.equal(torch.stack(spikes), neuron(x))


@law
@given(neurons(), inputs())
def test_spikes_are_zero_or_one(neuron: LIF, x: Tensor) -> None:
    spikes = neuron(x)
    assert spikes.shape == x.shape
    assert ((spikes == 0) | (spikes == 1)).all()


@law
@given(neurons(), inputs(), SEEDS)
def test_neurons_do_not_see_each_other(neuron: LIF, x: Tensor, seed: int) -> None:
    order = torch.randperm(x.shape[1], generator=torch.Generator().manual_seed(seed))
    whole, grad = _grad(neuron, x)
    permuted, permuted_grad = _grad(neuron, x[:, order])
    assert torch.equal(permuted, whole[:, order])
    assert torch.equal(permuted_grad, grad[:, order])
    for b in range(x.shape[1]):
        assert torch.equal(neuron(x[:, b : b + 1]), whole[:, b : b + 1])


@law
@given(neurons(), inputs(), st.integers(1, 9))
def test_chunks_leave_no_seam(neuron: LIF, x: Tensor, chunk: int) -> None:
    neuron.fused = True
    whole, grad = _grad(neuron, x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused_module, "_CHUNK", chunk)
        cut, cut_grad = _grad(neuron, x)
    assert torch.equal(cut, whole)
    assert torch.equal(cut_grad, grad)


@law
@given(neurons(), inputs(), st.randoms(use_true_random=False))
def test_memory_layout_does_not_matter(neuron: LIF, x: Tensor, chance: object) -> None:
    order = list(range(x.ndim))
    chance.shuffle(order)  # type: ignore[attr-defined]
    inverse = [order.index(d) for d in range(x.ndim)]
    laid_out = x.permute(order).contiguous().permute(inverse)
    whole, grad = _grad(neuron, x)
    other, other_grad = _grad(neuron, laid_out)
    assert torch.equal(other, whole)
    assert torch.equal(other_grad, grad)


@law
@given(neurons(), inputs(steps=1))
def test_one_step_is_a_threshold(neuron: LIF, x: Tensor) -> None:
    u = x * neuron.input_scale
    fires = u > neuron.threshold if neuron.strict else u >= neuron.threshold
    assert torch.equal(neuron(x), fires.float())


@law
@given(inputs(), st.floats(0.1, 3.0), st.sampled_from(["subtract", "zero"]))
def test_without_memory_each_step_stands_alone(x: Tensor, theta: float, reset: str) -> None:
    neuron = LIF(beta=0.0, threshold=theta, reset=reset)  # type: ignore[arg-type]
    assert torch.equal(neuron(x), (x >= theta).float())


@law
@given(inputs(), BETAS, RESETS, st.integers(-3, 3))
def test_scaling_input_and_threshold_together_changes_nothing(
    x: Tensor, beta: float, reset: str, power: int
) -> None:
    p = LIFParams(beta, 1.0, reset)  # type: ignore[arg-type]
    scaled = LIFParams(beta, 2.0**power, reset)  # type: ignore[arg-type]
    assert torch.equal(fused_lif(x * 2.0**power, scaled), fused_lif(x, p))


@law
@given(st.lists(st.lists(st.integers(-64, 64), min_size=3, max_size=3), min_size=1, max_size=12))
def test_subtraction_without_leak_conserves_charge(sixteenths: list[list[int]]) -> None:
    x = torch.tensor(sixteenths, dtype=torch.float64) / 16
    spikes, state = lif_loop(x, IF(threshold=0.75).params)
    assert torch.equal(x.sum(0), state.v + 0.75 * spikes.sum(0))


@law
@given(inputs(), BETAS, RESETS)
def test_a_synapse_without_memory_is_no_synapse(x: Tensor, beta: float, reset: str) -> None:
    plain = LIF(beta=beta, reset=reset)  # type: ignore[arg-type]
    synaptic = SynapticLIF(alpha=0.0, beta=beta, reset=reset)  # type: ignore[arg-type]
    assert torch.equal(plain(x), synaptic(x))
