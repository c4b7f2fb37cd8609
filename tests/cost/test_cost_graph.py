"""Who feeds whom: neurons, residual sums and shortcuts find their tiles."""

from __future__ import annotations

from axbar.cost._graph import EXTERNAL, graph_of
from axbar.workload import LayerTrace, Operand, Workload
from axbar.workload._types import Geometry

MAP = Geometry((4, 2, 2), (4, 2, 2))
STEPS = (0, 1, 2)
SIZE = 16  # elements of one map


def _node(name: str, op: str, *inputs: str) -> LayerTrace:
    operands = (Operand(MAP.in_shape, steps=3, rate=0.1),) if op == "conv2d" else ()
    return LayerTrace(name, op, inputs, MAP, STEPS, operands)


def _graph(*nodes: LayerTrace):
    return graph_of(Workload("w", nodes, 3))


def test_a_chain() -> None:
    graph = _graph(_node("c1", "conv2d", "input"), _node("n1", "neuron", "c1"), _node("p", "pool", "n1"),
                   _node("c2", "conv2d", "p"))  # fmt: skip
    assert graph.sources == [(EXTERNAL,), (0,)]
    assert [[n.name for n in hosted] for hosted in graph.neurons] == [["n1"], []]
    assert graph.unpriced == [("p", "pool")]  # a pool of no known kind


def test_a_convolution_in_the_shortcut_sends_its_sums_to_the_later_one() -> None:
    graph = _graph(
        _node("c1", "conv2d", "input"), _node("n1", "neuron", "c1"),
        _node("down", "conv2d", "n1"), _node("c2", "conv2d", "n1"),
        _node("sum", "add", "c2", "down"), _node("n2", "neuron", "sum"), _node("c3", "conv2d", "n2"),
    )  # fmt: skip
    assert [n.name for n in graph.neurons[2]] == ["n2"]
    assert graph.foreign_values == [0, 0, SIZE * 3, 0]
    assert graph.sends_sums == [False, True, False, False]
    assert graph.sources[3] == (2,)


def test_an_identity_shortcut_sends_spikes() -> None:
    graph = _graph(
        _node("c1", "conv2d", "input"), _node("n1", "neuron", "c1"), _node("c2", "conv2d", "n1"),
        _node("sum", "add", "c2", "n1"), _node("n2", "neuron", "sum"),
    )  # fmt: skip
    assert graph.foreign_bits == [0, SIZE * 3]
    assert graph.foreign_values == [0, 0]


def test_joined_maps_have_several_sources() -> None:
    graph = _graph(
        _node("c1", "conv2d", "input"), _node("n1", "neuron", "c1"), _node("c2", "conv2d", "input"),
        _node("n2", "neuron", "c2"), _node("c3", "conv2d", "n1", "n2"),
    )  # fmt: skip
    assert graph.sources[2] == (0, 1)


def test_neurons_on_the_input_live_with_the_first_product() -> None:
    graph = _graph(_node("code", "neuron", "input"), _node("c1", "conv2d", "code"))
    assert [n.name for n in graph.neurons[0]] == ["code"]
