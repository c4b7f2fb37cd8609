"""What of a workload is charged: samples that stop early, and a constant input that is presented again.

A sample that leaves after ``exit_step[b]`` = n steps (1..T) runs steps 0 .. n - 1 alone. The spikes of its later
steps are struck out, so activity is that of the steps that ran; and a layer that runs on the steps S counts
with their mean number over samples,

    runs = mean_b |{s in S: s < exit_step[b]}|,

so that energy and latency are means over samples. What is built does not depend on who leaves when.

``mapping.first_layer: every_step`` presents a constant real-valued input on all T steps, as much published work
does, in place of once with its sums kept.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.cost._graph import EXTERNAL, Graph, graph_of
from axbar.errors import UsageError
from axbar.workload import LayerTrace, Operand, Workload

__all__ = ["charged", "exit_note", "exits", "mean_runs"]


def charged(workload: Workload, first_layer: str) -> Graph:
    """Return the graph of what is charged.

    Raises:
        UsageError: ``exit_step`` holds steps that the workload does not have, or too few of them.
    """
    if first_layer == "every_step":
        workload = _every_step(workload)
    stops = exits(workload)
    if stops is not None:
        layers = tuple(_until(layer, stops) if layer.is_matmul else layer for layer in workload.layers)
        workload = replace(workload, layers=layers)
    return graph_of(workload, {layer.name: mean_runs(layer, stops) for layer in workload.layers})


def exits(workload: Workload) -> NDArray[np.int64] | None:
    """Return how many steps each sample runs, ``[B]``; None where all run all of them."""
    given = workload.exit_step
    if given is None:
        return None
    stops = np.asarray(given)
    whole = stops.dtype.kind in "iu" and stops.ndim == 1 and len(stops) > 0
    if not whole or stops.min() < 1 or stops.max() > workload.steps:
        raise UsageError(
            f"exit_step of workload '{workload.name}' must name a step from 1 to {workload.steps} per sample, "
            f"got {stops.tolist()}; give the whole number of steps that each sample runs."
        )
    return None if int(stops.min()) == workload.steps else stops.astype(np.int64)


def exit_note(stops: NDArray[Any] | None, steps: int) -> tuple[str, ...]:
    """Return who leaves when, in one sentence; none without early exit.

    >>> exit_note(np.array([1, 1, 3]), 4)
    ('samples leave after 1 step: 67 %, 2 steps: 0 %, 3 steps: 33 %, 4 steps: 0 % of 3 samples; mean T 1.67 of 4',)
    """
    if stops is None:
        return ()
    shares = np.bincount(np.asarray(stops), minlength=steps + 1)[1:] / len(stops)
    each = ", ".join(
        f"{t} step{'s'[: t > 1]}: {share:.0%}".replace("%", " %") for t, share in enumerate(shares, 1)
    )
    return (f"samples leave after {each} of {len(stops)} samples; mean T {np.mean(stops):.2f} of {steps}",)


def mean_runs(layer: LayerTrace, stops: NDArray[np.int64] | None) -> float:
    """Return on how many steps a layer runs, mean over samples."""
    if stops is None:
        return float(layer.operands[0].steps if layer.is_matmul and layer.operands else len(layer.steps))
    return float(_runs(layer, stops).mean())


def _runs(layer: LayerTrace, stops: NDArray[np.int64]) -> NDArray[np.int64]:
    steps = np.sort(np.array(layer.steps, dtype=np.int64))
    if layer.is_matmul and layer.operands and layer.operands[0].steps != len(steps):
        steps = np.arange(layer.operands[0].steps)
    return np.searchsorted(steps, stops)


def _until(layer: LayerTrace, stops: NDArray[np.int64]) -> LayerTrace:
    """Strike out what samples no longer present."""
    runs, first = _runs(layer, stops), layer.operands[0]
    if (
        first.words is None or int(runs.min()) == first.steps
    ):  # of rates, ``_presented`` takes the share that runs
        return layer
    if len(first.words) != len(stops):
        raise UsageError(
            f"exit_step names {len(stops)} samples, but {len(first.words)} were recorded at layer "
            f"'{layer.name}'; give one step per recorded sample."
        )
    return replace(layer, operands=tuple(_cut(operand, runs) for operand in layer.operands))


def _cut(operand: Operand, runs: NDArray[np.int64]) -> Operand:
    assert operand.words is not None
    if operand.coding in ("spikes", "signed"):
        negative = operand.negative
        if negative is not None and negative.dtype != np.bool_:
            negative = _masked(negative, runs)
        return replace(operand, words=_masked(operand.words, runs), negative=negative)
    words = operand.words
    if not operand.per_step:  # the same codes on every step
        words = np.repeat(words[:, None], operand.steps, axis=1)
    late = np.arange(operand.steps)[None] >= runs[:, None]
    kept = np.where(late.reshape(*late.shape, *([1] * len(operand.shape))), words.dtype.type(0), words)
    return replace(operand, words=kept, per_step=True)


def _masked(words: NDArray[Any], runs: NDArray[np.int64]) -> NDArray[Any]:
    kept = np.array([(1 << int(n)) - 1 for n in runs], dtype=words.dtype)
    return words & kept.reshape(-1, *([1] * (words.ndim - 1)))


def _every_step(workload: Workload) -> Workload:
    """Run layers whose constant real-valued input is the network's own on all steps, with what stands before
    their neurons.
    """
    graph = graph_of(workload, {})
    fed = {
        layer.name
        for layer, sources in zip(graph.layers, graph.sources, strict=True)
        if sources == (EXTERNAL,)
    }
    steps = tuple(range(workload.steps))
    layers: list[LayerTrace] = []
    again: set[str] = set()  # what runs again, and the units that follow it
    for layer in workload.layers:
        if layer.name in fed and _is_constant(layer):
            first = replace(layer.operands[0], steps=len(steps))
            layer = replace(layer, steps=steps, operands=(first, *layer.operands[1:]))
            again.add(layer.name)
        elif not layer.is_matmul and layer.op != "neuron" and again.intersection(layer.inputs):
            layer = replace(layer, steps=steps)
            again.add(layer.name)
        layers.append(layer)
    return replace(workload, layers=tuple(layers))


def _is_constant(layer: LayerTrace) -> bool:
    first = layer.operands[0]
    return first.coding == "real" and first.steps == 1 and not first.per_step
