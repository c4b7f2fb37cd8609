"""From a recorded run to a ``Workload``: time steps, layers, operands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from axbar.errors import TraceError
from axbar.workload._events import INPUT, Event, Run
from axbar.workload._graph import Node, alive, fold, foldable, merge
from axbar.workload._layout import Layout, Layouts, canonical
from axbar.workload._operands import Shared, operand_of
from axbar.workload._pack import MAX_STEPS, pack
from axbar.workload._timed import reads_times
from axbar.workload._times import fires_once
from axbar.workload._types import MATMUL_OPS, STORED_OPS, Geometry, GradTrace, LayerTrace, Workload

__all__ = ["workload_of"]


def workload_of(
    run: Run,
    layouts: Layouts,
    *,
    steps: int | None,
    told: int | None,
    outermost: bool,
    name: str,
    spikes_of: Literal["float", "digital", "on-chip", "assumed"],
    meta: Mapping[str, str],
) -> Workload:
    """Return the workload of ``run``.

    Args:
        steps: T as the caller gave it; ``told`` also as the model says.
        outermost: folded calls hold the steps of one sample side by side.
    """
    total, known = _steps(run, layouts, steps, told)
    if total > MAX_STEPS:
        raise TraceError(f"the network runs on {total} time steps; at most {MAX_STEPS} can be recorded.")
    live = alive(run.events, run.outputs)
    pairs = foldable(run.events, live, run.outputs)
    events, _, kept = fold(run.events, live, run.outputs, pairs)
    inputs = [layouts.inputs[i] for i in kept]
    outputs = [layouts.outputs[i] for i in kept]
    parts = {} if outermost else _parts(events, inputs, outputs, total, run.samples)
    counts = [
        len(parts[n]) if n in parts else _count(e, i, o, total)
        for n, (e, i, o) in enumerate(zip(events, inputs, outputs, strict=True))
    ]
    nodes = merge(events, counts, total, known, parts)
    if not any(events[node.calls[0]].op in STORED_OPS for node in nodes):
        raise TraceError(
            f"the network '{name}' holds no convolution or linear layer, so there is nothing to map."
        )
    if total > 1 and all(len(when) == 1 and len(node.steps) == 1 for node in nodes for when in node.steps):
        raise TraceError(
            f"the network should run on {total} time steps, but each of its operations runs once per sample; "
            "pass steps=1."
        )
    maker = _Layers(events, inputs, outputs, total, outermost)
    layers = tuple(maker.layer(node) for node in nodes)
    grad = maker.grad(nodes, layers) if any(event.grad is not None for event in events) else None
    return Workload(name, layers, total, run.samples, spikes_of, grad=grad, meta=dict(meta))


def _steps(run: Run, layouts: Layouts, steps: int | None, told: int | None) -> tuple[int, bool]:
    """Return T and whether anything said so."""
    shown = None
    if layouts.result is not None and layouts.result.axis == 1 and len(run.out_shape) == 3:
        shown = layouts.result.lead
    if told is not None:
        if steps is None and shown not in (None, told):
            raise TraceError(
                f"the model's attribute steps is {told}, but its output of shape {list(run.out_shape)} has "
                f"{shown} time steps; pass steps={shown} or steps={told}."
            )
        return told, True
    if shown is not None:
        return shown, True
    events = list(zip(run.events, layouts.inputs, strict=True))
    counts = [at.count for event, at in events if event.op == "neuron" and at is not None]
    if max(counts, default=1) > 1:
        return max(counts), True
    if counts:
        return _neuron_calls(run.events)
    folded = max((at.fold for e, at in events if e.op in STORED_OPS and at is not None), default=1)
    return folded, folded > 1


def _neuron_calls(events: Sequence[Event]) -> tuple[int, bool]:
    """Return how often neurons are called, and if that must be time: always fed by one operation."""
    fed_by: dict[Any, list[Any]] = {}
    for event in events:
        if event.op == "neuron":
            sources = tuple(events[p].group if p != INPUT else "input" for p in event.producers)
            fed_by.setdefault(event.group, []).append(sources)
    steady = [len(sources) for sources in fed_by.values() if len(set(sources)) == 1]
    return max(steady, default=1), len(steady) > 0


def _parts(
    events: Sequence[Event],
    inputs: Sequence[Layout | None],
    outputs: Sequence[Layout | None],
    steps: int,
    samples: int,
) -> dict[int, tuple[int, ...]]:
    """Return the steps of calls that read some of the steps of ``[T·B, ...]``, T outermost, by layer all or none."""
    found: dict[int, tuple[int, ...]] = {}
    for n, (event, into, out) in enumerate(zip(events, inputs, outputs, strict=True)):
        layout = into or out
        if event.rows is None or layout is None or layout.axis or event.rows[1] != steps * samples:
            continue
        first, rest = divmod(event.rows[0], samples)
        if not rest and first >= 0 and first + layout.fold <= steps:
            found[n] = tuple(range(first, first + layout.fold))
    # where a layer's steps show in some of its calls alone, the order of the calls tells all of them
    mixed = {event.call[:4] for n, event in enumerate(events) if n not in found}
    return {n: when for n, when in found.items() if events[n].call[:4] not in mixed}


def _count(event: Event, into: Layout | None, out: Layout | None, steps: int) -> int:
    """Return on how many steps a call runs: 1 or T.

    Raises:
        TraceError: it is neither, where it matters.
    """
    counts = [layout.count for layout in (into, out) if layout is not None]
    if event.op not in (*MATMUL_OPS, "neuron"):
        return steps if steps in counts else 1
    if into is None:
        raise TraceError(
            f"the input of '{event.path or event.kind}' of shape {list(event.in_shape)} does not hold the "
            "samples on one axis, so its activity can't be told apart by sample; keep the batch axis."
        )
    if into.count in (1, steps):
        return into.count
    if steps == 1 and into.fold == 1 and event.op == "linear":
        return 1  # tokens in front of the samples
    if steps == 1 and into.lead == 1 and event.op == "matmul":
        return 1  # heads folded behind the samples, [B·H, ...]
    raise TraceError(
        f"'{event.path or event.kind}' gets {into.count} inputs per sample (shape {list(event.in_shape)}), "
        f"but the network runs on {steps} time step{'s' if steps > 1 else ''}; pass steps= if that is wrong, "
        "and don't fold anything but time into the batch."
    )


class _Layers:
    """Makes ``LayerTrace``s of nodes; arrays that layers have in common are held once."""

    def __init__(
        self,
        events: Sequence[Event],
        inputs: Sequence[Layout | None],
        outputs: Sequence[Layout | None],
        steps: int,
        outermost: bool,
    ) -> None:
        self._events, self._inputs, self._outputs = events, inputs, outputs
        self._steps, self._outermost = steps, outermost
        self._shared = Shared()

    def layer(self, node: Node) -> LayerTrace:
        """Return the layer of a node."""
        event = self._events[node.calls[0]]
        steps = tuple(sorted({t for when in node.steps for t in when}))
        if event.op == "neuron":
            return self._neuron(node, event, steps)
        if event.op in STORED_OPS:
            return self._matmul(node, event, steps)
        if event.op == "matmul":
            return self._product(node, event, steps)
        geometry = _pool_geometry(event, self._rest(node, self._inputs), self._rest(node, self._outputs))
        return LayerTrace(node.name, event.op, node.inputs, geometry, steps, kind=event.kind)

    def _rest(self, node: Node, layouts: Sequence[Layout | None]) -> tuple[int, ...]:
        layout = layouts[node.calls[0]]
        if layout is None:
            return ()
        tokens = () if layout.lead in (1, self._steps) else (layout.lead,)
        heads = () if layout.fold in (1, self._steps) else (layout.fold,)  # folded behind the samples
        return (*tokens, *heads, *layout.rest)

    def _values(
        self,
        node: Node,
        layouts: Sequence[Layout | None],
        what: Literal["values", "right", "grad", "slope"] = "values",
    ) -> NDArray[Any]:
        """Return what was recorded at all calls, ``[steps, B, *rest]``."""
        parts: list[tuple[tuple[int, ...], NDArray[Any]]] = []
        for call, when in zip(node.calls, node.steps, strict=True):
            event = self._events[call]
            values, layout = getattr(event, what), layouts[call]
            assert values is not None and layout is not None
            if event.op == "matmul":
                layout = replace(layout, shape=values.shape)
                if layout.fold > 1 and len(when) == 1:  # heads folded behind the samples
                    parts.append(
                        (when, canonical(values.array(), layout, outermost=True).swapaxes(0, 1)[None])
                    )
                    continue
            array = canonical(values.array(), layout, self._outermost)
            if array.shape[0] != len(when):  # tokens in front of the samples
                array = np.moveaxis(array, 0, 1)[None]
            parts.append((when, array))
        parts.sort(key=lambda part: part[0])
        return parts[0][1] if len(parts) == 1 else np.concatenate([array for _, array in parts])

    def _neuron(self, node: Node, event: Event, steps: tuple[int, ...]) -> LayerTrace:
        values = self._values(node, self._outputs)
        output = operand_of(values, self._shared, timed=event.neuron is not None and fires_once(event.neuron))
        geometry = Geometry(self._rest(node, self._inputs), output.shape)
        return LayerTrace(
            node.name,
            "neuron",
            node.inputs,
            geometry,
            steps,
            output=output,
            neuron=event.neuron,
            kind=event.kind,
        )

    def _matmul(self, node: Node, event: Event, steps: tuple[int, ...]) -> LayerTrace:
        values = self._values(node, self._inputs)
        if event.op == "conv2d":
            values = _with_extra(values, event.options["extra"])
            layout = self._outputs[node.calls[0]]
            assert layout is not None
            options = {key: value for key, value in event.options.items() if key != "extra"}
            geometry = Geometry(values.shape[2:], layout.rest, **options)
        else:
            values = values.reshape(*values.shape[:2], *_tokens(values.shape[2:]))
            assert event.weight is not None
            geometry = Geometry(values.shape[2:], (*values.shape[2:-1], event.weight.shape[0]))
        weight, bias = _folded(event)
        return LayerTrace(
            node.name,
            event.op,
            node.inputs,
            geometry,
            steps,
            operands=(operand_of(values, self._shared, timed=self._timed(node)),),
            weight=self._shared(weight),
            bias=None if bias is None else self._shared(bias),
            bits=event.bits,
            scale=event.scale,
            kind=event.kind,
        )

    def _timed(self, node: Node) -> bool:
        return reads_times(self._events, [p for call in node.calls for p in self._events[call].producers])

    def _product(self, node: Node, event: Event, steps: tuple[int, ...]) -> LayerTrace:
        """Return a product of run-time operands, the heads of each as groups; see ``Geometry``."""
        left, right = (self._values(node, self._inputs, what) for what in ("values", "right"))
        right = right.reshape(*right.shape[:2], -1, *right.shape[-2:])
        heads, _, columns = right.shape[2:]
        driven = _by_token(left)
        operands = tuple(operand_of(values, self._shared) for values in (driven, right))
        geometry = Geometry(driven.shape[2:], (driven.shape[2], heads * columns), groups=heads)
        return LayerTrace(
            node.name, event.op, node.inputs, geometry, steps, operands=operands, kind=event.kind
        )

    def grad(self, nodes: Sequence[Node], layers: Sequence[LayerTrace]) -> dict[str, GradTrace]:
        """Return the masks of a traced training step, by layer."""
        return {
            layer.name: self._grad(node, layer, self._behind(node, nodes))
            for node, layer in zip(nodes, layers, strict=True)
            if layer.is_matmul
        }

    def _grad(self, node: Node, layer: LayerTrace, neuron: Node | None) -> GradTrace:
        masks = self._values(node, self._outputs, "grad") != 0
        masks = _by_token(masks) if layer.at_run_time else masks
        words = self._shared(pack(masks)).reshape(masks.shape[1], *layer.geometry.out_shape)
        if neuron is None:
            return GradTrace(words, steps=masks.shape[0])
        if any(self._events[call].slope is None for call in neuron.calls):
            raise TraceError(
                f"no gradient passes through the neurons '{neuron.name}' behind the layer '{node.name}'; give "
                "them a surrogate derivative, as the neurons of axbar.nn have."
            )
        slopes = self._values(neuron, self._outputs, "slope") != 0
        return GradTrace(
            words,
            self._shared(pack(slopes)),
            steps=masks.shape[0],
            df_steps=slopes.shape[0],
            neuron=neuron.name,
        )

    def _behind(self, node: Node, nodes: Sequence[Node]) -> Node | None:
        """Return the neurons that a layer feeds, the first of several; through sums, pools and the like."""
        reached, size = {node.name}, 0
        passing = [n for n in nodes if self._events[n.calls[0]].op not in (*MATMUL_OPS, "neuron")]
        while len(reached) > size:
            size = len(reached)
            reached |= {n.name for n in passing if reached & set(n.inputs)}
        fed = [n for n in nodes if self._events[n.calls[0]].op == "neuron" and reached & set(n.inputs)]
        return fed[0] if fed else None


def _by_token(values: NDArray[Any]) -> NDArray[Any]:
    """Return ``[steps, B, ..., M, F]`` as ``[steps, B, M, H F]``: the heads of one token side by side."""
    heads = values.reshape(*values.shape[:2], -1, *values.shape[-2:])
    moved = np.moveaxis(heads, 2, 3)
    return np.ascontiguousarray(moved).reshape(*moved.shape[:3], -1)


def _tokens(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of a linear layer's input: features, or (tokens, features)."""
    return shape if len(shape) <= 2 else (int(np.prod(shape[:-1])), shape[-1])


