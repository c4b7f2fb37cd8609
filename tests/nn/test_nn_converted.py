"""Neurons in place of activations, and networks converted by one call."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import axbar
from axbar.calibration import Thresholds
from axbar.errors import ModelError
from axbar.nn import build_model
from axbar.nn.convert import to_spiking
from axbar.nn.converted import Converted

RULES = ("charge", "accumulate", "instantaneous")


def _constant(values: Tensor, steps: int) -> Tensor:
    return values.expand(steps, *values.shape)


@pytest.mark.parametrize("steps", [1, 7, 16])
def test_integrate_and_fire_sends_the_rounded_activation(steps: int) -> None:
    """The identity of the ancestor: clip(⌊x T/V + 1/2⌋, 0, T) spikes; 20,000 inputs, no mismatch."""
    x = torch.randn(20_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    neuron = Converted(nn.ReLU(), "if", threshold=0.7).double()
    counts = (neuron(_constant(x, steps)) / neuron.threshold).sum(0)
    torch.testing.assert_close(counts, (x * steps / neuron.threshold + 0.5).floor().clamp(0, steps))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("activation", [nn.Tanh(), nn.ReLU(), nn.GELU(), nn.SiLU()])
def test_a_constant_current_is_sent_to_half_a_threshold(rule: str, activation: nn.Module) -> None:
    x = torch.linspace(-0.9, 0.9, 181, dtype=torch.float64)
    neuron = Converted(activation, rule).double()  # pyright: ignore[reportArgumentType]
    error = neuron(_constant(x, 32)).sum(0) - 32 * activation(x)
    assert float(error.abs().max()) <= 0.5 + 1e-9


def test_a_full_threshold_is_biased_towards_zero() -> None:
    x = torch.linspace(0.01, 0.99, 197, dtype=torch.float64)
    half, full = (
        Converted(nn.ReLU(), theta=theta).double()(_constant(x, 16)).mean(0) - x for theta in (0.5, 1.0)
    )
    assert abs(float(half.mean())) < 0.003 and float(full.mean()) == pytest.approx(-0.5 / 16, abs=0.003)
    assert float(full.square().mean().sqrt()) > 1.8 * float(half.square().mean().sqrt())


def test_without_the_mean_an_error_stays() -> None:
    """E tanh(I) is not tanh(E I): alternating currents of mean 1/2."""
    found = {}
    for rule in RULES:
        current = torch.tensor([2.0, -1.0]).repeat(256)[:, None]
        found[rule] = float(Converted(nn.Tanh(), rule)(current).mean()) - float(torch.tanh(torch.tensor(0.5)))  # pyright: ignore[reportArgumentType]
    assert abs(found["instantaneous"]) > 0.3
    assert abs(found["charge"]) < 0.01 and abs(found["accumulate"]) < 0.02


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(1, 20))
def test_laws(seed: int, steps: int) -> None:
    """Odd activations mirror; zero stays silent; spikes are -V, 0 or V and no sample knows of others."""
    x = torch.randn((steps, 6), generator=torch.Generator().manual_seed(seed))
    neuron = Converted(nn.Tanh(), threshold=torch.tensor([0.5, 0.6, 0.7, 0.8, 0.9, 1.0]))
    spikes = neuron(x)
    torch.testing.assert_close(neuron(-x), -spikes)
    assert not neuron(torch.zeros_like(x)).any()
    assert set((spikes / neuron.threshold).unique().tolist()) <= {-1.0, 0.0, 1.0}
    pair = torch.stack((x, torch.flip(x, (0,))), 1)
    torch.testing.assert_close(neuron(pair)[:, 0], spikes)


def _net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1)).double()


def _error(net: nn.Sequential, steps: int, rule: str = "charge") -> float:
    x = torch.rand((64, 2), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        wanted = net(x)
        return float((to_spiking(net, steps, rule)(x).mean(0) - wanted).norm() / wanted.norm())  # pyright: ignore[reportArgumentType]


def test_the_error_falls_with_the_steps_and_vanishes() -> None:
    errors = [_error(_net(), steps) for steps in (8, 32, 128, 512, 2048)]
    assert all(later < 1.1 * earlier / 2 for earlier, later in pairwise(errors))
    assert errors[-1] < 0.01
    assert _error(_net(), 2048, "instantaneous") > 10 * errors[-1]


def test_the_network_itself_stays_and_the_copy_runs_on_steps() -> None:
    net = _net()
    made = to_spiking(net, 4)
    assert made.steps == 4 and isinstance(net[1], nn.Tanh)
    assert made(torch.rand(3, 2).double()).shape == (4, 3, 1)


def test_one_activation_in_several_places_becomes_several_neurons() -> None:
    act = nn.Tanh()
    made = to_spiking(nn.Sequential(nn.Linear(2, 4), act, nn.Linear(4, 4), act, nn.Linear(4, 1)), 4)
    found = [m for m in made.modules() if isinstance(m, Converted)]
    assert len(found) == 2 and found[0] is not found[1]


def test_networks_of_the_package_convert_with_skips_and_norms() -> None:
    net = build_model("resnet20", width=4).eval()
    x = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        out = to_spiking(net, 64, threshold=4.0)(x)
        wanted = net(x)[0]
    assert out.shape == (64, 2, 10)
    assert float((out.mean(0) - wanted).norm() / wanted.norm()) < 0.3


def test_max_pools_send_the_largest_mean_of_their_window() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)).eval()
    x = torch.rand(8, 1, 8, 8)
    for rule in ("charge", "if"):
        with torch.no_grad():
            errors = [
                float((to_spiking(net, steps, rule)(x).mean(0) - net(x)).norm() / net(x).norm())  # pyright: ignore[reportArgumentType]
                for steps in (16, 256)
            ]
        assert errors[1] < 0.02 and errors[1] < errors[0] / 4


def _small() -> tuple[nn.Sequential, Tensor]:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3)
    ).eval(), torch.rand(64, 2)


def test_a_converted_network_is_traced_as_spikes_of_its_thresholds() -> None:
    net, x = _small()
    made = to_spiking(net, 8)
    axbar.calibrate(made, x, [Thresholds("layer")], reference=net)
    workload = axbar.trace(made, x[:16])
    layers = {layer.name: layer for layer in workload.layers if layer.op == "linear"}
    thresholds = [float(m.threshold) for m in made.modules() if isinstance(m, Converted)]
    coding = [(o.coding, o.steps) for o in (layer.operands[0] for layer in layers.values())]
    assert coding[0][0] == "real" and {c for c, _ in coding[1:]} <= {"spikes", "signed"}
    assert [s for _, s in coding[1:]] == [8, 8]
    assert [layer.operands[0].scale for layer in list(layers.values())[1:]] == pytest.approx(thresholds)
    found = axbar.estimate(workload, "imc-rram-65nm")
    assert float(found.total("energy_J")[0]) > 0


def test_an_ideal_chip_runs_it_spike_by_spike() -> None:
    net, x = _small()
    made = to_spiking(net, 16)
    axbar.calibrate(made, x, [Thresholds("layer")], reference=net)
    chip = axbar.load_hardware("imc-rram-65nm", {"crossbar.weight_bits": 8, "crossbar.cell_bits": 1})
    whole = axbar.digital(made, chip, x)
    with torch.no_grad():
        wanted, out = net(x), whole(x).mean(0)
    assert float((out - wanted).norm() / wanted.norm()) < 0.15


class _Once(nn.Module):
    """A branch around all neurons."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.act = nn.Linear(3, 3), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return a sum."""
        return x + self.act(self.a(x))


