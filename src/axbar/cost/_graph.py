"""Who feeds whom: the traced graph, seen from the layers that multiply.

Only matrix products lie on arrays. A neuron layer is hosted by the tiles of the product that drives it (the
latest one in execution order, where sums of several products meet); sums, spikes and images that come from
elsewhere travel there. So do both operands of a product that is computed at run time, each from where it comes from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from axbar.cost._priced import is_priced
from axbar.cost._shapes import Shapes, shapes_of
from axbar.cost._types import Floats
from axbar.workload import LayerTrace, Workload

__all__ = ["EXTERNAL", "Graph", "graph_of"]

#: index of the chip's input
EXTERNAL = -1

#: operations at which several operands become one
_JUNCTIONS = ("add", "mul")


@dataclass
class Graph:
    """The workload as a chip sees it; lists are by mapped layer.

    Args:
        layers: the matrix products.
        sources: mapped layers (or ``EXTERNAL``) that feed the input, or any operand.
        neurons: neuron layers hosted here.
        foreign_values, foreign_bits: sums (numbers) and spikes (bits) that other layers send here to be added.
        sent: where these come from: ``(layer here, source, values, bits)``.
        sends_sums: the layer's sums are added at another layer and leave no output here.
        unpriced: ``(layer, operation)`` of nodes that no unit of the chip computes.
        steps: node -> steps on which it runs, mean over samples.
        sides: product of two run-time operands -> sources of the left one, which drives it, and of the right one, which
            is written into it; each is all of them where a trace does not tell them apart.
        cache: what depends on the graph and its inputs alone; a graph never changes once it is made.
    """

    layers: tuple[LayerTrace, ...]
    sources: list[tuple[int, ...]] = field(default_factory=list[tuple[int, ...]])
    neurons: list[list[LayerTrace]] = field(default_factory=list[list[LayerTrace]])
    foreign_values: list[float] = field(default_factory=list[float])
    foreign_bits: list[float] = field(default_factory=list[float])
    sends_sums: list[bool] = field(default_factory=list[bool])
    unpriced: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    sent: list[tuple[int, int, float, float]] = field(default_factory=list[tuple[int, int, float, float]])
    steps: Mapping[str, float] = field(default_factory=dict[str, float])
    sides: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = field(
        default_factory=dict[int, tuple[tuple[int, ...], tuple[int, ...]]]
    )
    cache: dict[Any, Any] = field(default_factory=dict[Any, Any], repr=False)

    @cached_property
    def runs(self) -> Floats:
        """Steps on which each mapped layer runs, mean over samples, ``[L]``; read-only."""
        runs = np.array([self.steps[layer.name] for layer in self.layers], dtype=np.float64)
        runs.setflags(write=False)
        return runs

    @property
    def lefts(self) -> list[tuple[int, ...]]:
        """Sources of the operand that drives each layer."""
        return [self.sides[i][0] if i in self.sides else found for i, found in enumerate(self.sources)]

    @property
    def rights(self) -> list[tuple[int, ...]]:
        """Sources of the operand that is written into each layer at run time; none of stored weights."""
        return [self.sides[i][1] if i in self.sides else () for i in range(len(self.sources))]

    @cached_property
    def shapes(self) -> Shapes:
        """Shapes of the mapped layers."""
        return shapes_of(self.layers)


#: where a value comes from: mapped layer and whether it travels as spikes
_Origin = tuple[int, bool]


def graph_of(workload: Workload, steps: Mapping[str, float] | None = None) -> Graph:
    """Walk the graph once, in execution order.

    Args:
        workload: traced, or built from shapes.
        steps: node -> steps on which it runs, mean over samples; all of a node's steps where it is missing.
    """
    products = workload.matmuls
    index = {layer.name: i for i, layer in enumerate(products)}
    n = len(products)
    graph = Graph(products, [() for _ in products], [[] for _ in products], [0.0] * n, [0.0] * n, [False] * n)
    given = steps or {}
    graph.steps = {layer.name: given.get(layer.name, float(len(layer.steps))) for layer in workload.layers}
    # a product that is read before its turn feeds back from the step before
    origins: dict[str, set[_Origin]] = {layer.name: {(i, False)} for i, layer in enumerate(products)}
    origins["input"] = {(EXTERNAL, False)}
    for layer in workload.layers:
        found: set[_Origin] = set()
        for name in layer.inputs:
            found |= origins.get(name, {(EXTERNAL, False)})
        if layer.is_matmul:
            here = index[layer.name]
            graph.sources[here] = _mapped(found)
            if layer.at_run_time:
                sides = [origins.get(name, {(EXTERNAL, False)}) for name in layer.inputs]
                left, right = sides if len(sides) == 2 else (found, found)
                graph.sides[here] = (_mapped(left), _mapped(right))
            origins[layer.name] = {(here, False)}
        elif layer.op == "neuron":
            host = max(max((i for i, _ in found), default=0), 0)
            graph.neurons[host].append(layer)
            _send_parts(graph, host, found, workload.steps)
            origins[layer.name] = {(host, True)}
        else:
            if not is_priced(layer):
                graph.unpriced.append((layer.name, layer.op))
            origins[layer.name] = (
                _join(graph, layer, found, workload.steps) if layer.op in _JUNCTIONS else found
            )
    return graph


def _mapped(found: set[_Origin]) -> tuple[int, ...]:
    return tuple(sorted({i for i, _ in found}))


def _join(graph: Graph, layer: LayerTrace, found: set[_Origin], total: int) -> set[_Origin]:
    """Send all operands of a junction to the latest mapped layer among them."""
    host = max(i for i, _ in found)
    if host == EXTERNAL:
        return found
    elements = float(math.prod(layer.geometry.out_shape))
    for source, spikes in found:
        if source == host:
            continue
        part = _is_part(graph, source, found, total)
        steps = graph.runs[source].item() if part else graph.steps[layer.name]
        sent = elements * steps
        graph.sent.append((host, source, 0.0 if spikes else sent, sent if spikes else 0.0))
        if spikes:
            graph.foreign_bits[host] += sent
        else:
            graph.foreign_values[host] += sent
        if source != EXTERNAL and not spikes:
            graph.sends_sums[source] = True
    return {(host, False)}


def _send_parts(graph: Graph, host: int, found: set[_Origin], total: int) -> None:
    """Send the sums of products that run on other steps than the host to the membranes that stand there."""
    for source, spikes in found:
        if source == host or spikes or graph.sends_sums[source] or not _is_part(graph, source, found, total):
            continue
        sent = float(math.prod(graph.layers[source].geometry.out_shape)) * graph.runs[source].item()
        graph.sent.append((host, source, sent, 0.0))
        graph.foreign_values[host] += sent
        graph.sends_sums[source] = True


def _is_part(graph: Graph, source: int, found: set[_Origin], total: int) -> bool:
    """Whether a product runs on some of the steps alone.

    What runs on the first alone is constant, unless another product that is ``found`` beside it takes over behind it.
    """
    if source == EXTERNAL:
        return False
    steps = graph.layers[source].steps
    if steps == (0,):
        others = (graph.layers[i].steps[0] for i, spikes in found if i != EXTERNAL and not spikes)
        return 1 in others
    return steps[0] > 0 or 1 < len(steps) < total
