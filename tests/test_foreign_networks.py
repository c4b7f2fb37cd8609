"""Published networks in ``examples/networks``: their weights fit, and they run, are traced, mapped and costed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import axbar
from axbar.crossbar import Effects
from axbar.data import Dataset, load_data
from axbar.errors import ModelError
from axbar.nn import accuracy, load_network
from axbar.usercode import load_function
from axbar.workload import Workload

NETWORKS = Path(__file__).parents[1] / "examples" / "networks"
CHIPS = ("imc-rram-65nm", "sata", "loas")
CHIP = CHIPS[0]


@dataclass(frozen=True)
class Case:
    """A network, its weights and data; ``at_least`` correct of ``images`` test images where the data are its own."""

    spec: str
    weights: str
    data: str
    macs: int
    at_least: float = 0.0
    images: int = 0
    config: dict[str, Any] = field(default_factory=dict)


IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
CASES = {
    "resnet20": Case("resnet20", "resnet20-12fca82f", "cifar-10", 40_551_040, 0.86, 100, IMAGENET),
    "resnet32": Case("resnet32.py:resnet32", "resnet32-d509ac18", "cifar-10", 68_862_592, 0.86, 50),
    "resnet14": Case("resnet14.py:resnet14", "crosssim_resnet14_cifar10", "cifar-10", 26_657_408, 0.83, 100),
    "mnist-ann": Case("sinabs_mnist.py:ann", "sinabs_mnist_cnn", "mnist", 1_528_456, 0.96, 500),
    "mnist-snn": Case("sinabs_mnist.py:snn", "sinabs_mnist_cnn", "mnist", 20_135_296, 0.93, 200),
    "n-mnist": Case("nir_nmnist.py:nmnist", "nir_nmnist_ann", "n-mnist:frames=3,cap=5", 2_711_040, 0.95, 56),
    "gesture": Case(
        "sinabs_gesture.py:gesture", "sinabs_dvs_gesture", "sinabs_gesture.py:street", 151_268_352
    ),
    "denoiser": Case(
        "ddpm_mnist.py:denoiser", "ddpm_mnist_starter", "ddpm_mnist.py:noisy_digits", 79_442_432
    ),
    "srnn": Case("srnn_shd.py:srnn", "srnn_shd_90.7", "srnn_shd.py:bursts", 9_043_968),
}


def _path(text: str) -> str:
    return str(NETWORKS / text) if ".py:" in text else text


def _loaded(case: Case) -> tuple[nn.Module, Dataset]:
    folder = os.environ.get("AXBAR_DATA")
    weights = Path(folder or ".") / "weights" / f"{case.weights}.npz"
    if not folder or not weights.exists():
        pytest.skip(f"needs weights/{case.weights}.npz under AXBAR_DATA")
    return load_network(_path(case.spec), weights, **case.config), load_data(_path(case.data))


def _traced(network: nn.Module, data: Dataset) -> Workload:
    return axbar.trace(network, torch.from_numpy(data.test.images(slice(0, 2))))


@pytest.mark.parametrize("name", CASES)
def test_published_weights_run_are_traced_and_costed(name: str) -> None:
    case = CASES[name]
    network, data = _loaded(case)
    if case.images:
        assert accuracy(network, data.test.balanced(case.images)) >= case.at_least
    workload = _traced(network, data)
    assert sum(row["macs"] for row in workload.summary()) == case.macs
    for chip in CHIPS:
        result = axbar.estimate(workload, chip)
        for quantity in ("energy_J", "latency_s", "area_m2"):
            assert np.isfinite(result.total(quantity)).all() and (result.total(quantity) > 0).all(), chip


@pytest.mark.parametrize("name", ["resnet14", "n-mnist", "denoiser", "srnn"])
def test_arrays_without_flaws_compute_the_integer_network(name: str) -> None:
    network, data = _loaded(CASES[name])
    x = torch.from_numpy(data.test.images(slice(0, 1)))
    integer = axbar.digital(network, CHIP, data=x)
    analog = axbar.to_analog(network, CHIP, data=x, effects=Effects.none())
    left: Any = analog.unconverted  # norms and time constants stay digital
    assert not any("Conv2d" in module or "Linear" in module for module in left)
    with torch.no_grad():
        torch.testing.assert_close(analog(x), integer(x), rtol=1e-4, atol=1e-4)


def test_the_denoiser_finds_the_noise() -> None:
    network, _ = _loaded(CASES["denoiser"])
    _, noisy = load_function(str(NETWORKS / "ddpm_mnist.py:noisy"), "function", ModelError)
    digits = load_data("mnist").test.images(slice(0, 16))
    for step, unexplained in ((150, 0.06), (300, 0.04), (800, 0.003)):
        x, noise = noisy(digits, step)
        with torch.no_grad():
            found = network(torch.from_numpy(x)).numpy()
        assert np.mean((found - noise) ** 2) < unexplained * np.mean(noise**2)


def _adaptive(tau_m: float, tau_adp: float) -> Any:
    _, neuron = load_function(str(NETWORKS / "srnn_shd.py:AdaptiveLIF"), "class", ModelError)
    return neuron(torch.tensor([tau_m]), torch.tensor([tau_adp]))


def test_the_adaptive_neuron_follows_its_equations() -> None:
    alpha, rho = 0.5, 0.75
    neuron = _adaptive(-1 / np.log(alpha), -1 / np.log(rho))
    spikes = neuron(torch.tensor([1.0, 1.0, 1.0, 1.0]).reshape(4, 1, 1)).flatten()
    # by hand: eta, theta = 0.01 + 1.8 eta, u = 0.5 u + 0.5 x - theta s
    eta1 = 0.75 * 0.01  # 0.0075, theta 0.0235, u 0.5: fires
    eta2 = 0.75 * eta1 + 0.25  # 0.255625, theta 0.470125, u 0.25 + 0.5 - 0.470125 = 0.279875: silent
    eta3 = 0.75 * eta2  # 0.191719, theta 0.355094, u 0.139938 + 0.5 = 0.639938: fires
    eta4 = 0.75 * eta3 + 0.25  # 0.393789, theta 0.718820, u 0.319969 + 0.5 - 0.718820 = 0.101148: silent
    assert spikes.tolist() == [1.0, 0.0, 1.0, 0.0]
    state, potentials, adaptations = None, [], []
    for _ in range(4):
        _, state = neuron.step(torch.ones(1, 1), state)
        potentials.append(float(state.potential))
        adaptations.append(float(state.adaptation))
    assert potentials == pytest.approx([0.5, 0.279875, 0.6399375, 0.10114844], abs=1e-6)
    assert adaptations == pytest.approx([eta1, eta2, eta3, eta4], abs=1e-6)


def test_the_recurrent_network_is_traced_with_its_loops() -> None:
    network = load_network(_path("srnn_shd.py:srnn"), input_shape=(12, 1, 1, 700))
    workload = axbar.trace(network, (torch.rand(2, 12, 1, 1, 700) < 0.05).float())
    assert workload.steps == 12 and len(workload.layers) < 16  # a node per operation, not one per step
    for layer in ("h1_2_h1", "h2_2_h2"):
        assert workload.layer(layer).steps == tuple(range(12))
        assert workload.layer(layer).operands[0].coding == "spikes"
    assert workload.layer("h1_2_h1").inputs == ("neurons1",)
    constants = workload.layer("neurons1").neuron
    assert constants is not None and (constants.kind, constants.strict) == ("AdaptiveLIF", True)
