"""Import of other libraries' networks: stand-ins of their neurons against spikes recorded from the real ones."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stand_ins
import torch
from live_nets import DATA, STEPS, TwoLayers
from stand_ins import Leaky, LIFBoxCell, LIFNode, MembraneReset, MembraneSubtract, SinabsLIF
from torch import Tensor, nn

import axbar
from axbar.errors import ModelError, UsageError
from axbar.nn import LIF, SynapticLIF
from axbar.workload.interchange._live_neurons import ImportedPromptLIF

FROZEN = np.load(DATA)
CONSTANTS: dict[str, dict[str, Any]] = json.loads(str(FROZEN["facts"]))["constants"]

#: the same settings as those of the recorded neurons
STAND_INS: dict[str, Callable[[], nn.Module]] = {
    "snntorch B default": lambda: Leaky(0.9),
    "snntorch B threshold": lambda: Leaky(0.6, threshold=0.7),
    "snntorch A": lambda: Leaky(0.5, reset_delay=False),
    "snntorch C": lambda: Leaky(0.8, "zero", threshold=1.25),
    "snntorch hidden": lambda: Leaky(0.5, init_hidden=True),
    "spikingjelly default": lambda: LIFNode(),
    "spikingjelly A": lambda: LIFNode(3.0, False, None, v_threshold=0.8),
    "spikingjelly C": lambda: LIFNode(4.0, False, 0.0, step_mode="m"),
    "norse default": lambda: LIFBoxCell(),
    "norse C": lambda: LIFBoxCell(500.0),
    "sinabs A": lambda: SinabsLIF(3.0, MembraneSubtract(), norm_input=False),
    "sinabs C": lambda: SinabsLIF(5.0, MembraneReset(), norm_input=False),
}


def _weights() -> tuple[Tensor, Tensor]:
    return torch.from_numpy(FROZEN["fc1"]), torch.from_numpy(FROZEN["fc2"])


def _layers(net: Any) -> list[np.ndarray]:
    for module in net.modules():
        getattr(module, "forget", int)()
    with torch.no_grad():
        return [spikes.numpy().astype(np.uint8) for spikes in net.layers(torch.from_numpy(FROZEN["x"]))]


@pytest.mark.parametrize("name", STAND_INS)
def test_imported_neurons_fire_as_the_real_library_did(name: str) -> None:
    case = CONSTANTS[name]
    imported: Any = axbar.from_module(TwoLayers(STAND_INS[name], case["way"], _weights(), case["gain"]))
    for layer, spikes in zip(("lif1", "lif2"), _layers(imported.network), strict=True):
        assert 0.01 < spikes.mean() < 0.9
        assert np.array_equal(spikes, FROZEN[f"{name}/{layer}"]), layer
    neuron = imported.network.lif1
    for key in ("beta", "threshold", "input_scale"):
        assert getattr(neuron, key) == pytest.approx(case[key], rel=1e-6), key
    assert (neuron.reset, neuron.strict) == (case["reset"], case["strict"])


@pytest.mark.parametrize("name", CONSTANTS)
def test_axbar_neurons_with_the_imported_constants_fire_the_same(name: str) -> None:
    case = CONSTANTS[name]
    given = {key: case[key] for key in ("beta", "threshold", "reset", "input_scale", "strict")}
    synaptic = name in ("snntorch synaptic", "norse LIF", "sinabs current")
    kind = ImportedPromptLIF if name == "snntorch A" else SynapticLIF if synaptic else LIF

    def neuron() -> nn.Module:
        made: Any = kind(**given, **({"alpha": case["alpha"]} if synaptic else {}))
        if kind is ImportedPromptLIF:
            from axbar.workload.interchange._live_neurons import SnnTorch

            made.calls(SnnTorch(hidden=True, output=False, late_zero=False, synaptic=False))
        return made

    way = "step" if kind is ImportedPromptLIF else "sequence"
    spikes = _layers(TwoLayers(neuron, way, _weights(), case["gain"]))
    assert np.array_equal(spikes[0], FROZEN[f"{name}/lif1"])
    assert np.array_equal(spikes[1], FROZEN[f"{name}/lif2"])


def test_prompt_subtraction_is_recurrence_a_until_a_potential_passes_twice_the_threshold() -> None:
    x = torch.tensor([[1.5], [0.1], [0.1], [2.5], [0.1], [0.1]])
    state, spikes, potentials = None, [], []
    neuron = ImportedPromptLIF(0.5, 1.0, "subtract", strict=True)
    for x_t in x:
        s, state = neuron.step(x_t, state)
        spikes.append(int(s))
        potentials.append(round(float(state.v), 6))
    # by hand: h = 1.5, v = 0.5 | 0.35 | 0.275 | h = 2.6375, v = 1.6375, still above the threshold
    assert spikes == [1, 0, 0, 1, 0, 0]
    assert potentials[:4] == [0.5, 0.35, 0.275, 1.6375]
    # r = 1: h = 0.81875 + 0.1 − 1 = −0.08125, no spike, so θ is given back; recurrence A stands at 0.91875 as well,
    # but fire at h = βv + x > θ, this one only above 2θ
    assert potentials[4] == pytest.approx(0.91875)


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "graded": (lambda: Leaky(0.5, graded_spikes_factor=2.0), "graded_spikes_factor = 2.0"),
    "no reset": (lambda: Leaky(0.5, "none"), "reset_mechanism = none"),
    "reset value": (lambda: LIFNode(v_reset=-0.5), "v_reset = -0.5"),
    "soft spikes": (lambda: LIFNode(spiking=False), "surrogate_function.spiking = False"),
    "rest": (lambda: LIFBoxCell(v_leak=0.5), "p.v_leak = 0.5"),
    "many spikes": (
        lambda: SinabsLIF(3.0, MembraneReset(), spike_fn=stand_ins.MultiSpike),
        "spike_fn = MultiSpike",
    ),
    "unknown": (lambda: stand_ins.RLeaky(0.5), "snnTorch RLeaky"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_module_attribute_value_and_what_is_supported(name: str) -> None:
    make, words = REFUSED[name]
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(make()))
    with pytest.raises(ModelError) as error:
        axbar.from_module(net, steps=2)
    assert words in str(error.value)
    assert "'1.0'" in str(error.value) and "supported" in str(error.value)


def _baseless(name: str, attributes: dict[str, Any]) -> nn.Module:
    """A module of snnTorch without the base class of its neurons."""
    cls: Any = type(
        name, (nn.Module,), {"__module__": "snntorch._neurons.other", "forward": lambda self, x: x}
    )
    module = cls()
    vars(module).update(attributes)
    return module


@pytest.mark.parametrize(
    ("name", "attributes", "words"),
    [
        ("Leaky", {"beta": 0.5}, r"'1' \(snnTorch Leaky\) has no attribute 'inhibition'"),
        ("Newer", {"threshold": 1.0}, r"'1' \(snnTorch Newer\) has no equal in axbar"),
    ],
)
def test_neurons_without_the_base_class_of_their_library_are_refused(
    name: str, attributes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        axbar.from_module(nn.Sequential(nn.Linear(2, 2), _baseless(name, attributes)), steps=2)


def test_other_modules_of_a_library_stay() -> None:
    net = nn.Sequential(nn.Linear(2, 2), _baseless("Viewer", {}))
    assert axbar.from_module(net) is net


def test_another_version_behind_the_same_names_is_found_out() -> None:
    neuron = LIFNode(3.0, False, None)
    neuron.one = lambda x: type(neuron).one(neuron, 0.99 * x)
    with pytest.raises(ModelError, match=r"fires otherwise than its settings say: \d+ of \d+ neurons"):
        axbar.from_module(nn.Sequential(nn.Linear(2, 2), neuron), steps=2)


def test_a_missing_attribute_is_named() -> None:
    neuron = LIFNode()
    del neuron.tau
    with pytest.raises(ModelError, match="has no attribute 'tau'"):
        axbar.from_module(nn.Sequential(neuron), steps=2)


def test_a_chain_without_steps_asks_for_them() -> None:
    with pytest.raises(ModelError, match=r"from_module\(network, steps=T\)"):
        axbar.from_module(nn.Sequential(nn.Linear(2, 2), LIFNode()))
    with pytest.raises(ModelError, match="steps = 0"):
        axbar.from_module(nn.Sequential(nn.Linear(2, 2), LIFNode()), steps=0)


def test_networks_without_foreign_neurons_come_back_as_they_are() -> None:
    net = nn.Sequential(nn.Linear(2, 2), LIF())
    assert axbar.from_module(net) is net


def _chain() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 5), LIFNode(2.0, False, None), nn.Linear(5, 3), LIFNode(2.0, False, None)
    )


def test_the_original_is_not_changed_and_calls_start_from_rest() -> None:
    live, x = _chain(), torch.rand(4, 6) * 3
    imported = axbar.from_module(live, steps=5)
    first = imported(x)
    assert isinstance(live[1], LIFNode)  # pyright: ignore[reportIndexIssue]
    assert first.shape == (5, 4, 3)
    assert torch.equal(first, imported(x))
    assert torch.equal(pickle.loads(pickle.dumps(imported))(x), first)


def test_imports_are_traced_estimated_put_on_arrays_and_trained() -> None:
    x = torch.rand(4, 6) * 3
    imported = axbar.from_module(_chain(), steps=5)
    workload = axbar.trace(imported, x)
    ops = [(layer.op, layer.name) for layer in workload.layers]
    assert ops == [
        ("linear", "network.0"),
        ("neuron", "network.1"),
        ("linear", "network.2"),
        ("neuron", "network.3"),
    ]
    assert float(axbar.estimate(workload, "imc-rram-65nm").energy_J.sum()) > 0
    assert axbar.to_analog(imported, "imc-rram-65nm", data=x)(x).shape == (5, 4, 3)
    imported(x).sum().backward()
    assert float(imported.get_submodule("network.0").weight.grad.abs().sum()) > 0  # pyright: ignore


def test_a_second_sequence_in_one_pass_is_refused() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lif = LIFNode(step_mode="m")

        def forward(self, x: Tensor) -> Tensor:
            return self.lif(self.lif(x.expand(3, *x.shape)))

    with pytest.raises(ModelError, match="second sequence"):
        axbar.from_module(Twice())(torch.rand(2, 4))


def test_one_neuron_under_two_names_is_replaced_under_both() -> None:
    net = TwoLayers(lambda: Leaky(0.5), "potential", _weights())
    net.lif2 = net.lif1
    imported: Any = axbar.from_module(net)
    assert isinstance(imported.network.lif2, LIF)
    assert imported.network.lif2 is imported.network.lif1


def test_a_factory_in_a_file_may_return_a_foreign_network(tmp_path: Path) -> None:
    folder = Path(stand_ins.__file__).parent
    (tmp_path / "mine.py").write_text(
        f"import sys\nsys.path.insert(0, {str(folder)!r})\nimport torch\nfrom live_nets import TwoLayers\n"
        "from stand_ins import LIFNode\n\n\ndef make():\n"
        "    return TwoLayers(lambda: LIFNode(2.0, False, None), 'step', (torch.eye(24, 49), torch.eye(10, 24)))\n",
        encoding="utf-8",
    )
    reference = f"{tmp_path / 'mine.py'}:make"
    net: Any = axbar.load_network(reference)
    assert isinstance(net.network.lif1, LIF)
    x = torch.rand(2, 49) * 3
    assert net(x).shape == (STEPS, 2, 10)
    torch.save({"fc1.weight": torch.ones(24, 49), "fc2.weight": torch.ones(10, 24)}, tmp_path / "theirs.pt")
    theirs: Any = axbar.load_network(reference, tmp_path / "theirs.pt")
    assert isinstance(theirs.network.lif1, LIF)
    assert bool((theirs.network.fc1.weight == 1.0).all())
    torch.save(theirs.state_dict(), tmp_path / "ours.pt")
    ours = axbar.load_network(reference, tmp_path / "ours.pt")
    assert bool((ours.get_parameter("network.fc2.weight") == 1.0).all())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("hello", r"a torch.nn.Module is needed, got str 'hello'; load_network loads"),
        (3, "a torch.nn.Module is needed, got int;"),
        (TwoLayers, r"TwoLayers is a class, not a network; make one: from_module\(TwoLayers\(\.\.\.\)\)"),
    ],
)
def test_what_is_no_network_is_said(given: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        axbar.from_module(given)


def test_an_example_that_is_no_tensor_is_said() -> None:
    with pytest.raises(UsageError, match="example must be a batch of inputs as a tensor, not list"):
        axbar.from_module(nn.Sequential(nn.Linear(2, 2)), example=[[0.0, 1.0]])  # pyright: ignore[reportArgumentType]
