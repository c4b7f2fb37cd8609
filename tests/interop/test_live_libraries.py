"""Networks of the real libraries and their imports: equal spikes at every neuron and step (``make test-interop``)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

for _library in ("snntorch", "spikingjelly", "norse", "sinabs"):
    pytest.importorskip(_library, reason="the other libraries have an environment of their own")

import norse.torch as norse  # noqa: E402
import sinabs.activation as activation  # noqa: E402
import sinabs.layers as sinabs_layers  # noqa: E402
import snntorch  # noqa: E402
import torch  # noqa: E402
from freeze import arrays, inputs  # noqa: E402
from live_cases import CASES  # noqa: E402
from live_nets import DATA, TwoLayers, spikes_of  # noqa: E402
from spikingjelly.activation_based import layer as jelly_layer  # noqa: E402
from spikingjelly.activation_based import neuron as jelly  # noqa: E402
from torch import Tensor, nn  # noqa: E402

import axbar  # noqa: E402
from axbar.data import load_data  # noqa: E402
from axbar.errors import ModelError  # noqa: E402

NEURONS = ("lif1", "lif2")
T = 4


@pytest.mark.parametrize("name", CASES)
def test_spikes_equal_the_librarys_bit_for_bit(name: str) -> None:
    case = CASES[name]
    x, weights = inputs()
    x = torch.cat([x, torch.rand(120, 49, generator=torch.Generator().manual_seed(9))])
    live = TwoLayers(case.make, case.way, weights, case.gain).eval()
    imported = axbar.from_module(live)
    theirs = spikes_of(live, NEURONS, lambda: live(x))
    ours = spikes_of(imported, tuple(f"network.{n}" for n in NEURONS), lambda: imported(x))
    for layer in NEURONS:
        rate = float(theirs[layer].mean())
        assert 0.01 < rate < 0.9, f"{layer} fires at a rate of {rate}: the comparison would be empty"
        assert torch.equal(theirs[layer], ours[f"network.{layer}"])


@pytest.mark.parametrize("name", CASES)
def test_constants_survive(name: str) -> None:
    case = CASES[name]
    neuron: Any = axbar.from_module(TwoLayers(case.make, case.way, inputs()[1])).get_submodule("network.lif1")
    assert (neuron.reset, neuron.strict) == (case.reset, case.strict)
    assert neuron.beta == pytest.approx(case.beta, rel=1e-6)
    assert neuron.threshold == pytest.approx(case.threshold, rel=1e-6)
    assert neuron.input_scale == pytest.approx(case.input_scale, rel=1e-6)
    assert getattr(neuron, "alpha", 0.0) == pytest.approx(case.alpha, rel=1e-6)


def test_frozen_vectors_are_what_the_libraries_give() -> None:
    now, frozen = arrays(), np.load(DATA)
    assert set(now) == set(frozen.files)
    for key in now:
        assert np.array_equal(now[key], frozen[key]), f"{key} changed; look why, then make freeze-interop"


class ConvSnnTorch(nn.Module):
    """The usual snnTorch network: own loop, explicit potentials, spikes and potentials out."""

    def __init__(self, **leaky: Any) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 8, 3, padding=1), nn.Linear(8 * 14 * 14, 10)
        self.lif1, self.lif2 = snntorch.Leaky(beta=0.5, **leaky), snntorch.Leaky(beta=0.9, **leaky)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        spikes, potentials = [], []
        for _ in range(T):
            s1, mem1 = self.lif1(self.conv(x), mem1)
            s2, mem2 = self.lif2(self.fc(nn.functional.max_pool2d(s1, 2).flatten(1)), mem2)
            spikes.append(s2)
            potentials.append(mem2)
        return torch.stack(spikes), torch.stack(potentials)


def _jelly(mode: str) -> nn.Module:
    def lif() -> nn.Module:
        return jelly.LIFNode(tau=2.0, decay_input=False, v_reset=None, step_mode=mode)

    return nn.Sequential(
        jelly_layer.Conv2d(1, 8, 3, padding=1, step_mode=mode), jelly_layer.BatchNorm2d(8, step_mode=mode), lif(),
        jelly_layer.MaxPool2d(2, 2, step_mode=mode), jelly_layer.Flatten(step_mode=mode),
        jelly_layer.Linear(8 * 14 * 14, 10, step_mode=mode), lif(),
    )  # fmt: skip


def _norse() -> nn.Module:
    p = norse.LIFBoxParameters(tau_mem_inv=torch.tensor(500.0))
    return norse.SequentialState(
        nn.Conv2d(1, 8, 3, padding=1), norse.LIFBoxCell(p=p), nn.MaxPool2d(2, 2), nn.Flatten(),
        nn.Linear(8 * 14 * 14, 10), norse.LIFBoxCell(p=p),
    )  # fmt: skip


def _norse_sequence() -> nn.Module:
    return norse.SequentialState(
        norse.Lift(nn.Conv2d(1, 8, 3, padding=1)), norse.LIF(), norse.Lift(nn.MaxPool2d(2, 2)), nn.Flatten(2),
        nn.Linear(8 * 14 * 14, 10), norse.LIF(),
    )  # fmt: skip


def _sinabs() -> nn.Module:
    def lif() -> nn.Module:
        return sinabs_layers.LIF(tau_mem=3.0, spike_fn=activation.SingleSpike, norm_input=False)

    return nn.Sequential(nn.Flatten(2), nn.Linear(784, 64), lif(), nn.Linear(64, 10), lif())


def _sinabs_squeezed() -> nn.Module:
    def iaf() -> nn.Module:
        return sinabs_layers.IAFSqueeze(num_timesteps=T, spike_fn=activation.SingleSpike)

    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        iaf(),
        nn.MaxPool2d(2, 2),
        nn.Flatten(),
        nn.Linear(8 * 14 * 14, 10),
        iaf(),
    )


NETS: dict[str, tuple[Any, int | None]] = {
    "snntorch A": (lambda: ConvSnnTorch(reset_delay=False), None),
    "snntorch B": (ConvSnnTorch, None),
    "snntorch C": (lambda: ConvSnnTorch(reset_mechanism="zero"), None),
    "spikingjelly steps": (lambda: _jelly("s"), T),
    "spikingjelly sequence": (lambda: _jelly("m"), T),
    "norse steps": (_norse, T),
    "norse sequence": (_norse_sequence, T),
    "sinabs": (_sinabs, T),
    "sinabs squeezed": (_sinabs_squeezed, T),
}


@pytest.mark.parametrize("name", NETS)
def test_networks_on_real_images_are_equal_and_go_all_the_way(name: str) -> None:
    torch.manual_seed(1)
    make, steps = NETS[name]
    live = make().eval()
    for module in live.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            gain = 4.0 if name.startswith("norse") else 1.0  # its input scale leaves the layers silent
            module.weight.data = gain * (module.weight.data.abs() * 0.5 + module.weight.data)
    x = torch.from_numpy(load_data("fashion-mnist-small").test.x[:8]).float() / 255
    imported = axbar.from_module(live, steps, example=x)  # raises where outputs differ
    spikes = imported(x)
    assert spikes.shape == (T, 8, 10)
    assert 0.0 < float(spikes.mean()) < 1.0
    assert torch.equal(spikes, imported(x)), "nothing is kept between calls"
    workload = axbar.trace(imported, x)
    assert [layer.op for layer in workload.layers if layer.op in ("conv2d", "linear", "neuron")] == (
        ["linear", "neuron", "linear", "neuron"]
        if name == "sinabs"
        else ["conv2d", "neuron", "linear", "neuron"]
    )
    assert float(axbar.estimate(workload, "imc-rram-65nm").energy_J.sum()) > 0
    assert axbar.to_analog(imported, "imc-rram-65nm", data=x)(x).shape == (T, 8, 10)


REFUSED: dict[str, tuple[Any, str]] = {
    "sinabs default": (lambda: sinabs_layers.LIF(tau_mem=10.0), "spike_fn = MultiSpike"),
    "sinabs bound": (
        lambda: sinabs_layers.LIF(tau_mem=10.0, spike_fn=activation.SingleSpike, min_v_mem=-1.0), "min_v_mem = -1.0",
    ),
    "sinabs adaptive": (lambda: sinabs_layers.ALIF(tau_mem=10.0, tau_adapt=10.0), "ALIF"),
    "snntorch none": (lambda: snntorch.Leaky(beta=0.5, reset_mechanism="none"), "reset_mechanism = none"),
    "snntorch graded": (lambda: snntorch.Leaky(beta=0.5, graded_spikes_factor=2.0), "graded_spikes_factor = 2.0"),
    "snntorch recurrent": (lambda: snntorch.RLeaky(beta=0.5, all_to_all=False), "RLeaky"),
    "snntorch lapicque zero": (
        lambda: snntorch.Lapicque(beta=0.9, reset_mechanism="zero"), "reset_mechanism = zero",
    ),
    "spikingjelly reset": (lambda: jelly.LIFNode(v_reset=-0.1), "v_reset = -0.1"),
    "spikingjelly quadratic": (lambda: jelly.QIFNode(), "QIFNode"),
    "norse rest": (
        lambda: norse.LIFBoxCell(p=norse.LIFBoxParameters(v_leak=torch.tensor(0.1))), "p.v_leak",
    ),
    "norse recurrent": (lambda: norse.LSNNCell(), "LSNNCell"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_neuron_here_computes_is_refused_by_name(name: str) -> None:
    make, words = REFUSED[name]
    with pytest.raises(ModelError, match="supported") as error:
        axbar.from_module(nn.Sequential(nn.Linear(4, 4), make()), steps=2)
    assert words in str(error.value) and "'1'" in str(error.value)


class Other(snntorch.Leaky):
    """A subclass that computes something else behind the same settings."""

    def forward(self, input_: Tensor, mem: Tensor | None = None) -> Any:
        return super().forward(0.9 * input_, mem)


def test_a_subclass_that_computes_something_else_is_found_out() -> None:
    with pytest.raises(ModelError, match="fires otherwise than its settings say"):
        axbar.from_module(nn.Sequential(Other(beta=0.5, init_hidden=True)), steps=2)


def test_one_value_per_neuron_survives() -> None:
    beta = torch.linspace(0.2, 0.95, 24)
    live = nn.Sequential(nn.Linear(49, 24), snntorch.Leaky(beta=beta, init_hidden=True))
    x = inputs()[0] * 3
    imported: Any = axbar.from_module(live, 6, example=x)
    assert torch.equal(imported.network[1].beta, beta)


def test_weights_saved_from_either_network_load(tmp_path: Any) -> None:
    (tmp_path / "mine.py").write_text(
        "import snntorch\nfrom torch import nn\n\n\ndef make():\n"
        "    class Net(nn.Module):\n        def __init__(self):\n            super().__init__()\n"
        "            self.fc, self.lif = nn.Linear(4, 3), snntorch.Leaky(beta=0.5, learn_beta=True)\n\n"
        "        def forward(self, x):\n            spk, mem = self.lif(self.fc(x))\n"
        "            return spk.unsqueeze(0)\n\n    return Net()\n",
        encoding="utf-8",
    )
    reference = f"{tmp_path / 'mine.py'}:make"
    foreign = {"fc.weight": torch.eye(3, 4), "fc.bias": torch.zeros(3), "lif.beta": torch.tensor(0.75)}
    rest = {"lif.threshold": 1.0, "lif.graded_spikes_factor": 1.0, "lif.reset_mechanism_val": 0}
    torch.save({**foreign, **{k: torch.tensor(v) for k, v in rest.items()}}, tmp_path / "foreign.pt")
    net: Any = axbar.load_network(reference, tmp_path / "foreign.pt")
    assert net.network.lif.beta == 0.75
    assert torch.equal(net.network.fc.weight, torch.eye(3, 4))
    torch.save(net.state_dict(), tmp_path / "own.pt")
    again: Any = axbar.load_network(reference, tmp_path / "own.pt")
    assert torch.equal(again.network.fc.weight, torch.eye(3, 4))
