"""Integer weights and membranes: what floats compute equals integers at every step, for all bits and resets."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from axbar.errors import DataError, ModelError
from axbar.nn import IF, LIF, SynapticLIF, build_model
from axbar.nn._grid import Grid, LearnedConv2d, freeze_layer, learned
from axbar.nn._integer import integer_copy
from axbar.nn.quantised import QuantisedConv2d, QuantisedLIF, QuantisedLinear, leak_of
from axbar.nn.shared import SharedLIF
from axbar.techniques._grids import input_step_of
from axbar.techniques.mint import Mint

#: no deadline: how long an example takes says more about the machine than about the law
law = settings(deadline=None, max_examples=50)
SEEDS = st.integers(0, 2**32 - 1)
RESET_NAMES: list[Any] = ["subtract", "zero"]
BITS, RESETS = st.integers(2, 8), st.sampled_from(RESET_NAMES)


@st.composite
def neurons(draw: st.DrawFn) -> QuantisedLIF:
    like = LIF(
        beta=draw(st.sampled_from([1.0, 0.5, 0.25])),
        threshold=draw(st.floats(0.05, 3.0)),
        reset=draw(RESETS),
        strict=draw(st.booleans()),
        input_scale=draw(st.sampled_from([1.0, 0.5])),
        detach_reset=draw(st.booleans()),
        surrogate=draw(st.sampled_from(["atan", "triangle", "rect"])),
    )
    neuron = QuantisedLIF(like, draw(BITS), shift=draw(st.sampled_from([0, 0, 3, 8])))
    neuron.membrane_scale.fill_(draw(st.floats(0.01, 1.0)))
    return neuron


def _sums(neuron: QuantisedLIF, seed: int, steps: int = 6) -> Tensor:
    """Whole sums of products, as they arrive in front of the shift."""
    spread = 2.0**neuron.shift * neuron.grid.threshold
    draws = torch.randn(steps, 40, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.round(draws * spread).to(torch.int64)


def _by_hand(neuron: QuantisedLIF, sums: list[list[int]]) -> list[list[int]]:
    """The published recurrence in Python's integers, neuron by neuron."""
    u, q = float(neuron.membrane_scale), 2 ** (neuron.membrane_bits - 1) - 1
    theta = float(neuron.threshold) / u
    threshold = max(1, math.floor(theta) + 1 if neuron.strict else math.ceil(theta))
    stored, spikes = [0] * len(sums[0]), []
    for row in sums:
        fired = []
        for i, total in enumerate(row):
            half = 1 << (neuron.shift - 1) if neuron.shift else 0
            h = (stored[i] >> leak_of(neuron.beta)) + ((total + half) >> neuron.shift)
            s = int(h >= threshold)
            left = h * (1 - s) if neuron.reset == "zero" else h - s * threshold
            stored[i] = min(max(left, -q), q)
            fired.append(s)
        spikes.append(fired)
    return spikes


@law
@given(neurons(), SEEDS, st.booleans())
def test_neurons_on_floats_are_the_integer_recurrence(neuron: QuantisedLIF, seed: int, fused: bool) -> None:
    sums = _sums(neuron, seed)
    x = (sums * (float(neuron.membrane_scale) / 2**neuron.shift)).float()
    neuron.fused = fused
    expected = torch.tensor(_by_hand(neuron, sums.tolist()), dtype=torch.float32)
    assert torch.equal(neuron(x), expected)
    state = None
    for t, row in enumerate(x):
        spikes, state = neuron.step(row, state)
        assert torch.equal(spikes, expected[t])
        largest = neuron.largest * float(neuron.membrane_scale)
        assert float(state.v.abs().max()) <= largest * (1 + 1e-6)


@law
@given(neurons(), SEEDS)
def test_the_gradient_is_that_of_the_loop(neuron: QuantisedLIF, seed: int) -> None:
    sums = _sums(neuron, seed)
    x = sums.double() * (float(neuron.membrane_scale) / 2**neuron.shift)
    found = []
    for fused in (True, False):
        neuron.fused = fused
        given, scale = x.clone().requires_grad_(), neuron.membrane_scale.detach().clone().requires_grad_()
        neuron.membrane_scale = scale
        neuron(given).square().sum().backward()
        found.append((given.grad, scale.grad if scale.grad is not None else torch.zeros(())))
    torch.testing.assert_close(found[0][0], found[1][0])
    torch.testing.assert_close(found[0][1].double(), found[1][1].double())


