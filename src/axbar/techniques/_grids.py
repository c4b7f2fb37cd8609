"""Which layers must share a grid: those whose sums meet at the same neurons.

Read from a trace. From each layer of neurons the way back leads through sums and maximum pools to the layers that
charge it; these form a group, and groups with a layer or neurons in common are one. A layer that charges no neurons is
a read-out and a group of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from axbar.errors import ModelError
from axbar.nn.quantised import check_integer_form
from axbar.workload import LayerTrace, Workload

__all__ = ["Group", "groups_of", "input_step_of"]

#: largest number of levels per unit that is tried for exact input codes: bytes
_LEVELS = 256
_CLOSE = 1e-3


@dataclass(frozen=True)
class Group:
    """Layers on one grid.

    Args:
        layers: paths of the modules, in execution order.
        neurons: paths of the neurons that they charge; none for a read-out.
        adds_spikes: of these, those that spikes are added to without a layer between.
    """

    layers: tuple[str, ...]
    neurons: tuple[str, ...] = ()
    adds_spikes: frozenset[str] = frozenset()


def groups_of(workload: Workload, model: nn.Module) -> tuple[Group, ...]:
    """Return the groups of a traced network without norms, in the order in which they first run.

    Raises:
        ModelError: something has no integer form; the sentence says what.
    """
    nodes = {layer.name: layer for layer in workload.layers}
    modules = dict(model.named_modules())
    _check_not_yet(modules)
    found = list[tuple[set[str], set[str], set[str]]]()
    for node in workload.neurons:
        path = _path(node.name)
        check_integer_form(modules.get(path, model), path)
        layers, direct = _charging(node, nodes)
        found.append(({_path(name) for name in layers}, {path}, {path} if direct else set()))
    if not found:
        raise ModelError(
            f"mint puts membranes and weights on one grid, and '{workload.name}' has no spiking neurons; give a "
            "spiking network."
        )
    charging = set[str]().union(*(layers for layers, _, _ in found))
    for node in workload.matmuls:
        _check_layer(_path(node.name), modules)
        if _path(node.name) not in charging:
            _check_read_out(node, workload.layers)
            found.append(({_path(node.name)}, set(), set()))
    order = {_path(node.name): at for at, node in reversed(list(enumerate(workload.layers)))}
    groups = (
        Group(tuple(sorted(layers, key=order.__getitem__)), tuple(sorted(neurons)), frozenset(direct))
        for layers, neurons, direct in _merged(found)
    )
    return tuple(sorted(groups, key=lambda group: order[group.layers[0]]))


def _check_not_yet(modules: Mapping[str, nn.Module]) -> None:
    for path, module in modules.items():
        bits = getattr(module, "weight_bits", None)
        if bits is not None:
            raise ModelError(
                f"layer '{path}' is on a grid of {bits} bits already; start from the network before that."
            )


def _path(name: str) -> str:
    """Return the path of the module that a node is a call of."""
    return name.split("#")[0]


def _charging(node: LayerTrace, nodes: Mapping[str, LayerTrace]) -> tuple[set[str], bool]:
    """Return the layers whose sums charge neurons, and whether spikes do so as well."""
    layers, direct, pending = set[str](), False, list(node.inputs)
    while pending:
        source = nodes.get(pending.pop())
        op = "the network's input" if source is None else source.op
        if source is not None and source.is_matmul:
            layers.add(source.name)
        elif source is not None and source.op == "neuron":
            direct = True
        elif source is not None and (
            (op == "add" and len(source.inputs) > 1) or (op == "pool" and source.kind == "max")
        ):
            pending.extend(source.inputs)
        else:
            name = op if source is None else f"'{source.name}' ({source.kind or op})"
            raise ModelError(
                f"neurons '{node.name}' are charged through {name}, which leaves the grid of the weights; mint takes "
                "layers, their sums and maximum pools in front of neurons."
            )
    if not layers:
        raise ModelError(
            f"neurons '{node.name}' are charged by spikes alone, so no weights set their grid; put a layer in front."
        )
    return layers, direct


def _check_read_out(node: LayerTrace, layers: Sequence[LayerTrace]) -> None:
    """Refuse a layer whose sums reach another layer without neurons between."""
    reached = {node.name}
    for other in layers:
        if not reached & set(other.inputs):
            continue
        if other.is_matmul:
            raise ModelError(
                f"layer '{node.name}' feeds layer '{other.name}' without neurons between; mint takes layers that "
                "charge neurons, and read-outs."
            )
        if other.op != "neuron":
            reached.add(other.name)


def _check_layer(path: str, modules: Mapping[str, nn.Module]) -> None:
    layer = modules.get(path)
    for base in (nn.Conv2d, nn.Linear):
        if isinstance(layer, base) and type(layer).forward is base.forward:
            if isinstance(layer._parameters.get("weight"), nn.Parameter):
                return
    raise ModelError(
        f"the weights of '{path}' are no plain parameter of a Conv2d or Linear module; rewrite it with one."
    )


def _merged(
    found: Iterable[tuple[set[str], set[str], set[str]]],
) -> list[tuple[set[str], set[str], set[str]]]:
    """Join groups that have a layer or neurons in common."""
    groups = list[tuple[set[str], set[str], set[str]]]()
    for new in found:
        meets = [old for old in groups if old[0] & new[0] or old[1] & new[1]]
        groups = [old for old in groups if old not in meets]
        one, two, three = (set[str]().union(*(old[i] for old in (new, *meets))) for i in range(3))
        groups.append((one, two, three))
    return groups


def input_step_of(values: Tensor) -> tuple[float, int]:
    """Return the step d of a layer's inputs and the shift m that brings ``d 2^m`` closest to 1.

    d = 1 for spikes and counts; else 1/n with the smallest n up to 256 of which all values are multiples; else the
    largest magnitude over 255, to which inputs are then rounded in integer form.

    >>> input_step_of(torch.tensor([0.0, 0.25, 0.75]))
    (0.25, 2)
    """
    values = values.detach()
    if bool((values == values.round()).all()):
        return 1.0, 0
    seen = torch.unique(values.double())
    for levels in range(2, _LEVELS + 1):
        scaled = seen * levels
        if bool(((scaled - scaled.round()).abs() < _CLOSE).all()):
            break
    else:
        levels = 255.0 / float(seen.abs().max())
    return 1.0 / levels, max(0, round(math.log2(levels)))
