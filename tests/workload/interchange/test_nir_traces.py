"""NIR neurons against spikes worked out by hand from the equations."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from nir_files import chain, cuba, ends, full, graph, lif, linear, node, one_layer, write
from torch import nn

import axbar
from axbar.errors import ModelError
from axbar.nn import IF, LIF, SynapticLIF
from axbar.workload.interchange._nir_layers import Integrator


def sequence(*values: float) -> torch.Tensor:
    """One sample, one neuron: ``[1, T, 1]``."""
    return torch.tensor(values).reshape(1, -1, 1)


def spikes(network: nn.Module, x: torch.Tensor) -> list[float]:
    with torch.no_grad():
        return network(x)[:, 0, 0].tolist()


def layer(network: nn.Module, name: str = "fire") -> nn.Module:
    return network.get_submodule(name)


# β = 1 − 1/2 = 0.5, k = 2·1/2 = 1, θ = 1
# A: h = .75 | .375+.75=1.125 s, v=.125 | .0625+.75=.8125 | .40625+.75=1.15625 s
# B: h = .75 | 1.125 s | .5625+.75−1=.3125 | .15625+.75=.90625
# C: h = .75 | 1.125 s, v=0 | .75 | 1.125 s
@pytest.mark.parametrize(
    "reset, expected",
    [("subtract", [0, 1, 0, 1]), ("subtract_unleaked", [0, 1, 0, 0]), ("zero", [0, 1, 0, 1])],
)
def test_lif_by_hand(tmp_path: Path, reset: str, expected: list[int]) -> None:
    network = axbar.load_network(one_layer(tmp_path / "a.nir", lif(1)), dt=1.0, reset=reset)
    assert spikes(network, sequence(0.75, 0.75, 0.75, 0.75)) == expected
    assert isinstance(layer(network), LIF)
    assert (layer(network).beta, layer(network).input_scale, layer(network).reset) == (0.5, 1.0, reset)
    assert not network.training


def test_subtract_and_zero_differ_where_more_than_the_threshold_is_reached(tmp_path: Path) -> None:
    path = one_layer(tmp_path / "a.nir", lif(1))
    # A: 1.5 s, v=.5 | .25+.75=1.0 s, v=0 | .75 ; C: 1.5 s, v=0 | .75 | 1.125 s
    assert spikes(axbar.load_network(path, dt=1, reset="subtract"), sequence(1.5, 0.75, 0.75)) == [1, 1, 0]
    assert spikes(axbar.load_network(path, dt=1, reset="zero"), sequence(1.5, 0.75, 0.75)) == [1, 0, 1]


def test_dt_and_resistance_set_decay_and_gain(tmp_path: Path) -> None:
    path = one_layer(tmp_path / "a.nir", lif(1, tau=2e-3, r=6.0))
    network = axbar.load_network(path, dt=5e-4, reset="subtract")
    assert layer(network).beta == pytest.approx(0.75, abs=1e-15)
    assert layer(network).input_scale == pytest.approx(1.5, abs=1e-15)


def test_exponential_decay_is_the_exact_solution(tmp_path: Path) -> None:
    path = one_layer(tmp_path / "a.nir", lif(1, tau=2.0, r=3.0))
    fire = layer(axbar.load_network(path, dt=1.0, reset="zero", decay="exponential"))
    assert fire.beta == pytest.approx(math.exp(-0.5), rel=1e-15)
    assert fire.input_scale == pytest.approx(3 * (1 - math.exp(-0.5)), rel=1e-15)


def test_integrate_and_fire_keeps_everything(tmp_path: Path) -> None:
    path = one_layer(tmp_path / "a.nir", node("IF", **full((1,), r=2.0, v_threshold=1.0)))
    network = axbar.load_network(path, dt=0.25, reset="subtract")  # k = 2·0.25 = 0.5
    assert isinstance(layer(network), IF)
    assert spikes(network, sequence(1.0, 1.0, 1.0, 1.0)) == [0, 1, 0, 1]


def test_synapse_in_front_of_the_membrane(tmp_path: Path) -> None:
    network = axbar.load_network(one_layer(tmp_path / "a.nir", cuba(1)), dt=1.0, reset="subtract")
    fire = layer(network)
    assert isinstance(fire, SynapticLIF)
    assert (fire.alpha, fire.beta, fire.input_scale) == (0.5, 0.75, 1.0)
    # i = .8 .4 .2 .1; h = .8 | .6+.4=1.0 s, v=0 | .2 | .15+.1=.25
    assert spikes(network, sequence(0.8, 0.0, 0.0, 0.0)) == [0, 1, 0, 0]


def test_threshold_node_compares_without_memory(tmp_path: Path) -> None:
    network = axbar.load_network(one_layer(tmp_path / "a.nir", node("Threshold", threshold=np.array([1.0]))))
    assert spikes(network, sequence(1.0, 1.5, 0.5, 2.0)) == [0, 1, 0, 1]  # NIR: above it
    at = axbar.load_network(tmp_path / "a.nir", strict=False)
    assert spikes(at, sequence(1.0, 1.5, 0.5, 2.0)) == [1, 1, 0, 1]


@pytest.mark.parametrize(
    "neuron, expected",
    [
        (node("I", r=np.array([0.5])), [0.5, 1.0, 1.0]),
        (node("LI", **full((1,), tau=2.0, r=2.0, v_leak=0.0)), [1.0, 1.5, 0.75]),
        # i = 1, 1.5, .75; v = β v + i with β = .75
        (
            node("CubaLI", **full((1,), tau_syn=2.0, tau_mem=4.0, r=4.0, v_leak=0.0, w_in=2.0)),
            [1.0, 2.25, 2.4375],
        ),
    ],
)
def test_integrators_give_back_their_potential(tmp_path: Path, neuron: dict, expected: list[float]) -> None:
    network = axbar.load_network(one_layer(tmp_path / "a.nir", neuron), dt=1.0)
    assert isinstance(layer(network), Integrator)
    assert spikes(network, sequence(1.0, 1.0, 0.0)) == expected


def test_every_neuron_may_have_its_own_constants(tmp_path: Path) -> None:
    own = node(
        "LIF",
        tau=np.array([2.0, 4.0]),
        r=np.array([2.0, 4.0]),
        v_leak=np.zeros(2),
        v_threshold=np.array([1.0, 2.0]),
    )
    network = axbar.load_network(one_layer(tmp_path / "a.nir", own, n=2), dt=1.0, reset="subtract")
    x = torch.rand(3, 12, 2, generator=torch.Generator().manual_seed(0)) * 1.5
    both = network(x)
    for i, (beta, theta) in enumerate([(0.5, 1.0), (0.75, 2.0)]):
        alone = LIF(beta, theta, "subtract")(x[..., i : i + 1].transpose(0, 1).contiguous())
        assert torch.equal(both[..., i : i + 1], alone)
    assert 0 < both.mean() < 1
    assert "beta=0.5..0.75" in repr(network)
    constants = axbar.trace(with_weights(network), x).neurons[0].neuron
    assert (constants.beta, constants.threshold) == (0.625, 1.5)  # means


def with_weights(network: nn.Module) -> nn.Module:
    class Weighted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.out = network, nn.Linear(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.out(self.inner(x))

    return Weighted()


def test_single_precision_resistances_give_gain_one(tmp_path: Path) -> None:
    tau = float(np.float32(1e-4 / (1 - np.float32(0.85))))
    path = one_layer(tmp_path / "a.nir", lif(1, tau=tau, r=float(np.float32(tau / 1e-4))))
    assert layer(axbar.load_network(path, dt=1e-4, reset="zero")).input_scale == 1.0


# --- graphs


def test_edges_that_meet_are_summed(tmp_path: Path) -> None:
    nodes = {**ends(2, 1), "a": linear([[1.0, 0.0]]), "b": linear([[0.0, 2.0]]), "sum": node("Identity")}
    edges = [("input", "a"), ("input", "b"), ("a", "sum"), ("b", "sum"), ("sum", "output"), ("a", "output")]
    network = axbar.load_network(write(tmp_path / "a.nir", graph(nodes, edges)))
    assert network(torch.tensor([[[3.0, 5.0]]])).flatten().tolist() == [3 + 10 + 3]


def test_scale_and_delay(tmp_path: Path) -> None:
    nodes = {
        **ends(2, 2), "s": node("Scale", scale=np.array([2.0, 3.0])), "d": node("Delay", delay=np.array([1.0, 2.0])),
    }  # fmt: skip
    path = write(tmp_path / "a.nir", graph(nodes, chain("input", "s", "d", "output")))
    out = axbar.load_network(path, dt=1.0)(torch.tensor([[[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]]))
    assert out[:, 0].tolist() == [[0.0, 0.0], [2.0, 0.0], [4.0, 3.0]]
    assert axbar.load_network(path, dt=0.5)(torch.ones(1, 3, 2))[:, 0].tolist() == [[0, 0], [0, 0], [2, 0]]


def test_layers_equal_those_of_torch(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    w2, w1 = rng.normal(size=(4, 1, 3, 2)).astype("f4"), rng.normal(size=(3, 4, 3)).astype("f4")
    b2, b1 = rng.normal(size=4).astype("f4"), rng.normal(size=3).astype("f4")
    conv2 = node("Conv2d", weight=w2, bias=b2, stride=np.array([2, 1]), padding=np.array([1, 0]),
                 dilation=np.array([1, 2]), groups=2, input_shape=np.array([8, 8]))  # fmt: skip
    conv1 = node("Conv1d", weight=w1, bias=b1, stride=2, padding=1, dilation=1, groups=1, input_shape=4)
    pool = {"kernel_size": np.array([2, 2]), "stride": np.array([2, 2]), "padding": np.array([0, 0])}
    nodes = {
        **ends((2, 8, 8), 3 * 3), "c2": conv2, "avg": node("AvgPool2d", **pool), "sum": node("SumPool2d", **pool),
        "rows": node("Flatten", start_dim=1, end_dim=-1), "c1": conv1,
    }  # fmt: skip
    nodes["output"] = node("Output", shape=np.array([3, 1]))
    path = write(tmp_path / "a.nir", graph(nodes, chain("input", "c2", "avg", "sum", "rows", "c1", "output")))
    network = axbar.load_network(path)
    x = torch.rand(2, 3, 2, 8, 8)
    y = nn.functional.conv2d(x.flatten(0, 1), torch.tensor(w2), torch.tensor(b2), (2, 1), (1, 0), (1, 2), 2)
    y = nn.functional.avg_pool2d(nn.functional.avg_pool2d(y, 2), 2) * 4
    y = nn.functional.conv1d(y.flatten(2), torch.tensor(w1), torch.tensor(b1), 2, 1)
    expected = y.flatten(1).reshape(2, 3, -1).transpose(0, 1)
    assert torch.allclose(network(x), expected, atol=1e-6)
    assert [row.op for row in axbar.trace(network, x).layers] == ["conv2d", "pool", "pool", "conv2d"]


def test_sub_graphs_are_opened(tmp_path: Path) -> None:
    inner = graph({**ends(1, 1), "lif": lif(1), "w": linear([[-1.0]])},
                  [("input", "lif"), ("lif", "w"), ("w", "lif"), ("lif", "output")])  # fmt: skip
    nodes = {**ends(1, 1), "cell": inner, "w": linear([[1.0]])}
    path = write(tmp_path / "a.nir", graph(nodes, chain("input", "w", "cell", "output")))
    network = axbar.load_network(path, dt=1.0, reset="subtract")
    assert {name for name, _ in network.named_children()} == {"w", "cell_lif", "cell_w"}
    # h = 1 s, v=0 | 1−1=0 | 1 s, v=0 | 0
    assert spikes(network, sequence(1.0, 1.0, 1.0, 1.0)) == [1, 0, 1, 0]


def nested(n_input: str, n_output: str, metadata: dict | None = None) -> dict:
    """A graph in a graph in a graph; the middle one feeds back to itself, the inner one holds a cell of its own."""
    ends_of = {n_input: node("Input", shape=np.array([2])), n_output: node("Output", shape=np.array([2]))}
    cell = graph({**ends_of, "fire": lif(2), "w": linear(W_CELL)},
                 [*chain(n_input, "fire", n_output), *chain("fire", "w", "fire")], metadata)  # fmt: skip
    middle = graph({**ends_of, "cell": cell, "v": node("LI", **full((2,), tau=2.0, r=2.0, v_leak=0.0))},
                   [*chain(n_input, "cell", "v", n_output), ("cell", n_output)])  # fmt: skip
    nodes = {**ends(2, 2), "middle": middle, "back": linear(W_BACK)}
    return graph(nodes, [*chain("input", "middle", "output"), *chain("middle", "back", "middle")])


W_CELL, W_BACK = [[0.5, -1.0], [0.25, -0.5]], [[-0.5, 0.25], [0.5, -1.0]]


@pytest.mark.parametrize(
    "names", [("input", "output"), ("output", "input"), ("forward", "training"), ("a.b", "c d"), ("0", "ü")]
)
def test_graphs_two_levels_down_run_under_any_names(tmp_path: Path, names: tuple[str, str]) -> None:
    network = axbar.load_network(write(tmp_path / "a.nir", nested(*names)), dt=1.0, reset="subtract")
    x = np.random.default_rng(0).uniform(-0.5, 1.5, (12, 2))
    h, v, out, total = np.zeros(2), np.zeros(2), np.zeros(2), []
    fired = np.zeros(2)
    for x_t in x:
        h = 0.5 * h + x_t + np.array(W_BACK) @ out + np.array(W_CELL) @ fired
        fired = (h >= 1.0) * 1.0
        h -= fired
        v = 0.5 * v + fired
        out = v + fired
        total.append(out)
    with torch.no_grad():
        given = network(torch.tensor(x, dtype=torch.float32).unsqueeze(0))[:, 0]
    np.testing.assert_allclose(given, total, atol=1e-5)
    assert np.sum(total) > 5


def test_bad_sub_graphs_are_named_with_all_their_levels(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nir", nested("in", "out", {"dt": 0.5}))
    with pytest.raises(ModelError, match=r"written for dt = 0.5, not 1; leave dt out"):
        axbar.load_network(path, dt=1.0, reset="subtract")
    assert layer(axbar.load_network(path, reset="subtract"), "middle_cell_fire").beta == 0.75
    bad = nested("in", "out")
    bad["nodes"]["middle"]["nodes"]["cell"]["nodes"]["more"] = node("Input", shape=np.array([2]))
    with pytest.raises(
        ModelError, match=r"sub-graph 'middle.cell' has 2 nodes of the type Input \(in, more\)"
    ):
        axbar.load_network(write(tmp_path / "b.nir", bad), dt=1.0, reset="subtract")


# --- images


def test_images_are_presented_steps_times(tmp_path: Path) -> None:
    nodes = {**ends(2, 1), "w": linear([[0.5, 0.25]]), "fire": lif(1)}
    path = write(tmp_path / "a.nir", graph(nodes, chain("input", "w", "fire", "output")))
    network = axbar.load_network(path, dt=1.0, reset="subtract", steps=4)
    image = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    assert network(image)[:, 0, 0].tolist() == [0, 1, 0, 1]
    assert torch.equal(network(image), network(image.unsqueeze(1).expand(-1, 4, -1)))
    workload = axbar.trace(network, image)
    assert (workload.steps, workload.layer("w").steps) == (4, (0,))


def test_sensors_without_rows_may_come_as_maps_of_one_row(tmp_path: Path) -> None:
    nodes = {**ends(2, 1), "w": linear([[0.5, 0.25]]), "fire": lif(1)}
    path = write(tmp_path / "a.nir", graph(nodes, chain("input", "w", "fire", "output")))
    network = axbar.load_network(path, dt=1.0, reset="subtract")
    x = torch.rand(3, 5, 2)
    assert torch.equal(network(x), network(x.reshape(3, 5, 1, 1, 2)))
    assert network.input_shape is None and network.frame_shape == (2,)


def test_as_many_sums_as_steps_are_not_one_sum_over_time(tmp_path: Path) -> None:
    nodes = {**ends(2, 2), "s": node("Identity"), "fire": lif(2), **{k: linear(np.eye(2)) for k in "abcd"}}
    edges = [("input", "a"), ("input", "b"), ("a", "s"), ("b", "s"), *chain("s", "c", "fire", "output")]
    edges += chain("s", "d", "fire")
    path = write(tmp_path / "a.nir", graph(nodes, edges))
    network = axbar.load_network(path, dt=1.0, reset="subtract", steps=2)
    workload = axbar.trace(network, torch.rand(3, 2))
    sums = [(row.inputs, row.steps) for row in workload.layers if row.op == "add"]
    assert sums == [(("a", "b"), (0,)), (("c", "d"), (0,))]