def test_a_range_that_clips_everything_learns_from_its_membranes() -> None:
    neuron = QuantisedLIF(LIF(threshold=1.0), 3)
    neuron.membrane_scale = torch.tensor(0.05, dtype=torch.float64, requires_grad=True)
    x = torch.full((3, 1), 0.7, dtype=torch.float64)
    neuron(x).sum().backward()
    # H = 14, 15, 15 of 20: no spike, and each stored potential clipped at 3: a larger step would keep more of it
    assert neuron.membrane_scale.grad is not None
    assert float(neuron.membrane_scale.grad) > 0


def _facts(model: nn.Module, bits: int, image_step: float) -> dict[str, Any]:
    layers = {p: 1.0 for p, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    first = next(iter(layers))
    layers[first] = image_step
    shift = input_step_of(torch.tensor([image_step, 1.0]))[1]
    found = [p for p, m in model.named_modules() if isinstance(m, LIF)]
    return {
        "bits": bits, "norms": [], "biases": [], "layers": layers,
        "neurons": {path: [shift if at == 0 else 0, False] for at, path in enumerate(found)},
    }  # fmt: skip


def _random_network(bits: int, reset: Any, seed: int, image_step: float) -> nn.Module:
    """A network of random codes, ranges and biases."""
    model = build_model(
        "spiking-cnn", width=3, steps=5, input_shape=(1, 8, 8), classes=4, norm="none", reset=reset
    ).eval()
    facts = _facts(model, bits, image_step)
    model = Mint().restructure(model, facts)
    generator, q = torch.Generator().manual_seed(seed), 2 ** (bits - 1) - 1
    before: Any = None
    with torch.no_grad():
        for path, module in model.named_modules():
            if isinstance(module, QuantisedConv2d | QuantisedLinear) and module.bias is not None:
                scale = float(torch.rand((), generator=generator)) * 2 / q + 0.01
                codes = torch.randint(-q, q + 1, module.weight.shape, generator=generator)
                step = scale * facts["layers"][path]
                biases = torch.randint(-q, q + 1, module.bias.shape, generator=generator)
                module.weight.copy_(codes * scale)
                module.bias.copy_(biases * step)
                module.weight_scale.fill_(scale)
                before = step
            elif isinstance(module, QuantisedLIF):
                module.membrane_scale.fill_(before * 2.0**module.shift)
    return model


@settings(deadline=None, max_examples=30)
@given(BITS, RESETS, SEEDS, st.sampled_from([1.0, 1 / 255, 1 / 16]))
def test_a_network_on_floats_fires_as_its_integer_copy_at_every_step(
    bits: int, reset: Any, seed: int, image_step: float
) -> None:
    model = _random_network(bits, reset, seed, image_step)
    levels = round(1 / image_step)
    codes = torch.randint(0, levels + 1, (3, 1, 8, 8), generator=torch.Generator().manual_seed(seed % 2**31))
    spikes: list[list[Tensor]] = []
    logits = []
    for network, images in ((model, codes.float() / levels), (integer_copy(model), codes)):
        seen: list[Tensor] = []
        for name in ("neuron1", "neuron2", "neuron3"):
            network.get_submodule(name).register_forward_hook(lambda _m, _i, out, seen=seen: seen.append(out))
        with torch.no_grad():
            logits.append(network(images))
        spikes.append(seen)
    for floats, integers in zip(*spikes, strict=True):
        assert not integers.is_floating_point()
        assert torch.equal(floats, integers.float())
    assert not logits[1].is_floating_point()
    scale = float(model.get_submodule("fc2").weight_scale)  # type: ignore[arg-type]
    torch.testing.assert_close(logits[0], (logits[1] * scale).float())


@law
@given(BITS, SEEDS, st.floats(0.05, 2.0))
@example(3, 2709965, 1.2281190361305316)  # a last bit once differed
def test_what_is_trained_and_what_is_kept_are_the_same_weights(bits: int, seed: int, alpha: float) -> None:
    torch.manual_seed(seed)
    layer = nn.Conv2d(2, 3, 3)
    with torch.no_grad():
        layer.weight[0] = 0.0
    float_weight = layer.weight.detach().clone()
    grid = Grid([layer.weight], bits, alpha)
    learned(layer, grid)
    assert isinstance(layer, LearnedConv2d)
    x = torch.rand(2, 2, 5, 5).round()
    made = layer(x).detach()
    step = float(grid.weight_scale().detach())
    assert step == pytest.approx(alpha / grid.largest, rel=1e-5)
    freeze_layer(layer)
    assert torch.equal(layer(x), made)
    codes = layer.weight.detach() / step
    torch.testing.assert_close(codes, codes.round(), atol=1e-4, rtol=0)
    assert float(codes.abs().max()) <= grid.largest + 1e-4
    assert bool((layer.weight[0] == 0).all())
    inside = float_weight.abs() <= alpha
    assert float(((layer.weight.detach() - float_weight).abs() * inside).max()) <= step / 2 * (1 + 1e-4)


def test_the_gradient_of_the_range_is_that_of_a_learned_step() -> None:
    weight = torch.tensor([[0.3, -0.9, 0.05, 0.0]], dtype=torch.float64)
    grid = Grid([weight], 3, 0.5).double()
    v = grid.start(weight).requires_grad_()
    made = grid.weight(v)
    pull = torch.tensor([[1.0, 2.0, -3.0, 4.0]], dtype=torch.float64)
    (made * pull).sum().backward()
    t, alpha, q, g = torch.tanh(v.detach()), float(grid.alpha().detach()), 3, grid.gain
    codes = torch.round(t.clamp(-alpha, alpha) / alpha * q)
    inside = t.abs() < alpha
    by_alpha = torch.where(inside, (codes - q * t / alpha) / (q * g), torch.sign(t) / g)
    slower = 1 / math.sqrt(4 * q)
    assert grid.log_alpha.grad is not None and v.grad is not None
    assert float(grid.log_alpha.grad) == pytest.approx(float((by_alpha * pull).sum()) * alpha * slower)
    torch.testing.assert_close(v.grad, torch.where(inside, (1 - t**2) / g, 0.0) * pull)


@law
@given(BITS, RESETS, SEEDS)
def test_shared_membranes_take_turns_on_the_grid_too(bits: int, reset: Any, seed: int) -> None:
    neuron = QuantisedLIF(SharedLIF(groups=2, reset=reset), bits)
    neuron.membrane_scale.fill_(0.1)
    codes = torch.randint(-8, 20, (4, 2, 6, 3), generator=torch.Generator().manual_seed(seed % 2**31))
    plain = QuantisedLIF(LIF(reset=reset), bits)
    plain.membrane_scale.fill_(0.1)
    turns = codes.unflatten(2, (2, 3)).movedim(2, 1).flatten(0, 1)
    expected = plain(turns * 0.1).unflatten(0, (4, 2)).movedim(1, 2).flatten(2, 3)
    assert torch.equal(neuron(codes * 0.1), expected)
    state = None
    for t in range(4):
        spikes, state = neuron.step(codes[t] * 0.1, state)
        assert torch.equal(spikes, expected[t])


def test_a_sum_of_added_spikes_is_rounded_to_steps_as_a_whole() -> None:
    neuron = QuantisedLIF(LIF(threshold=10.0), 8, adds_spikes=True)
    neuron.membrane_scale.fill_(0.4)
    _, state = neuron.step(torch.tensor([[1.0, 2.0, 3.0, 0.8 + 1.0]]))
    steps = torch.round(state.v / 0.4).tolist()
    assert steps == [[3.0, 5.0, 8.0, 2.0 + 3.0]]  # 1/u = 2.5, halves up; a current of 2 steps stays 2


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 1.0, 1.0], (1.0, 0)),
        ([0.0, 3.0, 2.0], (1.0, 0)),
        ([0.0625, 0.5], (1 / 16, 4)),
        ([1 / 255, 200 / 255, 1.0], (1 / 255, 8)),
        ([-0.123, 0.51, 2.0], (2 / 255, 7)),
    ],
)
def test_the_step_of_inputs_is_found(values: list[float], expected: tuple[float, int]) -> None:
    assert input_step_of(torch.tensor(values)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("neuron", "says"),
    [
        (LIF(beta=0.9), "beta = 0.9 can't leak by an arithmetic shift"),
        (LIF(beta=0.0), "beta = 0.0 can't leak"),
        (LIF(reset="subtract_unleaked"), "train with reset=subtract or zero"),
        (LIF(threshold=torch.tensor([1.0, 2.0])), "thresholds or input scales that differ"),
        (SynapticLIF(), "SynapticLIF, which have no integer form"),
        (nn.ReLU(), "ReLU, which have no integer form"),
    ],
)
def test_neurons_without_an_integer_form_are_refused(neuron: Any, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        QuantisedLIF(neuron, 4)
    assert QuantisedLIF(IF(), 4).grid.leak == 0


def test_an_integer_network_takes_integers_and_comes_from_a_grid_only() -> None:
    with pytest.raises(ModelError, match="is on no grid"):
        integer_copy(nn.Sequential(nn.Flatten()))
    whole = integer_copy(_random_network(4, "zero", 0, 1.0))
    with pytest.raises(DataError, match="give codes: round"):
        whole(torch.rand(1, 1, 8, 8))
