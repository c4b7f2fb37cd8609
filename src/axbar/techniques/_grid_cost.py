"""What a network on a grid stores, how much of it stands at the ends of its range, and what float32 rounds amiss."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from axbar.nn._fused_grid import whole_currents
from axbar.nn.quantised import QuantisedConv2d, QuantisedLIF, QuantisedLinear, membrane_step
from axbar.nn.shared import _in_turn
from axbar.techniques._grids import Group
from axbar.workload import trace

__all__ = ["rounding", "stored"]

_FLOAT_BITS = 32


@torch.no_grad()
def stored(model: nn.Module, images: Tensor, bits: int) -> dict[str, Any]:
    """Return what weights and membranes take in memory before and after, and which shares stand at the ends."""
    weights = at_end = 0
    for layer in model.modules():
        if isinstance(layer, QuantisedConv2d | QuantisedLinear):
            codes = torch.round(layer.weight.double() / float(layer.weight_scale)).abs()
            weights += codes.numel()
            at_end += int((codes == 2 ** (bits - 1) - 1).sum())
    found = {node.name.split("#")[0]: node for node in trace(model, images[:2]).neurons}
    shares = {path: cast(QuantisedLIF, model.get_submodule(path)).share for path in found}
    neurons = sum(-(-math.prod(node.geometry.out_shape) // shares[path]) for path, node in found.items())
    words = weights + neurons
    return {
        "bits": bits,
        "weights": weights,
        "membranes": neurons,
        "memory_bits_before": _FLOAT_BITS * words,
        "memory_bits_after": bits * words,
        "memory_saved": 1.0 - bits / _FLOAT_BITS,
        "saturated_weights": at_end / weights,
        "saturated_membranes": _clipped_share(model, images),
        "not_counted": "biases and sums, at the width of the sum",
    }


class _Clipped:
    """Counts the stored potentials that were clipped."""

    def __init__(self) -> None:
        self.clipped = self.total = 0

    def sequence(self, neuron: QuantisedLIF, given: tuple[Tensor, ...]) -> None:
        """Count a call on ``x[T, B, ...]`` from rest."""
        self._count(neuron, given[0], None)

    def step(self, neuron: QuantisedLIF, x: Tensor, state: Any = None) -> None:
        """Count a step ``x[B, ...]`` from a state."""
        self._count(neuron, x[None], None if state is None else torch.round(state.v / neuron.grid.step))

    def _count(self, neuron: QuantisedLIF, x: Tensor, before: Tensor | None) -> None:
        p = neuron.grid
        turns = _in_turn(x, neuron.share, False) if neuron.share > 1 else x
        wide, kept = replace(p, largest=2**62), torch.zeros_like(turns[0]) if before is None else before
        for current in turns.unbind(0):
            free = membrane_step(whole_currents(current, p), kept, wide)[1]
            kept = free.clamp(-p.largest, p.largest)
            self.clipped, self.total = self.clipped + int((kept != free).sum()), self.total + free.numel()


def _clipped_share(model: nn.Module, images: Tensor) -> float:
    """Return the share (0..1) of stored potentials that were clipped, one for each turn of a shared membrane."""
    seen = _Clipped()
    with _watched([m for m in model.modules() if isinstance(m, QuantisedLIF)], seen):
        model(images)
    return seen.clipped / seen.total if seen.total else 0.0


@contextmanager
def _watched(neurons: Sequence[QuantisedLIF], seen: _Clipped) -> Iterator[None]:
    """Count the calls of neurons and of their ``step``."""

    def counting(neuron: QuantisedLIF, step: Any) -> Any:
        def run(*given: Any) -> Any:
            seen.step(neuron, *given)
            return step(*given)

        return run

    handles = [neuron.register_forward_pre_hook(cast(Any, seen.sequence)) for neuron in neurons]
    for neuron in neurons:
        vars(neuron)["step"] = counting(neuron, neuron.step)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for neuron in neurons:
            vars(neuron).pop("step", None)


@torch.no_grad()
def rounding(model: nn.Module, groups: Sequence[Group], images: Tensor) -> dict[str, float]:
    """Return ``currents_off``: the largest share of a layer's currents that float32 sums put on another step.

    Compared with sums in float64, which are exact here; of layers that charge neurons.
    """
    off = {path: [0, 0] for group in groups if group.neurons for path in group.layers}
    handles = list[Any]()
    for group in groups:
        for path in group.layers if group.neurons else ():
            layer = cast(Any, model.get_submodule(path))
            grid = cast(QuantisedLIF, model.get_submodule(group.neurons[0])).grid
            handles.append(layer.register_forward_hook(_comparing(_exact(layer), grid, off[path])))
    try:
        model(images)
    finally:
        for handle in handles:
            handle.remove()
    return {"currents_off": max((wrong / total for wrong, total in off.values() if total), default=0.0)}


def _exact(layer: QuantisedConv2d | QuantisedLinear) -> nn.Module:
    """Return a layer in float64, with weights and bias exactly on its grid."""
    made, step = copy.deepcopy(layer).double(), float(layer.weight_scale)
    made.weight.copy_(torch.round(made.weight / step) * step)
    if made.bias is not None:
        made.bias.copy_(torch.round(made.bias / (step * layer.input_step)) * (step * layer.input_step))
    return made


def _comparing(exact: nn.Module, grid: Any, off: list[int]) -> Any:
    def hook(_layer: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        wanted = whole_currents(exact(given[0].double()), grid)
        off[0] += int((whole_currents(made, grid) != wanted).sum())
        off[1] += made.numel()

    return hook
