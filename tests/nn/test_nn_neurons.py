"""Neurons against traces computed by hand, and their streaming form."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from axbar.errors import ModelError
from axbar.nn import IF, LIF, SynapticLIF, lif_loop
from axbar.nn._fused import _FusedLIF
from axbar.nn._recurrence import LIFParams

# β = 1/2, θ = 1; every number is exact in binary. The three semantics part ways on it, and h[1] = θ under C.
X = [1.5, 1.0, 0.9375, 0.5, 0.75]
TRACES = {
    "subtract": ([1, 1, 1, 0, 1], [0.5, 0.25, 0.0625, 0.53125, 0.015625]),
    "subtract_unleaked": ([1, 0, 1, 0, 0], [1.5, 0.75, 1.3125, 0.15625, 0.828125]),
    "zero": ([1, 1, 0, 0, 1], [0.0, 0.0, 0.9375, 0.96875, 0.0]),
}


def _sequence(values: list[float]) -> torch.Tensor:
    return torch.tensor(values).unsqueeze(1)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("reset", TRACES)
def test_hand_computed_spikes(reset: str, fused: bool) -> None:
    spikes = LIF(beta=0.5, threshold=1.0, reset=reset, fused=fused)(_sequence(X))  # type: ignore[arg-type]
    assert spikes.flatten().tolist() == TRACES[reset][0]


@pytest.mark.parametrize("reset", TRACES)
def test_hand_computed_potentials_step_by_step(reset: str) -> None:
    neuron = LIF(beta=0.5, threshold=1.0, reset=reset)  # type: ignore[arg-type]
    state, spikes, potentials = None, [], []
    for value in X:
        s, state = neuron.step(torch.tensor([value]), state)
        spikes.append(s.item())
        potentials.append(state.v.item())
    assert spikes == TRACES[reset][0]
    assert potentials == TRACES[reset][1]


def test_threshold_is_reached_at_equality_unless_strict() -> None:
    x = _sequence([1.0])
    assert LIF(reset="subtract")(x).item() == 1
    assert LIF(reset="zero")(x).item() == 1
    assert LIF(reset="subtract_unleaked")(x).item() == 0
    assert LIF(reset="zero", strict=True)(x).item() == 0
    assert LIF(reset="subtract_unleaked", strict=False)(x).item() == 1


def test_integrate_and_fire_keeps_charge() -> None:
    assert IF(threshold=1.0)(_sequence([0.5] * 4)).flatten().tolist() == [0, 1, 0, 1]
    assert IF().beta == 1.0


def test_synaptic_current_by_hand() -> None:
    # α = β = 1/2: i = .5, .75, .875, .9375; h = .5, 1.0 (fires), .875, 1.375 (fires)
    for fused in (True, False):
        neuron = SynapticLIF(alpha=0.5, beta=0.5, fused=fused)
        assert neuron(_sequence([0.5] * 4)).flatten().tolist() == [0, 1, 0, 1]
    state, currents = None, []
    for _ in range(4):
        _, state = neuron.step(torch.tensor([0.5]), state)
        currents.append(state.current.item())
    assert currents == [0.5, 0.75, 0.875, 0.9375]


def test_input_scale_multiplies_the_input() -> None:
    x = torch.rand(6, 50, generator=torch.Generator().manual_seed(0)) * 2
    assert torch.equal(LIF(input_scale=0.25)(x), LIF()(x * 0.25))
    assert not torch.equal(LIF(input_scale=0.25)(x), LIF()(x))


def test_equals_a_plain_numpy_loop() -> None:
    # β that is not exact in binary: a fused multiply-add would round differently.
    x = np.random.default_rng(0).normal(0.4, 1.0, (50, 4000)).astype(np.float32)
    v = np.zeros(4000, np.float32)
    expected = []
    for x_t in x:
        h = np.float32(0.9) * v + x_t
        s = (h >= 1).astype(np.float32)
        v = h - s
        expected.append(s)
    assert np.array_equal(LIF(beta=0.9)(torch.from_numpy(x)).numpy(), np.stack(expected))


def test_a_sequence_can_go_on_from_a_state() -> None:
    x = torch.randn(8, 30, generator=torch.Generator().manual_seed(1))
    p = LIF(beta=0.8).params
    whole, _ = lif_loop(x, p)
    first, state = lif_loop(x[:3], p)
    rest, _ = lif_loop(x[3:], p, state)
    assert torch.equal(torch.cat([first, rest]), whole)


def test_nothing_is_kept_between_calls() -> None:
    neuron = SynapticLIF()
    x = torch.randn(4, 20, generator=torch.Generator().manual_seed(2))
    assert torch.equal(neuron(x), neuron(x))
    assert not neuron.state_dict()


def test_half_precision_is_computed_in_full() -> None:
    x = torch.randn(8, 200, generator=torch.Generator().manual_seed(3)).bfloat16()
    assert torch.equal(LIF()(x), LIF()(x.float()))
    assert LIF().step(x[0])[0].dtype == torch.float32


def test_only_the_potential_is_saved_beside_the_spikes() -> None:
    x = torch.randn(4, 10, requires_grad=True)
    node = _FusedLIF.apply(x, LIFParams()).grad_fn
    assert [tuple(t.shape) for t in node.saved_tensors] == [(4, 10)]


def test_the_input_is_left_alone() -> None:
    x = torch.randn(4, 10)
    before = x.clone()
    LIF()(x)
    LIF()(x.requires_grad_()).sum().backward()
    assert torch.equal(x, before)


def test_constants_are_shown_and_readable() -> None:
    neuron = LIF(beta=0.75, threshold=0.5, reset="zero", input_scale=2.0)
    assert (neuron.beta, neuron.threshold, neuron.reset, neuron.input_scale, neuron.strict) == (
        0.75, 0.5, "zero", 2.0, False,
    )  # fmt: skip
    assert neuron.is_neuron
    assert "beta=0.75, threshold=0.5 (>=), reset=zero, input_scale=2" in repr(neuron)


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"beta": 1.5}, "beta = 1.5"),
        ({"beta": float("nan")}, "beta = nan"),
        ({"threshold": 0.0}, "threshold = 0.0"),
        ({"input_scale": -1.0}, "input_scale = -1.0"),
        ({"reset": "substract"}, "did you mean 'subtract'"),
        ({"surrogate": "attan"}, "did you mean 'atan'"),
    ],
)
def test_wrong_constants_are_named(settings: dict, part: str) -> None:
    with pytest.raises(ModelError, match=part.replace("(", r"\(")):
        LIF(**settings)


def test_wrong_inputs_are_named() -> None:
    with pytest.raises(ModelError, match="alpha = 2"):
        SynapticLIF(alpha=2.0)
    for x in (torch.zeros(3), torch.zeros(0, 3), torch.zeros(3, 2, dtype=torch.int64)):
        with pytest.raises(ModelError, match=r"\[T, B, ...\]"):
            LIF()(x)
