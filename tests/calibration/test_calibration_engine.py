"""The engine that walks layers, and what it fits in networks converted to spikes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import axbar
from axbar.calibration import BiasShift, InitialCharge, LeastSquares, Step, Thresholds, Unit, best_thresholds
from axbar.errors import ModelError, UsageError
from axbar.nn.convert import SpikingCopy, to_spiking
from axbar.nn.converted import Converted

STEPS = 16


def _net() -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))
    for layer in (net[0], net[2]):
        layer.weight.data *= 0.5  # uses a small part of -1..1
    return net.double()


def _points(count: int, seed: int) -> Tensor:
    return torch.rand((count, 2), generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1


def _error(net: nn.Module, made: nn.Module, seed: int = 1) -> float:
    x = _points(200, seed)
    with torch.no_grad():
        wanted = net(x)
        return float((made(x).mean(0) - wanted).norm() / wanted.norm())


def _calibrated(*steps: Step) -> float:
    net = _net()
    made = to_spiking(net, STEPS)
    axbar.calibrate(made, _points(256, 0), steps, reference=net)
    return _error(net, made)


def test_each_step_takes_error_away() -> None:
    plain = _error(_net(), to_spiking(_net(), STEPS))
    layer, neuron = _calibrated(Thresholds("layer")), _calibrated(Thresholds("neuron"))
    fitted = _calibrated(Thresholds("neuron"), LeastSquares())
    assert neuron < layer < plain
    assert fitted < 0.9 * neuron


class _Seen(Step):
    """Notes the order and what comes in."""

    name = "seen"

    def __init__(self) -> None:
        self.order: list[str] = []
        self.inputs: dict[str, Tensor] = {}

    def takes(self, module: nn.Module) -> bool:
        return isinstance(module, nn.Linear)

    def fit(self, unit: Unit) -> float:
        self.order.append(unit.name)
        self.inputs[unit.name] = unit.mean_x
        return float(len(self.order))


def test_layers_are_fitted_in_order_on_what_fitted_layers_send() -> None:
    net, seen = _net(), _Seen()
    made = to_spiking(net, STEPS)
    data = _points(64, 0)
    facts = axbar.calibrate(made, data, [Thresholds("neuron"), seen], reference=net)
    assert seen.order == ["network.0", "network.2", "network.4"]
    assert facts["seen"]["network.4"] == 3.0
    neuron = made.get_submodule("network.1.neuron")
    assert isinstance(neuron, Converted)
    with torch.no_grad():
        sent = neuron(net[0](data).expand(STEPS, -1, -1)).mean(0)
    torch.testing.assert_close(seen.inputs["network.2"], sent)
    torch.testing.assert_close(seen.inputs["network.0"], data)


def test_thresholds_leave_least_error_of_all() -> None:
    values = torch.rand((3, 500), dtype=torch.float64) * torch.tensor(
        [[0.2], [1.0], [5.0]], dtype=torch.float64
    )
    values[:, 0] *= 20  # one outlier, which had better be clipped
    found = best_thresholds(values, 8)

    def error(threshold: Tensor) -> Tensor:
        kept = (values * 8 / threshold[:, None] + 0.5).floor().clamp(max=8) * threshold[:, None] / 8
        return (kept - values).square().mean(1)

    for factor in (0.9, 1.1, 2.0):
        assert (error(found) <= error(found * factor) * 1.001).all()
    assert (found < values.amax(1)).all()


def test_least_squares_undoes_what_happened_to_a_layer() -> None:
    """Inputs are scaled behind the fit's back: weights are found that bring the outputs back."""
    net = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 4, 3, 2, 1)).double()
    other = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 4, 3, 2, 1)).double()
    other.load_state_dict(net.state_dict())
    other[0].weight.data *= 0.7
    other[0].bias.data *= 0.7
    data = torch.rand(40, 2, 8, 8, dtype=torch.float64)
    facts = axbar.calibrate(other, data, [LeastSquares(1e-9)], reference=net)
    torch.testing.assert_close(other(data), net(data), rtol=1e-4, atol=1e-5)
    assert facts["least-squares"]["0"] > 0.99


def test_bias_and_initial_charge_take_mean_errors_away() -> None:
    net = _net()
    made = to_spiking(net, STEPS, theta=1.0)
    axbar.calibrate(made, _points(256, 0), [Thresholds("layer"), BiasShift()], reference=net)
    with torch.no_grad():
        data = _points(256, 0)
        lacking = (made(data).mean(0) - net(data)).mean()
    assert abs(float(lacking)) < 1e-12
    charged = to_spiking(net, STEPS, theta=1.0)
    axbar.calibrate(charged, _points(256, 0), [Thresholds("layer")], reference=net)
    before = _error(net, charged)
    facts = axbar.calibrate(charged, _points(256, 0), [InitialCharge()], reference=net)
    assert _error(net, charged) < before
    assert all(0 < merit < STEPS for merit in facts["initial-charge"].values())


def test_convolutions_get_a_threshold_per_channel() -> None:
    net = nn.Sequential(nn.Conv2d(1, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 36, 2))
    made = to_spiking(net, 4, "if")
    axbar.calibrate(made, torch.rand(8, 1, 8, 8), [Thresholds("neuron", "max")], reference=net)
    neuron = made.get_submodule("network.1.neuron")
    assert isinstance(neuron, Converted) and neuron.threshold.shape == (5, 1, 1)


def test_progress_counts_layers() -> None:
    told: list[tuple[str, int, int]] = []
    net = _net()
    axbar.calibrate(to_spiking(net, 4), _points(8, 0), [LeastSquares()], net, lambda *what: told.append(what))
    assert told == [("network.0", 1, 3), ("network.2", 2, 3), ("network.4", 3, 3)]


class _Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.a(self.a(x))


def test_bad_requests_are_told() -> None:
    net, data = _net(), _points(8, 0)
    made = to_spiking(net, 4)
    with pytest.raises(UsageError, match="give at least one step"):
        axbar.calibrate(made, data, [])
    with pytest.raises(UsageError, match="give it as reference="):
        axbar.calibrate(made, data, [Thresholds()])
    with pytest.raises(ModelError, match="find nothing to fit in Sequential"):
        axbar.calibrate(net, data, [Thresholds()], reference=net)
    with pytest.raises(ModelError, match="the reference has no layer"):
        axbar.calibrate(made, data, [Thresholds()], reference=nn.Linear(2, 1))
    with pytest.raises(ModelError, match="layer 'a' runs more than once"):
        axbar.calibrate(_Twice(), torch.rand(2, 3), [LeastSquares()], reference=_Twice())
    with pytest.raises(UsageError, match="mu = 0 is out of range"):
        LeastSquares(0)
    with pytest.raises(UsageError, match="unknown extent of a threshold 'map'"):
        Thresholds("map")  # pyright: ignore[reportArgumentType]
    assert isinstance(made, SpikingCopy)
