"""The order in which a NIR graph runs: sub-graphs opened, cycles found, edges that carry a step of delay chosen.

Nodes that lie on a common cycle run together, step by step; all others run on the whole sequence. Within a cycle a
``Delay`` of a step or more gives back what came in earlier and so orders nothing. What cycles are then left are cut
where a search in depth from the input (children in the order of their names) comes back to a node that it is still
below: that edge carries one step of delay. Where a cycle has one entry, as every recurrent layer has, this is the edge
that leads back to it, whatever the order of the search.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from axbar.errors import ModelError, suggest
from axbar.workload.interchange._nir_types import NEURONS, Edge, NirGraph, NirNode

__all__ = ["Plan", "flatten", "plan_of"]


@dataclass(frozen=True)
class Plan:
    """How a graph runs.

    Args:
        nodes: by name, sub-graphs opened.
        sources: name of each node -> names of what feeds it, in the order of names.
        groups: names in execution order; those of a group with ``cyclic`` run step by step.
        cyclic: first names of the groups that are cycles.
        feedback: edges that carry one step of delay.
        input, output: names of the only ``Input`` and ``Output``.
    """

    nodes: Mapping[str, NirNode]
    sources: Mapping[str, tuple[str, ...]]
    groups: tuple[tuple[str, ...], ...]
    cyclic: frozenset[str]
    feedback: frozenset[Edge]
    input: str
    output: str


def flatten(graph: NirGraph, within: str = "") -> NirGraph:
    """Return the graph with the nodes of sub-graphs as ``subgraph.node``; their inputs and outputs pass on.

    What a sub-graph says of the time step then stands at its input. ``within`` names the graphs around it in errors,
    each with a dot behind it.

    Raises:
        ModelError: two nodes have one name then, or a sub-graph has not one input and one output.
    """
    nodes: dict[str, NirNode] = {}
    edges: list[Edge] = []
    doors: dict[str, tuple[str, str]] = {}  # sub-graph -> where edges into it and out of it belong
    for name, item in graph.nodes.items():
        if isinstance(item, NirNode):
            _add(nodes, replace(item, name=name))
            continue
        inner = flatten(item, f"{within}{name}.")
        for node in inner.nodes.values():
            assert isinstance(node, NirNode)
            kind = "Identity" if node.type in ("Input", "Output") else node.type
            dt = {"dt": inner.metadata["dt"]} if node.type == "Input" and "dt" in inner.metadata else {}
            _add(
                nodes, replace(node, name=f"{name}.{node.name}", type=kind, metadata={**node.metadata, **dt})
            )
        into, out = (_only(inner, kind, f"sub-graph '{within}{name}'") for kind in ("Input", "Output"))
        doors[name] = (f"{name}.{into}", f"{name}.{out}")
        edges += [(f"{name}.{a}", f"{name}.{b}") for a, b in inner.edges]
    for a, b in graph.edges:
        edges.append((doors[a][1] if a in doors else a, doors[b][0] if b in doors else b))
    return NirGraph(nodes, tuple(dict.fromkeys(edges)), graph.metadata, graph.version)


def _add(nodes: dict[str, NirNode], node: NirNode) -> None:
    if node.name in nodes:
        raise ModelError(f"two nodes are called '{node.name}' once sub-graphs are opened; rename one.")
    nodes[node.name] = node


def _only(graph: NirGraph, kind: str, where: str) -> str:
    found = sorted(
        name for name, node in graph.nodes.items() if isinstance(node, NirNode) and node.type == kind
    )
    if len(found) != 1:
        listed = f" ({', '.join(found)})" if found else ""
        raise ModelError(
            f"{where} has {len(found)} nodes of the type {kind}{listed}; exactly one can be run."
        )
    return found[0]


def plan_of(graph: NirGraph, delayed: Collection[str] = ()) -> Plan:
    """Return how a flat graph runs.

    Args:
        graph: of ``flatten``.
        delayed: the ``Delay`` nodes of one step or more.

    Raises:
        ModelError: an edge leads nowhere, a node is not on a way from input to output, or a cycle holds nothing that
            keeps a state.
    """
    nodes = {name: node for name, node in graph.nodes.items() if isinstance(node, NirNode)}
    start, end = _only(graph, "Input", "the graph"), _only(graph, "Output", "the graph")
    after = _followers(nodes, graph.edges, start, end)
    _check_ways(nodes, graph.edges, after, start, end)
    held = {name for name, node in nodes.items() if node.type in NEURONS} | set(delayed)
    _check_cycles(after, held)
    groups = [group for group in _components(after) if len(group) > 1 or group[0] in after[group[0]]]
    looped = {name: i for i, group in enumerate(groups) for name in group}
    cut = {name for name in delayed if name in looped}
    outer, _ = _search(after, [start], set())
    inner, feedback = _search(after, [start, *sorted(cut)], cut)
    return Plan(
        nodes=nodes,
        sources={b: tuple(sorted(a for a, c in graph.edges if c == b)) for b in nodes},
        groups=tuple(_grouped(outer, inner, looped)),
        cyclic=frozenset(next(name for name in inner if name in group) for group in groups),
        feedback=frozenset(feedback),
        input=start,
        output=end,
    )


def _followers(
    nodes: Mapping[str, NirNode], edges: Sequence[Edge], start: str, end: str
) -> dict[str, list[str]]:
    after: dict[str, list[str]] = {name: [] for name in nodes}
    for a, b in edges:
        for name in (a, b):
            if name not in nodes:
                raise ModelError(
                    f"the edge '{a}' -> '{b}' names a node '{name}' that is not there{suggest(name, nodes) or '.'} "
                    "Write the file anew."
                )
        if b == start or a == end:
            raise ModelError(
                f"the edge '{a}' -> '{b}' leads {'into the input' if b == start else 'out of the output'}; remove it."
            )
        after[a].append(b)
    return {name: sorted(found) for name, found in after.items()}


def _check_ways(
    nodes: Mapping[str, NirNode], edges: Sequence[Edge], after: Mapping[str, list[str]], start: str, end: str
) -> None:
    before: dict[str, list[str]] = {name: [a for a, b in edges if b == name] for name in nodes}
    reached, leading = _reach(start, after), _reach(end, before)
    for name in sorted(nodes):
        if name not in reached:
            raise ModelError(
                f"{nodes[name].label} is not reached from the input '{start}'; connect or remove it."
            )
        if name not in leading:
            raise ModelError(
                f"{nodes[name].label} does not lead to the output '{end}'; connect or remove it."
            )


def _reach(start: str, after: Mapping[str, list[str]]) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        new = [name for name in after[waiting.pop()] if name not in found]
        found.update(new)
        waiting += new
    return found


def _check_cycles(after: Mapping[str, list[str]], held: set[str]) -> None:
    """Refuse a cycle in which nothing holds a value from one step to the next; ``held`` names what does."""
    plain = {
        name: [b for b in following if b not in held] for name, following in after.items() if name not in held
    }
    for group in _components(plain):
        if len(group) > 1 or group[0] in plain[group[0]]:
            names = " -> ".join(f"'{name}'" for name in _ring(group, plain))
            raise ModelError(
                f"the cycle {names} goes through no neuron and no Delay, so it has no order in time; put a neuron into "
                "it, or a Delay of a step or more."
            )


def _ring(group: Sequence[str], after: Mapping[str, list[str]]) -> list[str]:
    """Return one way round a strongly connected group, first name repeated."""
    walk, seen = [min(group)], dict[str, int]()
    while walk[-1] not in seen:
        seen[walk[-1]] = len(walk) - 1
        walk.append(next(name for name in after[walk[-1]] if name in group))
    return walk[seen[walk[-1]] :]


def _components(after: Mapping[str, list[str]]) -> list[list[str]]:
    """Return the strongly connected groups (Tarjan, SIAM J. Comput. 1972, without recursion)."""
    index, low = dict[str, int](), dict[str, int]()
    stack, on_stack, found = list[str](), set[str](), list[list[str]]()
    for root in sorted(after):
        work = [] if root in index else [(root, 0)]
        while work:
            name, child = work.pop()
            if child == 0:
                index[name] = low[name] = len(index)
                stack.append(name)
                on_stack.add(name)
            else:
                low[name] = min(low[name], low[after[name][child - 1]])
            while child < len(after[name]) and after[name][child] in index:
                if after[name][child] in on_stack:
                    low[name] = min(low[name], index[after[name][child]])
                child += 1
            if child < len(after[name]):
                work += [(name, child + 1), (after[name][child], 0)]
            elif low[name] == index[name]:
                cut = stack.index(name)
                found.append(sorted(stack[cut:]))
                on_stack -= set(stack[cut:])
                del stack[cut:]
    return found


def _search(
    after: Mapping[str, list[str]], roots: Sequence[str], cut: set[str]
) -> tuple[list[str], list[Edge]]:
    """Return a topological order and the edges that had to be left out for it; edges into ``cut`` order nothing."""
    done, below, finished, back = set[str](), set[str](), list[str](), list[Edge]()
    for root in roots:
        work = [] if root in done else [(root, 0)]
        while work:
            name, child = work.pop()
            below.add(name)
            if child == len(after[name]):
                below.discard(name)
                done.add(name)
                finished.append(name)
                continue
            work.append((name, child + 1))
            following = after[name][child]
            if following in cut:
                continue
            if following in below:
                back.append((name, following))
            elif following not in done:
                work.append((following, 0))
    return finished[::-1], back


def _grouped(
    outer: Sequence[str], inner: Sequence[str], looped: Mapping[str, int]
) -> Iterable[tuple[str, ...]]:
    """Yield the groups in the order of their first nodes in ``outer``, their nodes in the order of ``inner``."""
    members = defaultdict[int, list[str]](list)
    for name in inner:
        if name in looped:
            members[looped[name]].append(name)
    seen: set[int] = set()
    for name in outer:
        if name not in looped:
            yield (name,)
        elif looped[name] not in seen:
            seen.add(looped[name])
            yield tuple(members[looped[name]])
