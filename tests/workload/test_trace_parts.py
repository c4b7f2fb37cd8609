"""Layers that run on some of the steps: which ones, their spikes, norms behind them, costs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import axbar
from axbar.errors import TraceError
from axbar.nn import LIF
from axbar.nn.tensor_train import HalfConv2d
from axbar.workload import Workload, fold_norms, unpack

T, B = 5, 3


class Halves(nn.Module):
    """A convolution for the first steps, another for the others, on [T·B, ...]."""

    def __init__(self, full: int, norm: bool = True, steps: int = T) -> None:
        super().__init__()
        self.steps = steps
        self.first, self.neuron1 = nn.Conv2d(1, 4, 3, padding=1), LIF(threshold=0.2)
        self.pair = HalfConv2d(4, 6, steps=steps, full=full)
        self.norm = nn.BatchNorm2d(6) if norm else nn.Identity()
        self.neuron2, self.fc = LIF(threshold=0.2), nn.Linear(6 * 36, 2)

    def forward(self, x: Tensor) -> Tensor:
        batch = len(x)
        y = self.neuron1(self.first(x)[None].expand(self.steps, -1, -1, -1, -1)).flatten(0, 1)
        y = self.norm(self.pair(y))
        y = self.neuron2(y.unflatten(0, (self.steps, batch))).flatten(0, 1)
        return self.fc(y.flatten(1)).unflatten(0, (self.steps, batch))


def made(full: int, **options: bool) -> tuple[Halves, Workload, Tensor]:
    torch.manual_seed(1)
    network, x = Halves(full, **options).eval(), torch.rand(B, 1, 6, 6)
    network.norm.register_buffer("seen", torch.zeros(()))
    return network, axbar.trace(network, x), x


@pytest.mark.parametrize("full", [1, 2, 4])
def test_each_kernel_has_its_steps(full: int) -> None:
    _, work, _ = made(full)
    assert work.layer("pair.early").steps == tuple(range(full))
    assert work.layer("pair.late").steps == tuple(range(full, T))
    assert work.layer("neuron2").inputs == ("pair.early", "pair.late")
    assert work.layer("neuron2").steps == tuple(range(T))


def test_one_kernel_on_all_steps_is_a_plain_layer() -> None:
    assert [at.name for at in made(0)[1].matmuls] == ["first", "pair.late", "fc"]
    assert [at.name for at in made(T)[1].matmuls] == ["first", "pair.early", "fc"]


def test_spikes_are_those_of_the_steps() -> None:
    _, work, _ = made(2)
    whole = work.layer("neuron1").output
    assert whole is not None and whole.words is not None
    early, late = (work.layer(f"pair.{name}").operands[0] for name in ("early", "late"))
    assert (early.steps, late.steps) == (2, 3)
    assert early.words is not None and late.words is not None
    assert np.array_equal(unpack(early.words, 2), unpack(whole.words, T)[:2])
    assert np.array_equal(unpack(late.words, 3), unpack(whole.words, T)[2:])


def test_a_norm_behind_both_folds_into_both() -> None:
    network, work, x = made(2)
    assert not any(at.op == "norm" for at in work.layers)
    folded = fold_norms(network, x)
    assert isinstance(folded.norm, nn.Identity)
    with torch.no_grad():
        assert torch.allclose(folded(x), network(x), atol=1e-5)
    early = work.layer("pair.early")
    assert early.weight is not None and early.bias is not None
    assert np.allclose(early.weight, folded.pair.early.weight.detach().numpy(), atol=1e-6)


def test_a_norm_that_reads_channels_of_two_layers_side_by_side_stays() -> None:
    class Dense(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(1, 3, 3), nn.Conv2d(1, 3, 3)
            self.norm = nn.BatchNorm2d(6)

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(torch.cat([self.a(x), self.b(x)], 1)).flatten(1)

    work = axbar.trace(Dense().eval(), torch.rand(2, 1, 6, 6))
    assert [at.op for at in work.layers] == ["conv2d", "conv2d", "norm"]


def test_a_norm_folds_into_all_or_none() -> None:
    class Shared(Halves):
        def forward(self, x: Tensor) -> Tensor:
            batch = len(x)
            y = self.neuron1(self.first(x)[None].expand(T, -1, -1, -1, -1)).flatten(0, 1)
            early, late = self.pair.early(y[: 2 * batch]), self.pair.late(y[2 * batch :])
            y = self.norm(torch.cat([early, late])) + early.mean()
            return self.fc(self.neuron2(y.unflatten(0, (T, batch))).flatten(0, 1).flatten(1)).unflatten(
                0, (T, batch)
            )

    torch.manual_seed(0)
    work = axbar.trace(Shared(2).eval(), torch.rand(B, 1, 6, 6))
    assert any(at.op == "norm" for at in work.layers)


def test_gradients_are_those_of_the_steps() -> None:
    torch.manual_seed(1)
    network, x = Halves(2).eval(), torch.rand(B, 1, 6, 6)
    work = axbar.trace(network, x, labels=torch.tensor([0, 1, 0]))
    assert work.grad is not None
    assert (work.grad["pair.early"].steps, work.grad["pair.late"].steps) == (2, 3)
    assert work.grad["pair.early"].df_steps == T


def test_parts_that_leave_out_steps_are_refused() -> None:
    class Gap(Halves):
        def forward(self, x: Tensor) -> Tensor:
            y = self.neuron1(self.first(x)[None].expand(T, -1, -1, -1, -1)).flatten(0, 1)
            return self.fc(self.pair.early(y[1 : 2 * len(x) + 1]).flatten(1)).unflatten(0, (2, len(x)))

    with pytest.raises(TraceError, match="2 inputs per sample"):
        axbar.trace(Gap(2).eval(), torch.rand(B, 1, 6, 6), steps=T)


def test_saved_and_read_again(tmp_path: object) -> None:
    _, work, _ = made(2)
    file = f"{tmp_path}/work.npz"
    work.save(file)
    assert Workload.load(file).hash() == work.hash()
    assert Workload.load(file).layer("pair.late").steps == (2, 3, 4)


@pytest.mark.parametrize("chip", ["imc-rram-65nm", "sata", "loas"])
def test_every_kind_of_chip_charges_each_kernel_its_steps(chip: str) -> None:
    network, work, x = made(2, norm=False)
    spec = axbar.load_hardware(chip)
    split = axbar.estimate(work, spec)
    assert split.feasible.all()
    network.pair.full = T
    whole = axbar.estimate(axbar.trace(network, x), spec)

    def busy(found: object, name: str) -> float:
        at = found.layers.index(name)  # pyright: ignore[reportAttributeAccessIssue]
        return float(found.by_layer("latency_s")[0, at])  # pyright: ignore[reportAttributeAccessIssue]

    assert busy(split, "pair.early") < busy(whole, "pair.early")


def test_sums_of_the_first_kernel_travel_to_the_neurons_of_the_second() -> None:
    from axbar.cost._graph import graph_of

    _, work, _ = made(2, norm=False)
    graph = graph_of(work)
    names = [at.name for at in graph.layers]
    early, late = names.index("pair.early"), names.index("pair.late")
    assert [n.name for n in graph.neurons[late]] == ["neuron2"] and not graph.neurons[early]
    assert graph.sends_sums[early] and not graph.sends_sums[late]
    assert graph.foreign_values[late] == 6 * 36 * 2  # outputs of two steps


class Recurring(nn.Module):
    """A loop over chunks whose first step has no feedback: its slices tell steps of some calls alone."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 4
        self.into, self.back, self.out = nn.Linear(6, 5), nn.Linear(5, 5), nn.Linear(5, 3)
        self.neuron = LIF(threshold=0.1)

    def forward(self, x: Tensor) -> Tensor:
        state, spikes, made = None, None, []
        for part in (x[None] * torch.ones(self.steps, 1, 1)).flatten(0, 1).chunk(self.steps):
            current = self.into(part) if spikes is None else self.into(part) + self.back(spikes)
            spikes, state = self.neuron.step(current, state)
            made.append(self.out(spikes))
        return torch.stack(made)