@pytest.mark.parametrize(
    ("net", "steps", "said"),
    [
        (nn.Sequential(nn.Linear(2, 2)), 4, "no activation that neurons"),
        (nn.Sequential(nn.Linear(2, 2), nn.Tanh()), 0, "steps = 0 is out of range"),
        (nn.Sequential(nn.Linear(2, 2), nn.Tanh()), 2.5, "steps = 2.5 is out of range"),
        (
            nn.Sequential(nn.Linear(2, 2), nn.RReLU(), nn.ReLU()),
            4,
            r"layer '1' \(RReLU\) is an activation without",
        ),
        (nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.LayerNorm(4)), 4, "does not commute.*batch norms"),
        (build_model("spiking-cnn", width=2), 4, "spikes already, on 4 steps"),
    ],
)
def test_what_has_no_spiking_form_is_refused(net: nn.Module, steps: int, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        to_spiking(net, steps)


def test_a_branch_around_all_neurons_is_told() -> None:
    with pytest.raises(ModelError, match="goes around all neurons"):
        to_spiking(_Once(), 4)(torch.rand(3, 3))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rule": "rate"}, "unknown rule of converted neurons 'rate'"),
        ({"rule": "if"}, "rule 'if' is that of a ReLU, not of Tanh"),
        ({"theta": 0.0}, "theta = 0.0 is no share"),
        ({"threshold": -1.0}, "a threshold of -1 is out of range"),
    ],
)
def test_bad_settings_of_neurons_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        Converted(nn.Tanh(), **options)  # pyright: ignore[reportArgumentType]
