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
W_A, W_B = (RNG.normal(size=(3, 3)).astype("f4") for _ in range(2))


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


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_a_cycle_that_only_the_way_back_of_another_reads(tmp_path: Path, steps: int) -> None:
    """The last spikes of 'far' still come out as a whole sequence, though no step is left to use them."""
    nodes = {**ends(3, 3), "far": lif(3), "ff": linear(W_A), "b": lif(3), "bb": linear(W_B)}
    edges = [*chain("input", "far", "ff", "far", "bb"), *chain("input", "b", "bb", "b", "output")]
    network = axbar.load_network(write(tmp_path / "a.nir", graph(nodes, edges)), dt=1.0, reset="subtract")
    assert network.plan.feedback == {("ff", "far"), ("bb", "b")}
    x, fire, out = events(steps=steps), LIF(0.5, 1.0, "subtract"), []
    a, b, states = torch.zeros(4, 3), torch.zeros(4, 3), [None, None]
    for x_t in x.unbind(1):
        back_a, back_b = a @ torch.tensor(W_A).T, (a + b) @ torch.tensor(W_B).T
        (a, states[0]), (b, states[1]) = (
            fire.step(x_t + back_a, states[0]),
            fire.step(x_t + back_b, states[1]),
        )
        out.append(b)
    with torch.no_grad():
        assert torch.equal(network(x), torch.stack(out))
    traced = axbar.trace(network, x)
    assert unpack(traced.layer("far").output.words, steps).any()
    assert traced.layer("bb").steps == tuple(range(max(1, steps - 1)))  # one layer, not one for each step
    if steps > 1:
        sums = [row.inputs for row in traced.layers if row.op == "add"]
        assert sums == [("input", "ff"), ("input", "bb"), ("b", "far")]


def random_graph(rng: np.random.Generator, cycles: int) -> tuple[dict, list[tuple[str, str]]]:
    """Six neurons in a row and edges back and forth, half of them through weights.

    With two cycles none leads from the second half to the first; where the halves are no row either, the first reaches
    the second by its way back alone.
    """
    names = [f"n{i}" for i in rng.permutation(6)]  # the order of names settles which edges feed back
    first, second = names[:3], names[3:]
    nodes = {name: lif(1, threshold=float(rng.uniform(0.6, 1.4))) for name in names}
    edges = [("input", names[0]), *chain(*names), (names[-1], "output")]
    drawn = [(str(rng.choice(names)), str(rng.choice(names))) for _ in range(4)]
    if cycles == 2:
        drawn = [(b, a) if a in second and b in first else (a, b) for a, b in drawn]
        if rng.random() < 0.5:
            edges.remove((first[-1], second[0]))
            edges.append(("input", second[0]))
            drawn = [(a, b) for a, b in drawn if (a in first) == (b in first)]
        edges += [(first[-1], first[0]), *chain(second[-1], "back", second[0]), (rng.choice(first), "back")]
        nodes["back"] = linear([[rng.uniform(-1, 1)]])
    for i, (a, b) in enumerate(drawn):
        if rng.random() < 0.5:
            nodes[f"w{i}"] = linear([[rng.uniform(-1, 1)]])
            edges += chain(a, f"w{i}", b)
        else:
            edges.append((a, b))
    return {**ends(1, 1), **nodes}, [(str(a), str(b)) for a, b in edges]


@pytest.mark.parametrize("cycles", [1, 2])
@pytest.mark.parametrize("seed", range(12))
def test_any_graph_runs_each_node_after_what_feeds_it(tmp_path: Path, seed: int, cycles: int) -> None:
    """Random graphs: the spikes equal those of a loop that relaxes node by node."""
    rng = np.random.default_rng(seed)
    nodes, edges = random_graph(rng, cycles)
    network = axbar.load_network(write(tmp_path / "a.nir", graph(nodes, edges)), dt=1.0, reset="subtract")
    x = torch.tensor(rng.uniform(0, 1.5, (1, 10, 1)), dtype=torch.float32)
    feedback = network.plan.feedback
    order = [name for group in network.plan.groups for name in group]
    assert all(order.index(a) < order.index(b) for a, b in set(edges) - feedback)
    assert len(network.plan.cyclic) >= cycles - 1
    (last,) = network.plan.sources["output"]
    states, before, out = dict.fromkeys(nodes), dict.fromkeys(nodes, torch.zeros(1, 1)), []
    for t in range(10):
        now = {"input": x[:, t]}
        for name in (n for n in order if n not in ("input", "output")):
            fed = [before[a] if (a, b) in feedback else now[a] for a, b in sorted(set(edges)) if b == name]
            layer = network.get_submodule(name)
            if isinstance(layer, nn.Linear):
                now[name] = layer(sum(fed))
            else:
                now[name], states[name] = layer.step(sum(fed), states[name])
        before = now
        out.append(now[last])
    with torch.no_grad():
        assert torch.equal(network(x), torch.stack(out))
    traced = axbar.trace(network, x)
    kinds = {"Linear": traced.matmuls, "LIF": traced.neurons}
    for kind, found in kinds.items():
        assert sorted(row.name for row in found) == sorted(n for n in nodes if nodes[n]["type"] == kind)
    assert all(len(row.steps) in (9, 10) for row in traced.matmuls)
