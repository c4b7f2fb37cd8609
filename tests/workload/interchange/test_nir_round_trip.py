"""What is written comes back: the same spikes to the last bit, with metadata; a refusal without."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import axbar
from axbar.errors import ModelError, UsageError
from axbar.nn import IF, LIF, SynapticLIF, build_model
from axbar.workload import fold_norms
from axbar.workload.interchange import load_nir


class Events(nn.Module):
    """Any stack of layers on event sequences ``[B, T, ...]``."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.stack = nn.ModuleList(layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.transpose(0, 1)
        for layer in self.stack:
            stepwise = getattr(layer, "is_neuron", False)
            x = layer(x) if stepwise else layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        return x


def sequence(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def outputs(network: nn.Module, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return network.eval()(x)


@pytest.mark.parametrize("reset", ["subtract", "subtract_unleaked", "zero"])
@pytest.mark.parametrize("beta", [0.0, 0.1, 1 / 3, 0.5, 0.9, 0.97, 0.999999, 1.0])
def test_every_reset_and_decay_comes_back(tmp_path: Path, reset, beta: float) -> None:
    torch.manual_seed(1)
    network = Events(nn.Linear(5, 16), LIF(beta, 0.1, reset), nn.Linear(16, 8), LIF(beta, 0.2, reset))
    x = sequence(6, 20, 5)
    axbar.save_nir(network, tmp_path / "a.nir", example=x)
    again = axbar.load_network(tmp_path / "a.nir")
    assert torch.equal(outputs(network, x), outputs(again, x))
    assert 0 < outputs(network, x).mean() < 1
    for before, after in zip((network.stack[1], network.stack[3]), neurons(again), strict=True):
        for name in ("beta", "threshold", "reset", "input_scale", "strict"):
            assert getattr(before, name) == getattr(after, name)


def neurons(network: nn.Module) -> list[nn.Module]:
    return [m for m in network.modules() if getattr(m, "is_neuron", False)]


@pytest.mark.parametrize("alpha, beta", [(0.0, 0.5), (0.75, 0.0), (1 / 3, 0.9), (0.999, 0.85)])
def test_synapses_come_back(tmp_path: Path, alpha: float, beta: float) -> None:
    torch.manual_seed(2)
    network = Events(nn.Linear(5, 16), SynapticLIF(alpha, beta, 0.2, "zero", input_scale=0.37, strict=True))
    axbar.save_nir(network, tmp_path / "a.nir", dt=1e-3, example=sequence(2, 3, 5))
    x = sequence(6, 30, 5)
    assert torch.equal(outputs(network, x), outputs(axbar.load_network(tmp_path / "a.nir"), x))
    assert outputs(network, x).any()


def test_constants_of_every_neuron_come_back(tmp_path: Path) -> None:
    beta, theta = torch.linspace(0.1, 0.9, 8), torch.linspace(0.5, 1.5, 8)
    network = Events(nn.Linear(5, 8), LIF(beta, theta, "subtract"))
    axbar.save_nir(network, tmp_path / "a.nir", example=sequence(2, 3, 5))
    x = sequence(6, 30, 5)
    assert torch.equal(outputs(network, x), outputs(axbar.load_network(tmp_path / "a.nir"), x))


def pooled(name: str = "spiking-cnn", **config) -> nn.Module:
    """A registered network with average pools, since NIR has no maximum."""
    network = build_model(name, width=4, steps=4, seed=3, **config)
    for key, layer in list(network.named_children()):
        if isinstance(layer, nn.MaxPool2d):
            setattr(network, key, nn.AvgPool2d(2))
    return network


def test_a_registered_network_comes_back_for_images(tmp_path: Path) -> None:
    network = fold_norms(with_statistics(pooled()), torch.rand(2, 1, 28, 28))
    axbar.save_nir(network, tmp_path / "a.nir")
    again = axbar.load_network(tmp_path / "a.nir")
    x = sequence(8, 1, 28, 28)
    assert (again.steps, again.input_shape, again.classes) == (4, (1, 28, 28), 10)
    assert torch.equal(outputs(network, x), outputs(again, x))
    before, after = axbar.trace(network, x), axbar.trace(again, x)
    assert [n.output.words.sum() for n in before.neurons] == [n.output.words.sum() for n in after.neurons]
    assert before.neurons[0].output.words.any()


def with_statistics(network: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(5)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.uniform_(-0.2, 0.2, generator=generator)
            module.running_var.uniform_(0.05, 0.2, generator=generator)
    return network


def test_norms_are_folded_on_the_way(tmp_path: Path) -> None:
    network, x = with_statistics(pooled()), sequence(8, 1, 28, 28)
    axbar.save_nir(network, tmp_path / "a.nir")
    folded = fold_norms(network, x)
    assert torch.equal(outputs(axbar.load_network(tmp_path / "a.nir"), x), outputs(folded, x))


def test_sums_come_back_with_their_rounding(tmp_path: Path) -> None:
    class Residual(nn.Module):
        steps = None

        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6)
            self.fire, self.out = LIF(0.5, 0.5), nn.Linear(6, 3)
            self.input_shape = (6,)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = x.transpose(0, 1)
            y = self.c(y) + (self.a(y) + self.b(y))
            return self.out(self.fire(y) + y)

    torch.manual_seed(4)
    network, x = Residual(), sequence(16, 12, 6)
    axbar.save_nir(network, tmp_path / "a.nir")
    assert torch.equal(outputs(network, x), outputs(axbar.load_network(tmp_path / "a.nir"), x))


def test_an_imported_graph_can_be_written_again(tmp_path: Path) -> None:
    network = Events(nn.Linear(5, 16, bias=False), LIF(0.9, 0.3), nn.Linear(16, 8))
    axbar.save_nir(network, tmp_path / "a.nir", example=sequence(2, 3, 5))
    axbar.save_nir(axbar.load_network(tmp_path / "a.nir"), tmp_path / "b.nir")
    x = sequence(6, 20, 5)
    assert torch.equal(outputs(network, x), outputs(axbar.load_network(tmp_path / "b.nir"), x))


def test_writing_twice_gives_the_same_file(tmp_path: Path) -> None:
    network = Events(nn.Linear(5, 4), LIF(0.9, 0.3))
    for name in ("a.nir", "b.nir"):
        axbar.save_nir(network, tmp_path / name, example=sequence(2, 3, 5))
    assert (tmp_path / "a.nir").read_bytes() == (tmp_path / "b.nir").read_bytes()


def test_loading_draws_no_random_numbers(tmp_path: Path) -> None:
    axbar.save_nir(Events(nn.Linear(5, 4), LIF()), tmp_path / "a.nir", example=sequence(2, 3, 5))
    torch.manual_seed(0)
    axbar.load_network(tmp_path / "a.nir")
    drawn = torch.rand(1)
    torch.manual_seed(0)
    assert drawn == torch.rand(1)


def test_without_metadata_it_is_refused(tmp_path: Path) -> None:
    network = Events(nn.Linear(5, 4), LIF(0.9, 0.3, "subtract"))
    axbar.save_nir(network, tmp_path / "a.nir", dt=1e-4, example=sequence(2, 3, 5))
    with h5py.File(tmp_path / "a.nir", "a") as file:
        del file["node/metadata"]
        for node in file["node/nodes"].values():
            node.pop("metadata", None)
    with pytest.raises(UsageError, match=r"node 'stack.1' \(LIF\) lives in continuous time.*pass dt="):
        axbar.load_network(tmp_path / "a.nir")
    with pytest.raises(UsageError, match=r"what node 'stack.1' \(LIF\) does after a spike.*reset='subtract'"):
        axbar.load_network(tmp_path / "a.nir", dt=1e-4)
    again = axbar.load_network(tmp_path / "a.nir", dt=1e-4, reset="subtract")
    assert neurons(again)[0].beta == pytest.approx(0.9, rel=1e-12)


def test_what_other_programs_read_is_whole(tmp_path: Path) -> None:
    network = Events(
        nn.Linear(5, 4), LIF(0.9, 0.3), nn.Linear(4, 3), IF(2.0), nn.Linear(3, 2), SynapticLIF(0.5, 0.75)
    )
    axbar.save_nir(network, tmp_path / "a.nir", dt=1e-4, example=sequence(2, 3, 5))
    with h5py.File(tmp_path / "a.nir") as file:
        nodes = file["node/nodes"]
        assert {nodes[name]["type"][()].decode() for name in nodes} == {
            "Input", "Affine", "LIF", "IF", "CubaLIF", "Output"
        }  # fmt: skip
        lif, fire, cuba = (nodes[f"stack.{i}"] for i in (1, 3, 5))
        np.testing.assert_allclose(lif["tau"][()], np.full(4, 1e-3))  # dt/(1 − β)
        np.testing.assert_allclose(lif["r"][()], np.full(4, 10.0))  # τ/dt
        np.testing.assert_allclose(fire["r"][()], np.full(3, 1e4))  # 1/dt
        np.testing.assert_allclose(cuba["tau_mem"][()], np.full(2, 4e-4))
        np.testing.assert_allclose(cuba["w_in"][()] * 1e-4 / cuba["tau_syn"][()], np.ones(2))
        assert not lif["v_leak"][()].any() and not lif["v_reset"][()].any()
        assert lif["metadata/reset"][()] == b"subtract" and lif["metadata/dt"][()] == 1e-4


@pytest.mark.parametrize(
    "layers, sentence",
    [
        ((nn.Conv2d(1, 2, 3), LIF(), nn.MaxPool2d(2)), "is a max pool that NIR has no node for"),
        ((nn.Conv2d(1, 2, 3), nn.ReLU()), r"\(activation, relu\) has no NIR node"),
        ((nn.Conv2d(1, 2, 3), LIF(mask_single_spikes=True)), "has mask_single_spikes = True"),
        ((nn.Conv2d(1, 2, 3), SynapticLIF(0.5, 1.0)), "has beta = 1, a time constant without end"),
        ((nn.Conv2d(1, 2, 3), LIF(), nn.AvgPool2d(2, ceil_mode=True)), "without ceil_mode"),
        ((nn.Conv2d(1, 2, 2, padding="same"), LIF()), "NIR has no node for that"),
    ],
)
def test_what_nir_lacks_is_refused_by_name(tmp_path: Path, layers, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        axbar.save_nir(Events(*layers), tmp_path / "a.nir", example=torch.rand(2, 3, 1, 7, 7))
    assert not (tmp_path / "a.nir").exists()


def test_a_network_without_an_input_shape_needs_an_example(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not state its input_shape; pass example="):
        axbar.save_nir(Events(nn.Linear(2, 2), LIF()), tmp_path / "a.nir")
    with pytest.raises(UsageError, match=r"dt = 0\.0 is no length"):
        axbar.save_nir(Events(nn.Linear(2, 2), LIF()), tmp_path / "a.nir", dt=0.0)


@st.composite
def networks(draw) -> tuple[nn.Module, tuple[int, ...]]:
    """Random feed-forward networks on maps, with all kinds of neurons, pools and sums of two branches."""
    torch.manual_seed(draw(st.integers(0, 2**31)))
    unit = st.floats(0, 0.99)

    def neuron() -> nn.Module:
        common = {
            "threshold": draw(st.floats(0.05, 2.0)),
            "reset": draw(st.sampled_from(["subtract", "subtract_unleaked", "zero"])),
            "strict": draw(st.booleans()), "input_scale": draw(st.floats(0.1, 3.0)),
        }  # fmt: skip
        kind = draw(st.integers(0, 2))
        if kind == 0:
            return IF(**common)
        return LIF(draw(unit), **common) if kind == 1 else SynapticLIF(draw(unit), draw(unit), **common)

    channels, size, layers = draw(st.integers(1, 3)), 8, list[nn.Module]()
    shape = (channels, size, size)
    for _ in range(draw(st.integers(1, 3))):
        wide, stride = 2 * draw(st.integers(1, 3)), draw(st.integers(1, 2))
        groups = 2 if channels % 2 == 0 and draw(st.booleans()) else 1
        layers += [
            nn.Conv2d(channels, wide, 3, stride, 1, groups=groups, bias=draw(st.booleans())), neuron()
        ]  # fmt: skip
        channels, size = wide, -(-size // stride)
        if size >= 4 and draw(st.booleans()):
            layers.append(nn.AvgPool2d(2, divisor_override=draw(st.sampled_from([None, 1]))))
            size //= 2
    layers += [nn.Flatten(), nn.Linear(channels * size * size, 5, bias=draw(st.booleans()))]
    return Events(*layers, *([neuron()] if draw(st.booleans()) else [])), shape


@given(networks(), st.integers(1, 6), st.floats(1e-6, 10.0))
@settings(max_examples=40, deadline=None)
def test_random_networks_come_back_to_the_last_bit(tmp_path_factory, made, steps: int, dt: float) -> None:
    network, shape = made
    path = tmp_path_factory.mktemp("nir") / "net.nir"
    x = sequence(3, steps, *shape)
    axbar.save_nir(network, path, dt=dt, example=x[:1])
    again = load_nir(path)
    assert torch.equal(outputs(network, x), outputs(again, x))
    assert [repr(n) for n in neurons(network)] == [repr(n) for n in neurons(again)]