def test_a_loop_over_chunks_is_one_layer_each() -> None:
    work = axbar.trace(Recurring().eval(), torch.rand(B, 6))
    assert {at.name: at.steps for at in work.matmuls} == {
        "into": (0, 1, 2, 3),
        "back": (0, 1, 2),  # by the spikes that it reads
        "out": (0, 1, 2, 3),
    }
    assert [at.name for at in work.neurons] == ["neuron"]


def test_steps_in_another_order_are_not_told() -> None:
    class Turned(Halves):
        def forward(self, x: Tensor) -> Tensor:
            y = self.neuron1(self.first(x)[None].expand(T, -1, -1, -1, -1)).flatten(0, 1)
            return self.fc(self.pair.early(y.flip(0)[: 2 * len(x)]).flatten(1)).unflatten(0, (2, -1))

    with pytest.raises(TraceError, match="2 inputs per sample"):
        axbar.trace(Turned(2).eval(), torch.rand(B, 1, 6, 6), steps=T)


@pytest.mark.parametrize("steps", [2, 3])
def test_a_first_kernel_of_one_step_sends_its_sums_once(steps: int) -> None:
    from axbar.cost._graph import graph_of

    torch.manual_seed(0)
    graph = graph_of(axbar.trace(Halves(1, norm=False, steps=steps).eval(), torch.rand(B, 1, 6, 6)))
    names = [at.name for at in graph.layers]
    assert graph.foreign_values[names.index("pair.late")] == 6 * 36
