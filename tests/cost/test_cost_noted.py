"""What every estimate says of a workload: spikes of unknown neurons, neurons that never fire."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from cost_cases import chip, neuron, product, real, small_network, spiking
from torch import Tensor, nn

import axbar
from axbar.cost import estimate
from axbar.cost._noted import neuron_notes
from axbar.nn import LIF
from axbar.workload import LayerTrace, Operand, Workload, shapes
from axbar.workload._types import Geometry

CHIPS = ("imc-rram-65nm", "sata", "loas")
UNKNOWN, SILENT = "no neuron that axbar knows", "no neuron fires: nothing is computed behind them"


class Plain(nn.Module):
    """A convolution, a LIF written out, a read-out; ``on_input``: that LIF takes the images themselves."""

    def __init__(self, on_input: bool = False) -> None:
        super().__init__()
        self.conv, self.fc, self.on_input = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(256, 3), on_input

    def forward(self, x: Tensor) -> Tensor:
        m, out = torch.zeros(()), list[Tensor]()
        for _ in range(4):
            m = 0.5 * m + (x if self.on_input else self.conv(x))
            s = (m > 0.1).float()
            m = m - s * 0.1
            out.append(self.fc((self.conv(s) if self.on_input else s).flatten(1)))
        return torch.stack(out)


def traced(net: nn.Module, x: Tensor | None = None) -> Workload:
    torch.manual_seed(0)
    return axbar.trace(net, torch.rand(4, 1, 8, 8) if x is None else x)


@pytest.mark.parametrize("name", CHIPS)
def test_a_neuron_written_out_is_noted_on_every_kind_of_chip(name: str) -> None:
    torch.manual_seed(0)
    (note,) = (n for n in estimate(traced(Plain()), name).notes if UNKNOWN in n)
    assert note.startswith("spikes into fc come from") and "membranes are not charged" in note
    assert "axbar.nn.LIF" in note and "axbar.from_module" in note


def test_a_neuron_written_out_on_the_network_s_own_input_is_noted_too() -> None:
    torch.manual_seed(0)
    (note,) = neuron_notes(traced(Plain(on_input=True)))
    assert UNKNOWN in note and "spikes into conv" in note


def test_known_neurons_anns_and_spikes_of_the_input_are_not_noted() -> None:
    class Encoded(nn.Module):
        """The input as spikes, by comparison with random numbers."""

        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.lif, self.fc2 = nn.Linear(64, 8), LIF(), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            given = torch.stack([(x.flatten(1) > torch.rand(64)).float() for _ in range(4)])
            return self.fc2(self.lif(4 * self.fc1(given).abs()))

    class Binary(nn.Module):
        """An activation of zeros and ones; no steps."""

        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.fc2 = nn.Linear(64, 8), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc2((self.fc1(x.flatten(1)) > 0).float())

    relu = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 3))
    for net in (Encoded(), Binary(), relu):
        assert neuron_notes(traced(net)) == (), type(net).__name__
    assert neuron_notes(small_network()) == neuron_notes(shapes.vgg9(steps=2)) == ()
    assert not any(UNKNOWN in note for note in estimate(small_network(), chip()).notes)


class Spiking(nn.Module):
    """Two layers of neurons and a read-out, each step the same image."""

    def __init__(self, first: float, second: float) -> None:
        super().__init__()
        self.fc1, self.lif1 = nn.Linear(64, 16), LIF(threshold=first)
        self.fc2, self.lif2, self.fc3 = nn.Linear(16, 8), LIF(threshold=second), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.lif1(self.fc1(x.flatten(1)).expand(4, -1, -1))
        return self.fc3(self.lif2(self.fc2(y)))


def test_a_network_that_never_fires_is_noted_with_what_to_check() -> None:
    torch.manual_seed(0)
    silent = traced(Spiking(1e6, 1e6))
    for name in CHIPS:
        (note,) = (n for n in estimate(silent, name).notes if n.startswith(SILENT))
        assert note.endswith("check dt, thresholds or input scaling")
    assert neuron_notes(traced(Spiking(0.05, 0.05))) == ()
    (note,) = neuron_notes(traced(Spiking(0.05, 1e6)))
    assert note.startswith("no neuron in front of fc3 fires: nothing is computed there")


def test_output_neurons_count_and_layers_of_zeros_without_neurons_are_named_as_such() -> None:
    torch.manual_seed(0)
    for threshold, said in ((1e6, True), (0.05, False)):

        class Out(nn.Module):
            def __init__(self, threshold: float) -> None:
                super().__init__()
                self.fc, self.lif = nn.Linear(64, 8), LIF(threshold=threshold)

            def forward(self, x: Tensor) -> Tensor:
                return self.lif(self.fc(x.flatten(1)).expand(4, -1, -1))

        assert any(note.startswith(SILENT) for note in neuron_notes(traced(Out(threshold)))) == said
    dead = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 3))
    nn.init.constant_(dead[1].bias, -1e3)  # pyright: ignore
    (note,) = neuron_notes(traced(dead))
    assert note.startswith("all inputs of 3 are zero")


def test_silent_events_of_the_input_are_not_taken_for_neurons() -> None:
    rng = np.random.default_rng(0)
    quiet = Operand((16,), steps=4, words=np.zeros((2, 16), np.uint8))

    def network(first: Operand, second: Operand) -> tuple[LayerTrace, ...]:
        return (
            product("a", Geometry((16,), (16,)), first, rng),
            neuron("n", "a", (16,)),
            product("b", Geometry((16,), (4,)), second, rng, "n"),
        )

    def fires(layers: tuple[LayerTrace, ...], output: Operand) -> Workload:
        made = [replace(layer, output=output) if layer.op == "neuron" else layer for layer in layers]
        return Workload("w", tuple(made), 4, samples=2)

    active = spiking(rng, (16,))
    assert neuron_notes(fires(network(quiet, active), active)) == ()
    (note,) = neuron_notes(fires(network(real(rng, (16,)), quiet), quiet))
    assert note.startswith(SILENT)
