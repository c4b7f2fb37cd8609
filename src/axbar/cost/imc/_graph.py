"""Who feeds whom: the traced graph, seen from the layers that lie on arrays.

Only matrix products lie on arrays. A neuron layer is hosted by the tiles of the product that drives it (the
latest one in execution order, where sums of several products meet); sums, spikes and images that come from
elsewhere travel there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

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
        sources: mapped layers (or ``EXTERNAL``) that feed the input.
        neurons: neuron layers hosted here.
        foreign_values, foreign_bits: sums (numbers) and spikes (bits) that other layers send here to be added.
        sends_sums: the layer's sums are added at another layer and leave no output here.
        unpriced: ``(layer, operation)`` of all other nodes.
    """

    layers: tuple[LayerTrace, ...]
    sources: list[tuple[int, ...]] = field(default_factory=list[tuple[int, ...]])
    neurons: list[list[LayerTrace]] = field(default_factory=list[list[LayerTrace]])
    foreign_values: list[float] = field(default_factory=list[float])
    foreign_bits: list[float] = field(default_factory=list[float])
    sends_sums: list[bool] = field(default_factory=list[bool])
    unpriced: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


#: where a value comes from: mapped layer and whether it travels as spikes
_Origin = tuple[int, bool]


def graph_of(workload: Workload) -> Graph:
    """Walk the graph once, in execution order."""
    products = workload.matmuls
    index = {layer.name: i for i, layer in enumerate(products)}
    n = len(products)
    graph = Graph(products, [() for _ in products], [[] for _ in products], [0.0] * n, [0.0] * n, [False] * n)
    origins: dict[str, set[_Origin]] = {"input": {(EXTERNAL, False)}}
    for layer in workload.layers:
        found: set[_Origin] = set()
        for name in layer.inputs:
            found |= origins.get(name, {(EXTERNAL, False)})
        if layer.is_matmul:
            here = index[layer.name]
            graph.sources[here] = tuple(sorted({i for i, _ in found}))
            origins[layer.name] = {(here, False)}
        elif layer.op == "neuron":
            host = max(max((i for i, _ in found), default=0), 0)
            graph.neurons[host].append(layer)
            origins[layer.name] = {(host, True)}
        else:
            graph.unpriced.append((layer.name, layer.op))
            origins[layer.name] = _join(graph, layer, found) if layer.op in _JUNCTIONS else found
    return graph


def _join(graph: Graph, layer: LayerTrace, found: set[_Origin]) -> set[_Origin]:
    """Send all operands of a junction to the latest mapped layer among them."""
    host = max(i for i, _ in found)
    if host == EXTERNAL:
        return found
    sent = float(math.prod(layer.geometry.out_shape)) * len(layer.steps)
    for source, spikes in found:
        if source == host:
            continue
        if spikes:
            graph.foreign_bits[host] += sent
        else:
            graph.foreign_values[host] += sent
        if source != EXTERNAL and not spikes:
            graph.sends_sums[source] = True
    return {(host, False)}
