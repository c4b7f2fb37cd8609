"""Batch norm through time, and the neurons that take it in."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nn_makers import bars
from torch import Tensor, nn

import axbar
from axbar.errors import ModelError
from axbar.nn import (
    LIF,
    BNTT1d,
    BNTT2d,
    PerStepAffine,
    PerStepLIF,
    SynapticLIF,
    TrainConfig,
    build_model,
    train,
)

RESETS = ("subtract", "subtract_unleaked", "zero")


def _randomised(norm: BNTT2d | BNTT1d, seed: int = 0) -> Any:
    generator = torch.Generator().manual_seed(seed)
    for part in norm.norms:
        for name, low, high in (("weight", 0.2, 2.0), ("running_mean", -1, 1), ("running_var", 0.1, 3.0)):
            value: Any = getattr(part, name)
            value.data.copy_(low + (high - low) * torch.rand(value.shape, generator=generator))
    return norm.eval()


def test_with_equal_parameters_it_has_the_bits_of_batch_norm() -> None:
    torch.manual_seed(0)
    plain = nn.BatchNorm2d(3).eval()
    plain.running_mean, plain.running_var = torch.randn(3), torch.rand(3) + 0.5
    ours = BNTT2d(3, steps=4).eval()
    for part in ours.norms:
        part.load_state_dict({k: v for k, v in plain.state_dict().items() if k != "bias"}, strict=False)
    x = torch.randn(8, 3, 5, 5)
    assert torch.equal(ours(x), plain(x))


def test_each_step_has_statistics_of_its_own_and_no_beta() -> None:
    norm = BNTT1d(3, steps=2, eps=1e-12).double()
    x = (
        torch.randn(2 * 50, 3, dtype=torch.float64) * torch.tensor([1.0, 5.0]).repeat_interleave(50)[:, None]
        + 2
    )
    y = norm(x)
    for t, part in enumerate(y.chunk(2)):
        wanted = x.chunk(2)[t]
        torch.testing.assert_close(part, (wanted - wanted.mean(0)) / wanted.std(0, correction=0))
        torch.testing.assert_close(norm.norms[t].running_mean, 0.1 * wanted.mean(0))
    assert [name for name, _ in norm.named_parameters()] == ["norms.0.weight", "norms.1.weight"]


@pytest.mark.parametrize("kind", [BNTT1d, BNTT2d])
def test_at_inference_it_is_one_multiply_add_per_step_and_channel(kind: Any) -> None:
    norm = _randomised(kind(3, 4)).double()
    x = torch.randn(8, 3, *([5, 5] if kind is BNTT2d else []), dtype=torch.float64)
    affine = PerStepAffine(3, 4).double()
    scale, shift = norm.affine()
    affine.scale.copy_(scale)
    affine.shift.copy_(shift)
    torch.testing.assert_close(affine(x), norm(x), rtol=1e-12, atol=1e-12)
    assert float((scale[0] - scale[1]).abs().min()) > 1e-3


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ModelError, match=r"of 4 steps and 3 channels got an input of shape \(6, 3\)"):
        BNTT1d(3, steps=4)(torch.zeros(6, 3))
    with pytest.raises(ModelError, match="channels and steps of 1 or more, got 3 and 0"):
        BNTT2d(3, steps=0)
    with pytest.raises(ModelError, match="a conventional network has one"):
        build_model("cnn", width=4, norm="bntt")
    with pytest.raises(ModelError, match="1 of 2 scales are not above 0"):
        PerStepLIF(2, 1).take_in(torch.tensor([[1.0, -1.0]]), torch.zeros(1, 2))
    with pytest.raises(ModelError, match="thresholds for 4 steps and 3 channels got step 5"):
        PerStepLIF(3, 4)(torch.zeros(5, 2, 3))
    assert not PerStepLIF.can_replace(SynapticLIF())
    assert not PerStepLIF.can_replace(LIF(threshold=torch.ones(3)))


def _pair(
    beta: float, reset: Any, strict: bool, seed: int, k: float = 1.0
) -> tuple[LIF, PerStepLIF, Tensor, Tensor, Tensor]:
    """A LIF, its per-step form, an input, and the affine map between them."""
    generator = torch.Generator().manual_seed(seed)
    scale = 0.1 + 3 * torch.rand(5, 3, generator=generator, dtype=torch.float64)
    shift = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    x = torch.randn(5, 4, 3, 2, 2, generator=generator, dtype=torch.float64)
    lif = LIF(beta, 0.7, reset, strict=strict, detach_reset=False)
    ours = PerStepLIF.like(lif, 3, 5).double()
    ours.take_in(scale, shift)
    return lif, ours, x, scale.view(5, 1, 3, 1, 1), shift.view(5, 1, 3, 1, 1)


@settings(deadline=None, max_examples=60)
@given(beta=st.floats(0, 1), reset=st.sampled_from(RESETS), strict=st.booleans(), seed=st.integers(0, 10_000))
def test_scaled_neurons_fire_as_the_norm_and_the_neuron_did(
    beta: float, reset: str, strict: bool, seed: int
) -> None:
    lif, ours, x, scale, shift = _pair(beta, reset, strict, seed)
    assert torch.equal(ours(x), lif(scale * x + shift))


def test_a_threshold_per_step_alone_is_exact_without_leak_only() -> None:
    """Thresholds θ/a[t] with the leak left at β, which is what one would write down first."""

    def naive(beta: float) -> int:
        lif, ours, x, scale, shift = _pair(beta, "subtract", False, seed=3)
        v, wrong = torch.zeros_like(x[0]), 0
        for t, wanted in enumerate(lif(scale * x + shift)):
            theta, bias = ours.thresholds[t].view(3, 1, 1), ours.biases[t].view(3, 1, 1)
            u = beta * v + x[t] + bias
            s = (u >= theta).double()
            v, wrong = u - theta * s, wrong + int((s != wanted).sum())
        return wrong

    assert naive(0.0) == 0
    assert naive(0.9) > 5


@pytest.mark.parametrize("reset", RESETS)
def test_gradients_are_those_of_the_norm_and_the_neuron(reset: str) -> None:
    lif, ours, x, scale, shift = _pair(0.8, reset, False, seed=1)
    weights = torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    grads = []
    for forward in (lambda z: lif(scale * z + shift), ours):
        z = x.clone().requires_grad_(True)
        (forward(z) * weights).sum().backward()
        grads.append(z.grad)
    assert float(grads[0].abs().max()) > 0.1
    torch.testing.assert_close(grads[1], grads[0], rtol=1e-10, atol=1e-12)


def test_step_by_step_it_is_the_sequence_and_ends_with_its_steps() -> None:
    _, ours, x, _, _ = _pair(0.8, "subtract", False, seed=1)
    state, made = None, []
    for part in x:
        spikes, state = ours.step(part, state)
        made.append(spikes)
    assert torch.equal(torch.stack(made), ours(x))
    with pytest.raises(ModelError, match="got step 6"):
        ours.step(x[0], state)


def test_single_spikes_are_masked_as_in_lif() -> None:
    lif, ours, x, scale, shift = _pair(0.8, "subtract", False, seed=1)
    lif.mask_single_spikes = ours.mask_single_spikes = True
    assert torch.equal(ours(x), lif(scale * x + shift))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("spiking-cnn", {}),
        ("spiking-cnn", {"input_coding": "rate"}),
        ("spiking-cnn", {"steps": 1}),
        ("spiking-resnet19", {}),
        ("spiking-mlp", {}),
    ],
)
def test_networks_take_it_and_train(name: str, options: dict[str, Any], tmp_path: Any) -> None:
    settings = {"width": 2, "steps": 3, "input_shape": (1, 8, 8), "classes": 2, "norm": "bntt", **options}
    network = build_model(name, **settings)
    data = bars()
    train(network, data, TrainConfig(epochs=1, batch_size=32), out_dir=tmp_path)
    norms = [m for m in network.modules() if isinstance(m, BNTT1d | BNTT2d)]
    assert norms and all(int(part.num_batches_tracked) > 0 for norm in norms for part in norm.norms)
    assert network(torch.rand(2, 1, 8, 8)).shape == (settings["steps"], 2, 2)
    again = axbar.load_network(tmp_path)
    x = torch.rand(2, 1, 8, 8)
    assert torch.equal(again(x), network.eval()(x))


def _norm_J(found: Any) -> float:
    return found.breakdown()["energy_J"]["component"]["norm"]


def test_the_trace_holds_it_as_one_norm_that_chips_are_charged_for() -> None:
    settings: dict[str, Any] = {"width": 4, "steps": 3, "input_shape": (1, 8, 8), "classes": 2}
    x = torch.rand(2, 1, 8, 8)
    work = axbar.trace(build_model("spiking-cnn", norm="bntt", **settings), x)
    norms = [layer for layer in work.layers if layer.op == "norm"]
    assert [layer.name for layer in norms] == ["norm1", "norm2", "norm3"]
    assert {layer.steps for layer in norms} == {(0, 1, 2)}
    assert work.layer("conv1").steps == (0,)
    plain = axbar.estimate(axbar.trace(build_model("spiking-cnn", **settings), x), "imc-rram-65nm")
    found = axbar.estimate(work, "imc-rram-65nm")
    assert not any("not priced" in note for note in found.notes)
    assert _norm_J(found) > 0
    assert _norm_J(plain) == 0
    elsewhere = axbar.estimate(work, "sata").notes
    assert any("not priced" in note and "norm" in note for note in elsewhere)


def test_a_plain_norm_that_stays_is_charged_too() -> None:
    network = nn.Sequential(
        nn.BatchNorm2d(1), nn.Conv2d(1, 2, 3), nn.ReLU(), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(72, 2)
    ).eval()
    found = axbar.estimate(axbar.trace(network, torch.rand(2, 1, 8, 8)), "imc-rram-65nm")
    assert not any("norm" in note for note in found.notes)
    assert _norm_J(found) > 0


def test_on_a_die_each_step_is_adapted_by_itself() -> None:
    from axbar.techniques import parse_technique

    data = bars()
    network = build_model("spiking-cnn", width=4, steps=3, input_shape=(1, 8, 8), classes=2, norm="bntt")
    train(network, data, TrainConfig(epochs=1, batch_size=32))
    batch = torch.from_numpy(data.calibration.images(slice(0, 8)))
    die = axbar.to_analog(network, "imc-rram-65nm", data=batch, norms="keep")
    technique, config = parse_technique("bn-adapt:images=32,batch=16")
    adapted = technique.apply(die, None, data.tuning(), config).target
    old, new = (net.get_submodule("norm2") for net in (die, adapted))
    assert all(
        not torch.equal(a.running_mean, b.running_mean)
        for a, b in zip(old.norms, new.norms, strict=True)  # type: ignore[arg-type]
    )
    assert not torch.equal(new.norms[0].running_mean, new.norms[2].running_mean)  # type: ignore[index]
