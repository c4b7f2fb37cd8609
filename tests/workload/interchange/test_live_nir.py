"""Networks of other libraries, imported, written to NIR and read back: the same spikes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from live_nets import STEPS, TwoLayers
from test_live_frozen import CONSTANTS, FROZEN, STAND_INS
from torch import Tensor, nn

import axbar
from axbar.errors import ModelError
from axbar.nn import LIF, SynapticLIF
from axbar.workload.interchange._live import ImportedNetwork
from axbar.workload.interchange._live_neurons import ImportedSynapticLIF, Sinabs

X = torch.from_numpy(FROZEN["x"])


def _weights() -> tuple[Tensor, Tensor]:
    return torch.from_numpy(FROZEN["fc1"]), torch.from_numpy(FROZEN["fc2"])


def _imported(name: str) -> nn.Module:
    case = CONSTANTS[name]
    return axbar.from_module(TwoLayers(STAND_INS[name], case["way"], _weights(), case["gain"]))


def _through(net: nn.Module, path: Path) -> nn.Module:
    axbar.save_nir(net, path, example=X[:2])
    return axbar.load_network(path)


@pytest.mark.parametrize("name", [name for name in STAND_INS if name != "snntorch A"])
def test_the_file_of_an_imported_network_fires_as_the_real_library_did(name: str, tmp_path: Path) -> None:
    back = _through(_imported(name), tmp_path / "net.nir")
    with torch.no_grad():
        spikes = back(X).numpy()
    assert 0.01 < spikes.mean() < 0.9
    assert np.array_equal(spikes.astype(np.uint8), FROZEN[f"{name}/lif2"])


def test_a_synapse_is_written_too(tmp_path: Path) -> None:
    def neuron() -> nn.Module:
        made = ImportedSynapticLIF(0.7, 0.6, 1.0, "subtract", 0.3, strict=False)
        return made.calls(Sinabs())

    net = TwoLayers(neuron, "samples first", _weights())
    for module in (net.lif1, net.lif2):
        assert type(module) is ImportedSynapticLIF
    twin = TwoLayers(
        lambda: SynapticLIF(0.7, 0.6, 1.0, "subtract", 0.3, strict=False), "sequence", _weights()
    )
    back = _through(ImportedNetwork(net, None), tmp_path / "net.nir")
    with torch.no_grad():
        spikes = twin(X)
        assert 0.01 < float(spikes.mean()) < 0.9
        assert torch.equal(back(X), spikes)


def test_a_reset_that_nir_has_not_is_refused_with_neuron_setting_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'network\.lif1'.*reset_delay = False.*reset_delay=True"):
        _through(_imported("snntorch A"), tmp_path / "net.nir")
    assert not list(tmp_path.iterdir())


class _Potentials(TwoLayers):
    """``which`` layer hands on its potentials in place of its spikes."""

    which: int

    def run(self, neuron: Any, x: Tensor) -> Tensor:
        out: list[Tensor] = []
        state = neuron.reset_mem()
        for x_t in x.unbind(0):
            spikes, state = neuron(x_t, state)
            out.append(state if neuron is (self.lif1, self.lif2)[self.which] else spikes)
        return torch.stack(out)


@pytest.mark.parametrize(
    ("which", "words"), [(0, r"'network\.fc2' reads other"), (1, "returns other values")]
)
def test_potentials_handed_on_are_refused(which: int, words: str, tmp_path: Path) -> None:
    net = _Potentials(STAND_INS["snntorch B default"], "potential", _weights())
    net.which = which
    with pytest.raises(ModelError, match=words):
        _through(axbar.from_module(net), tmp_path / "net.nir")


def test_sequences_with_the_samples_first_are_traced_step_by_step() -> None:
    net = _imported("sinabs A")
    traced = axbar.trace(net, X, labels=torch.arange(len(X)) % 10)
    layer = traced.layer("network.lif1")
    assert (layer.geometry.in_shape, layer.steps) == ((24,), tuple(range(STEPS)))
    assert layer.output is not None and traced.layer("network.fc2").operands[0].words is not None
    assert np.array_equal(layer.output.words, traced.layer("network.fc2").operands[0].words)  # pyright: ignore
    constants = CONSTANTS["sinabs A"]
    given = {key: constants[key] for key in ("beta", "threshold", "reset", "input_scale", "strict")}
    twin = TwoLayers(lambda: LIF(**given), "sequence", _weights(), constants["gain"])
    other = axbar.trace(twin, X, labels=torch.arange(len(X)) % 10)
    assert traced.grad is not None and other.grad is not None
    for name in ("fc1", "fc2"):
        ours, theirs = traced.grad[f"network.{name}"], other.grad[name]
        assert np.array_equal(ours.df, theirs.df) and np.array_equal(ours.du, theirs.du), name  # pyright: ignore


@pytest.mark.parametrize("shape", [(4, 1, 1), (4, 6, 6), (6,)])
def test_constants_that_differ_along_some_axes_come_back(shape: tuple[int, ...], tmp_path: Path) -> None:
    class Maps(nn.Module):
        steps = 4

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 3)
            values = 0.3 + 0.6 * torch.rand(shape)
            self.lif = LIF(beta=values, threshold=0.2, input_scale=values)

        def forward(self, x: Tensor) -> Tensor:
            return self.lif(self.conv(x).expand(4, -1, -1, -1, -1))

    torch.manual_seed(0)
    net, x = Maps(), torch.rand(3, 1, 8, 8) * 4
    axbar.save_nir(net, tmp_path / "net.nir", example=x)
    with torch.no_grad():
        spikes = net(x)
        assert 0.01 < float(spikes.mean()) < 0.9
        assert torch.equal(axbar.load_network(tmp_path / "net.nir")(x), spikes.flatten(2))