def _with_extra(values: NDArray[Any], extra: tuple[int, int]) -> NDArray[Any]:
    """Append the odd rows and columns of zeros that 'same' padding of an even kernel adds below and right."""
    if extra == (0, 0):
        return values
    return np.pad(values, (*[(0, 0)] * (values.ndim - 2), (0, extra[0]), (0, extra[1])))


def _folded(event: Event) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Fold the norm behind a layer into it, in float64: ``W' = scale W``, ``b' = scale b + shift``."""
    assert event.weight is not None
    weight, bias = event.weight, event.bias
    if event.affine is not None:
        weight = weight.astype(np.float64) * event.affine.scale.reshape(-1, *[1] * (weight.ndim - 1))
        bias = event.affine.shift + (0.0 if bias is None else event.affine.scale * bias)
    return np.asarray(weight, dtype=np.float32), None if bias is None else np.asarray(bias, dtype=np.float32)


def _pool_geometry(event: Event, into: tuple[int, ...], out: tuple[int, ...]) -> Geometry:
    if event.op != "pool":
        return Geometry(into, out)
    if event.options:
        return Geometry(into, out, **event.options)
    ratio = tuple(max(1, -(-n // m)) for n, m in zip(into[-2:], out[-2:], strict=True))  # adaptive
    size = (ratio[0], ratio[1])
    return Geometry(into, out, kernel=size, stride=size)
