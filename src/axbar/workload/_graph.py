"""From events to layers: drop what leads nowhere, fold norms, merge calls of one layer over time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from axbar.errors import TraceError
from axbar.workload._events import INPUT, Event
from axbar.workload._types import MATMUL_OPS

__all__ = ["Node", "alive", "fold", "foldable", "merge"]


def alive(events: Sequence[Event], outputs: Sequence[int]) -> list[int]:
    """Return the events that lead to the network's output, and all layers and neurons, wherever they lead.

    The last update of a state that no later step reads leads nowhere; it stays with the calls of its group.
    """
    groups: dict[Any, list[int]] = defaultdict(list)
    for i, event in enumerate(events):
        groups[event.group].append(i)
    keep: set[int] = set()
    waiting = [i for i, event in enumerate(events) if event.op in (*MATMUL_OPS, "neuron")]
    waiting += [i for i in outputs if i != INPUT]
    while waiting:
        for i in groups[events[waiting.pop()].group]:
            if i not in keep:
                keep.add(i)
                waiting += [p for p in events[i].producers if p != INPUT]
    return sorted(keep)


def foldable(events: Sequence[Event], live: Sequence[int], outputs: Sequence[int]) -> dict[str, str]:
    """Return ``{path of a layer: path of the batch norm that can be folded into it}``.

    A norm folds if it reads the untouched channels of nothing but that layer, in all of their calls, and
    nothing else reads the layer. Outputs of several layers may be joined in front of it, not along the channels but
    over time, say: then it folds into all of them or into none.
    """
    layers, norms = defaultdict[str, set[int]](set), defaultdict[str, set[int]](set)
    readers = defaultdict[int, set[int]](set)
    for i in live:
        event = events[i]
        if event.stored:
            layers[event.path].add(i)
        elif event.op == "norm":
            norms[event.path].add(i)
        for producer in event.producers:
            readers[producer].add(i)
    pairs: dict[str, str] = {}
    for path, calls in layers.items():
        reading: set[int] = set[int]().union(*(readers[i] for i in calls))
        norm = {events[i].path for i in reading}
        if len(norm) != 1 or calls & set(outputs) or not all(readers[i] for i in calls):
            continue
        name = norm.pop()
        if norms.get(name) == reading and all(_reads_channels(events, i, calls) for i in reading):
            pairs[path] = name
    sources = {
        name: {events[p].path for i in calls for p in events[i].producers} for name, calls in norms.items()
    }
    return {path: name for path, name in pairs.items() if sources[name] <= pairs.keys()}


def _reads_channels(events: Sequence[Event], norm: int, calls: set[int]) -> bool:
    event = events[norm]
    if event.affine is None or not calls.intersection(event.producers) or INPUT in event.producers:
        return False
    weights = [events[producer].weight for producer in event.producers]
    return all(weight is not None and weight.shape[0] == event.affine.scale.size for weight in weights)


def fold(
    events: Sequence[Event], live: Sequence[int], outputs: Sequence[int], pairs: dict[str, str]
) -> tuple[list[Event], tuple[int, ...], list[int]]:
    """Drop dead events and folded norms, whose constants move to their layers.

    Returns:
        the events with new numbers, the outputs, and the old number of each event.
    """
    folded = set(pairs.values())
    affine: dict[int, Any] = {}
    numbers: dict[int, tuple[int, ...]] = {INPUT: (INPUT,)}
    kept = list[int]()
    for i in live:
        event = events[i]
        if event.op == "norm" and event.path in folded:
            numbers[i] = tuple(n for p in event.producers for n in numbers[p])
            affine.update((p, event.affine) for p in event.producers)
        else:
            numbers[i] = (len(kept),)
            kept.append(i)
    made = [replace(events[i].renumbered(numbers), affine=affine.get(i)) for i in kept]
    return made, tuple(dict.fromkeys(n for i in outputs for n in numbers[i])), kept


@dataclass
class Node:
    """One layer: its calls and the steps on which each of them ran."""

    calls: list[int]
    steps: list[tuple[int, ...]]
    name: str = ""
    inputs: tuple[str, ...] = ()


def merge(
    events: Sequence[Event],
    counts: Sequence[int],
    steps: int,
    known: bool,
    parts: Mapping[int, tuple[int, ...]] | None = None,
) -> list[Node]:
    """Group calls into layers, in execution order.

    Args:
        counts: inputs per sample of each call, 1 or ``steps``.
        steps: T.
        parts: call -> its steps, where it is seen to run on a part of them.
        known: T is certain; if not, repeated calls of a layer are an error, as they may be steps or depth.
    """
    groups: dict[Any, list[int]] = {}
    parts = parts or {}
    for i, event in enumerate(events):
        groups.setdefault((event.group, counts[i] > 1, i in parts), []).append(i)
    nodes: list[Node] = []
    owner, step_of = dict[int, int](), dict[int, int]()  # call -> number of its node, its step
    waiting = list(groups.values())
    while waiting:
        calls = waiting.pop(_next(events, waiting, counts, steps, step_of))
        event = events[calls[0]]
        told = calls[0] in parts
        if len(calls) > 1 and not known and not told and event.op in (*MATMUL_OPS, "neuron"):
            raise TraceError(
                f"'{event.path}' is called {len(calls)} times, and nothing tells whether these are time "
                f"steps or layers that share weights; pass steps={len(calls)} (or set network.steps) for time "
                "steps, steps=1 for shared weights."
            )
        found = (
            _told(calls, parts) if told else _places(events, calls, counts[calls[0]], steps, owner, step_of)
        )
        for place in found:
            owner.update((i, len(nodes)) for i, _ in place)
            step_of.update((i, when[0] if len(when) == 1 else 0) for i, when in place)
            nodes.append(Node([i for i, _ in place], [when for _, when in place]))
    ordered = sorted(nodes, key=lambda node: node.calls[0])
    names = _Names()
    for node in ordered:
        node.name = names(events[node.calls[0]])
    for node in ordered:
        sources = (p for i in node.calls for p in events[i].producers)
        node.inputs = tuple(dict.fromkeys("input" if p == INPUT else nodes[owner[p]].name for p in sources))
    return ordered


def _next(
    events: Sequence[Event],
    waiting: Sequence[Sequence[int]],
    counts: Sequence[int],
    steps: int,
    step_of: Mapping[int, int],
) -> int:
    """Return which group to place next: the first whose calls miss no step, or all read something of a known step.

    In ``v = x if v is None else beta * v + x`` neither the product nor the sum runs on the first step. The sum also
    reads x, of a known step, so it is placed first, and the product one step behind it.
    """
    for place, calls in enumerate(waiting):
        whole = counts[calls[0]] > 1 or len(calls) == 1 or len(calls) % steps == 0
        if whole or all(any(p in step_of for p in events[i].producers) for i in calls):
            return place
    return 0


Place = list[tuple[int, tuple[int, ...]]]


def _told(calls: Sequence[int], parts: Mapping[int, tuple[int, ...]]) -> list[Place]:
    """Give calls whose steps are known to places, each of which runs once on a step."""
    places: list[Place] = []
    for i in calls:
        free = (at for at in places if not any(set(when) & set(parts[i]) for _, when in at))
        place = next(free, None)
        if place is None:
            places.append(place := [])
        place.append((i, parts[i]))
    return places


def _places(
    events: Sequence[Event],
    calls: list[int],
    count: int,
    steps: int,
    owner: Mapping[int, int],
    step_of: Mapping[int, int],
) -> Iterator[Place]:
    """Split the calls of one group into the places in the network where they stand, with steps."""
    if count > 1 or steps == 1:
        yield from ([(i, tuple(range(count)))] for i in calls)
    elif len(calls) == 1:
        yield [(calls[0], (0,))]
    elif len(calls) % steps == 0:
        yield from (_in_order(place) for place in _by_source(events, calls, steps, owner))
    else:
        yield from _by_producer_step(events, calls, step_of)


def _in_order(calls: list[int]) -> Place:
    return [(i, (t,)) for t, i in enumerate(calls)]


def _by_source(
    events: Sequence[Event], calls: list[int], steps: int, owner: Mapping[int, int]
) -> list[list[int]]:
    """Split ``m * T`` calls into m places of T: by what feeds them, else by their order within a step."""
    if len(calls) == steps:
        return [calls]
    fed_by: dict[Any, list[int]] = {}
    for i in calls:
        sources = tuple(owner.get(p, events[p].group if p != INPUT else "input") for p in events[i].producers)
        fed_by.setdefault(sources, []).append(i)
    if all(len(found) == steps for found in fed_by.values()):
        return list(fed_by.values())
    places = len(calls) // steps
    return [calls[place::places] for place in range(places)]


def _by_producer_step(events: Sequence[Event], calls: list[int], step_of: Mapping[int, int]) -> list[Place]:
    """Place calls that miss some steps: each runs on the latest step of what feeds it."""
    places: list[Place] = []
    for i in calls:
        step = max((step_of.get(p, 0) for p in events[i].producers), default=0)
        free = (place for place in places if all(step != when[0] for _, when in place))
        place = next(free, None)
        if place is None:
            places.append(place := [])
        place.append((i, (step,)))
    return places


class _Names:
    """Hands out names: a module's path for what it is for, ``path.op_1`` for other operations in it."""

    def __init__(self) -> None:
        self._used: Counter[str] = Counter()

    def __call__(self, event: Event) -> str:
        base = event.path or event.kind.lower()
        if not event.own:
            base = f"{event.path}.{event.kind}" if event.path else event.kind
        self._used[base] += 1
        number = self._used[base]
        if not event.own:
            return f"{base}_{number}"
        return base if number == 1 else f"{base}#{number}"
