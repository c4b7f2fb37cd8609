"""Cycles: one step of delay where they close, in any order of nodes and edges; traced as one layer each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from nir_files import chain, ends, graph, lif, linear, node, write
from torch import nn

import axbar
from axbar.errors import ModelError
from axbar.nn import LIF
from axbar.workload import unpack

RNG = np.random.default_rng(3)
W_IN, W_REC, W_OUT = (RNG.normal(size=s).astype("f4") for s in ((5, 3), (5, 5), (2, 5)))


def recurrent(path: Path, edges_reversed: bool = False, bias: np.ndarray | None = None) -> Path:
    rec = linear(W_REC) if bias is None else node("Affine", weight=W_REC, bias=bias)
    nodes = {**ends(3, 2), "fc": linear(W_IN), "lif": lif(5), "rec": rec, "out": linear(W_OUT)}
    edges = [*chain("input", "fc", "lif", "out", "output"), ("lif", "rec"), ("rec", "lif")]
    return write(path, graph(nodes, edges[::-1] if edges_reversed else edges))


def by_hand(x: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """The loop that recurrent layers of spiking libraries run: last spikes come back through weights."""
    fire, spikes, state, out = LIF(0.5, 1.0, "subtract"), torch.zeros(x.shape[0], 5), None, []
    for x_t in x.unbind(1):
        current = x_t @ torch.tensor(W_IN).T + nn.functional.linear(spikes, torch.tensor(W_REC), bias)
        spikes, state = fire.step(current, state)
        out.append(spikes @ torch.tensor(W_OUT).T)
    return torch.stack(out)


def events(samples: int = 4, steps: int = 9, n: int = 3) -> torch.Tensor:
    return (torch.rand(samples, steps, n, generator=torch.Generator().manual_seed(1)) < 0.6).float()


@pytest.mark.parametrize("edges_reversed", [False, True])
def test_a_recurrent_layer_equals_the_loop(tmp_path: Path, edges_reversed: bool) -> None:
    network = axbar.load_network(recurrent(tmp_path / "a.nir", edges_reversed), dt=1.0, reset="subtract")
    with torch.no_grad():
        assert torch.allclose(network(events()), by_hand(events()), atol=1e-6)
        assert network(events()).abs().sum() > 0
    assert network.plan.feedback == {("rec", "lif")}


def test_a_bias_on_the_way_back_acts_from_the_first_step(tmp_path: Path) -> None:
    bias = np.array([2.0, -1.0, 0.5, 0.0, 1.5], dtype="f4")
    network = axbar.load_network(recurrent(tmp_path / "a.nir", bias=bias), dt=1.0, reset="subtract")
    with torch.no_grad():
        assert torch.allclose(network(events()), by_hand(events(), torch.tensor(bias)), atol=1e-6)


def test_recurrent_weights_are_traced_once_with_the_spikes_they_read(tmp_path: Path) -> None:
    network, x = axbar.load_network(recurrent(tmp_path / "a.nir"), dt=1.0, reset="subtract"), events()
    workload = axbar.trace(network, x)
    assert [row.name for row in workload.layers] == ["fc", "add_1", "lif", "rec", "out"]
    assert workload.layer("add_1").inputs == ("fc", "rec")
    assert len(workload.layer("rec").steps) == 8  # what it reads at the last step, no step is left to use
    spikes = unpack(workload.layer("lif").output.words, 9)
    np.testing.assert_array_equal(unpack(workload.layer("rec").operands[0].words, 8), spikes[:8])
    assert 0 < spikes.mean() < 1


def test_one_step_runs(tmp_path: Path) -> None:
    network = axbar.load_network(recurrent(tmp_path / "a.nir"), dt=1.0, reset="subtract")
    workload = axbar.trace(network, events(steps=1))
    assert workload.steps == 1 and {row.name for row in workload.matmuls} == {"fc", "rec", "out"}


@pytest.mark.parametrize("chip", ["imc-rram-65nm", "sata", "loas"])
def test_recurrent_networks_are_costed(tmp_path: Path, chip: str) -> None:
    network = axbar.load_network(recurrent(tmp_path / "a.nir"), dt=1.0, reset="subtract")
    result = axbar.estimate(axbar.trace(network, events()), chip)
    assert result.feasible[0], result.reasons
    assert np.isfinite(result.total("energy_J")).all() and (result.total("energy_J") > 0).all()


def test_two_neuron_layers_on_one_cycle_have_one_delay(tmp_path: Path) -> None:
    nodes = {**ends(1, 1), "a": lif(1), "ab": linear([[1.0]]), "b": lif(1), "ba": linear([[-1.0]])}
    edges = [*chain("input", "a", "ab", "b", "output"), ("b", "ba"), ("ba", "a")]
    network = axbar.load_network(write(tmp_path / "a.nir", graph(nodes, edges)), dt=1.0, reset="subtract")
    assert network.plan.feedback == {("ba", "a")}
    # step 0: a fires, b fires at once; step 1: a gets 1 − 1 = 0; step 2: fires again
    assert network(torch.ones(1, 4, 1)).flatten().tolist() == [1, 0, 1, 0]


def test_a_delay_on_the_cycle_is_the_whole_delay(tmp_path: Path) -> None:
    nodes = {**ends(1, 1), "lif": lif(1), "d": node("Delay", delay=np.array([2.0])), "w": linear([[-1.0]])}
    edges = [*chain("input", "lif", "output"), ("lif", "d"), ("d", "w"), ("w", "lif")]
    network = axbar.load_network(write(tmp_path / "a.nir", graph(nodes, edges)), dt=1.0, reset="subtract")
    assert network.plan.feedback == frozenset()
    # 1 s | 1 s | 1−1=0 | 0 | 1 s | 1 s
    assert network(torch.ones(1, 6, 1)).flatten().tolist() == [1, 1, 0, 0, 1, 1]
    assert axbar.trace(network, torch.ones(2, 6, 1)).layer("w").op == "linear"


def test_a_delay_per_element_on_the_cycle(tmp_path: Path) -> None:
    nodes = {
        **ends(2, 2), "lif": lif(2), "d": node("Delay", delay=np.array([1.0, 2.0])), "w": linear(-np.eye(2)),
    }  # fmt: skip
    edges = [*chain("input", "lif", "output"), ("lif", "d"), ("d", "w"), ("w", "lif")]
    network = axbar.load_network(write(tmp_path / "a.nir", graph(nodes, edges)), dt=1.0, reset="subtract")
    out = network(torch.ones(1, 6, 2))[:, 0]
    assert out[:, 0].tolist() == [1, 0, 1, 0, 1, 0]
    assert out[:, 1].tolist() == [1, 1, 0, 0, 1, 1]


def test_a_cycle_of_an_integrator_runs(tmp_path: Path) -> None:
    nodes = {**ends(1, 1), "v": node("LI", tau=np.array([2.0]), r=np.array([2.0]), v_leak=np.zeros(1)),
             "w": linear([[-0.5]])}  # fmt: skip
    edges = [*chain("input", "v", "output"), ("v", "w"), ("w", "v")]
    network = axbar.load_network(write(tmp_path / "a.nir", graph(nodes, edges)), dt=1.0)
    # v = .5 v + 1 − .5 v₋ = 1 at every step
    assert network(torch.ones(1, 4, 1)).flatten().tolist() == [1, 1, 1, 1]


def test_cycles_through_no_neuron_are_refused_by_name(tmp_path: Path) -> None:
    nodes = {**ends(1, 1), "a": linear([[1.0]]), "b": linear([[0.5]]), "lif": lif(1)}
    edges = [*chain("input", "a", "b", "lif", "output"), ("b", "a")]
    with pytest.raises(ModelError, match=r"the cycle 'a' -> 'b' -> 'a' goes through no neuron and no Delay"):
        axbar.load_network(write(tmp_path / "a.nir", graph(nodes, edges)), dt=1.0, reset="zero")


def test_a_delay_of_no_step_does_not_break_a_cycle_alone(tmp_path: Path) -> None:
    nodes = {**ends(1, 1), "w": linear([[1.0]]), "d": node("Delay", delay=np.zeros(1))}
    edges = [*chain("input", "w", "d", "output"), ("d", "w")]
    with pytest.raises(ModelError, match="'d' -> 'w' -> 'd' goes through no neuron"):
        axbar.load_network(write(tmp_path / "a.nir", graph(nodes, edges)), dt=1.0)


def test_a_biased_way_back_through_two_layers_is_refused(tmp_path: Path) -> None:
    biased = node("Affine", weight=np.eye(2, dtype="f4"), bias=np.ones(2, dtype="f4"))
    nodes = {**ends(2, 2), "lif": lif(2), "a": biased, "b": linear(np.eye(2))}
    edges = [*chain("input", "lif", "output"), *chain("lif", "a", "b", "lif")]
    with pytest.raises(ModelError, match="'a', which has a bias, and 'b' has no neuron between"):
        axbar.load_network(write(tmp_path / "a.nir", graph(nodes, edges)), dt=1.0, reset="zero")


@pytest.mark.parametrize("seed", range(12))
def test_any_graph_runs_each_node_after_what_feeds_it(tmp_path: Path, seed: int) -> None:
    """Random graphs of neurons: the spikes equal those of a loop that relaxes node by node."""
    rng = np.random.default_rng(seed)
    names = [f"n{i}" for i in range(6)]
    edges = [("input", "n0"), *chain(*names), ("n5", "output")]
    edges += [(str(rng.choice(names)), str(rng.choice(names))) for _ in range(4)]
    nodes = {**ends(1, 1), **{name: lif(1, threshold=float(rng.uniform(0.6, 1.4))) for name in names}}
    network = axbar.load_network(write(tmp_path / "a.nir", graph(nodes, edges)), dt=1.0, reset="subtract")
    x = torch.tensor(rng.uniform(0, 1.5, (1, 10, 1)), dtype=torch.float32)
    feedback, forward = network.plan.feedback, set(edges) - network.plan.feedback
    order = [name for group in network.plan.groups for name in group]
    assert all(order.index(a) < order.index(b) for a, b in forward)
    states, before, out = dict.fromkeys(names), dict.fromkeys(names, torch.zeros(1, 1)), []
    for t in range(10):
        now = {"input": x[:, t]}
        for name in (n for n in order if n in names):
            current = sum(now[a] for a, b in sorted(forward) if b == name)
            current = current + sum((before[a] for a, b in sorted(feedback) if b == name), torch.zeros(1, 1))
            now[name], states[name] = network.get_submodule(name).step(current, states[name])
        before = now
        out.append(now["n5"])
    assert torch.equal(network(x), torch.stack(out))
