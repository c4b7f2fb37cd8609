# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""``load_nir``: the network of a NIR file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from axbar.errors import AxbarError, ModelError, UsageError
from axbar.nn.neurons import IF, LIF, SynapticLIF
from axbar.workload.interchange._nir_constants import (
    Constants,
    Decay,
    Number,
    Settings,
    constants_of,
    delay_steps,
    resolve_dt,
)
from axbar.workload.interchange._nir_file import read_graph
from axbar.workload.interchange._nir_graph import Plan, flatten, plan_of
from axbar.workload.interchange._nir_layers import Conv1d, Delay, Integrator, Scale
from axbar.workload.interchange._nir_network import GraphNetwork, Shape, check_rest
from axbar.workload.interchange._nir_types import NirGraph, NirNode

__all__ = ["load_nir"]


def load_nir(
    path: str | Path,
    dt: float | None = None,
    reset: str | None = None,
    *,
    steps: int | None = None,
    strict: bool | None = None,
    decay: Decay = "euler",
) -> GraphNetwork:
    """Return the network of a NIR file, in evaluation mode.

    Args:
        path: the ``.nir`` file.
        dt: length of a time step in the unit of the file's time constants; what metadata say unless given.
        reset: ``subtract``, ``subtract_unleaked`` or ``zero`` (see ``axbar.nn.LIF``) of all neurons whose metadata
            do not say.
        steps: T for images ``[B, ...]``, which are presented T times; sequences ``[B, T, ...]`` need none.
        strict: neurons fire above instead of at the threshold; None: what metadata or the kind of reset say, and
            above it for ``Threshold``, as NIR defines that.
        decay: ``euler``, β = 1 − dt/τ, as snnTorch and the NIR paper have it, or ``exponential``, β = exp(−dt/τ).

    Raises:
        UsageError: dt or reset is missing, an argument is out of range, or there is no such file.
        ModelError: the file can't be read, or holds what can't be run; the sentence names the node.
    """
    if not Path(path).is_file():
        raise UsageError(f"there is no NIR file '{path}'; check the path.")
    settings = Settings(None if dt is None else float(dt), reset, strict, decay)
    try:
        network = _network(flatten(read_graph(Path(path))), settings, steps)
    except AxbarError as error:
        raise type(error)(f"NIR graph '{path}': {error}") from error
    given = {"dt": dt, "reset": reset, "steps": steps, "strict": strict, "decay": decay}
    told = {
        key: value for key, value in given.items() if value is not None and (key, value) != ("decay", "euler")
    }
    network.config = {"name": str(Path(path).resolve()), **told}
    return network.eval()


def _network(graph: NirGraph, settings: Settings, steps: int | None) -> GraphNetwork:
    nodes = {name: node for name, node in graph.nodes.items() if isinstance(node, NirNode)}
    noted = [("the graph", graph.metadata), *((node.label, node.metadata) for node in nodes.values())]
    dt = resolve_dt(noted, settings.dt)
    waits = {n: delay_steps(node, dt) for n, node in nodes.items() if node.type == "Delay"}
    plan = plan_of(graph, [name for name, steps in waits.items() if steps.min() > 0])
    layers = {name: _layer(node, dt, settings) for name, node in nodes.items()}
    # in the order in which they run, which is how readers of a module's children know them
    order = [name for group in plan.groups for name in group]
    present = {name: layer for name in order if (layer := layers[name]) is not None}
    shapes = _shapes(plan, present)
    network = GraphNetwork(present, plan, shapes, _steps(graph, steps))
    check_rest(network)
    return network


def _steps(graph: NirGraph, given: Any) -> int | None:
    if given is not None:
        if isinstance(given, bool) or not isinstance(given, int) or given < 1:
            raise UsageError(f"steps = {given!r} is no number of time steps; give an integer from 1.")
        return given
    if "steps" not in graph.metadata:
        return None
    (noted,) = NirNode("metadata", "NIRGraph", graph.metadata).integers("steps", 1)
    if noted < 1:
        raise ModelError(f"the metadata of the graph say steps = {noted}; remove that entry and pass steps=.")
    return noted


def _layer(node: NirNode, dt: float | None, settings: Settings) -> nn.Module | None:
    if node.type in ("Input", "Output", "Identity"):
        return None
    if node.type in _MAKERS:
        return _MAKERS[node.type](node)
    if node.type == "Delay":
        return Delay(torch.from_numpy(delay_steps(node, dt)))
    return _neuron(constants_of(node, dt, settings))


def _neuron(c: Constants) -> nn.Module:
    beta, scale = _constant(c.beta), _constant(c.input_scale)
    if c.threshold is None:
        return Integrator(beta, scale, 0.0 if c.alpha is None else _constant(c.alpha))
    common: dict[str, Any] = {
        "threshold": _constant(c.threshold), "reset": c.reset, "input_scale": scale, "strict": c.strict,
    }  # fmt: skip
    if c.alpha is not None:
        return SynapticLIF(_constant(c.alpha), beta, **common)
    return IF(**common) if isinstance(beta, float) and beta == 1.0 else LIF(beta, **common)


def _constant(value: Number) -> float | Tensor:
    return value if isinstance(value, float) else torch.from_numpy(value).to(torch.get_default_dtype())


# --- layers with weights and without


def _weight(node: NirNode, ndim: int) -> Tensor:
    array = node.numbers("weight")
    if array.ndim != ndim:
        raise ModelError(f"{node.label} has a weight of shape {array.shape}; it takes {ndim} dimensions.")
    return torch.from_numpy(array.astype(np.float32))


def _bias(node: NirNode, weight: Tensor) -> Tensor | None:
    """Return the bias; None where it is zero, since NIR has no convolution without one."""
    if "bias" not in node.values or not node.numbers("bias").any():
        return None
    array = node.numbers("bias").reshape(-1)
    if array.size != weight.shape[0]:
        raise ModelError(
            f"{node.label} has {array.size} biases for {weight.shape[0]} outputs; write the file anew."
        )
    return torch.from_numpy(array.astype(np.float32))


def _filled(layer: nn.Linear | nn.Conv2d, weight: Tensor, bias: Tensor | None) -> nn.Module:
    layer.weight = nn.Parameter(weight)
    if bias is not None:
        layer.bias = nn.Parameter(bias)
    return layer


def _linear(node: NirNode) -> nn.Module:
    weight = _weight(node, 2)
    # made without memory, so that no random numbers are drawn for weights that are replaced
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    return _filled(layer, weight, _bias(node, weight))


def _conv(node: NirNode) -> nn.Module:
    flat = node.type == "Conv1d"
    weight = _weight(node, 3 if flat else 4)
    if flat:
        weight = weight.unsqueeze(-2)
    (groups,) = node.integers("groups", 1)
    stride, dilation = _along(node, "stride", flat, 1), _along(node, "dilation", flat, 1)
    padding: Any = node.values["padding"]
    if isinstance(padding, str):
        if padding not in ("same", "valid") or (padding == "same" and set(stride) != {1}):
            raise ModelError(
                f"{node.label} has padding = '{padding}' and stride {stride}; give numbers, 'valid', or 'same' with "
                "stride 1."
            )
    else:
        padding = _along(node, "padding", flat, 0)
    if groups < 1 or weight.shape[0] % groups or 0 in (*stride, *dilation):
        raise ModelError(
            f"{node.label} has {groups} groups, stride {stride}, dilation {dilation}; write the file anew."
        )
    kind = Conv1d if flat else nn.Conv2d
    kernel: Any = tuple(weight.shape[2:])
    layer = kind(
        weight.shape[1] * groups,
        weight.shape[0],
        kernel,
        stride,
        padding,
        dilation,
        groups,
        bias=False,
        device="meta",
    )
    return _filled(layer, weight, _bias(node, weight))


def _along(node: NirNode, key: str, flat: bool, across: int) -> tuple[int, int]:
    if flat:
        return across, node.integers(key, 1)[0]
    rows, columns = node.integers(key, 2)
    return rows, columns


def _pool(node: NirNode) -> nn.Module:
    kernel, stride, padding = (_along(node, key, False, 0) for key in ("kernel_size", "stride", "padding"))
    if 0 in (*kernel, *stride):
        raise ModelError(f"{node.label} has a kernel {kernel} and stride {stride}; both must be above 0.")
    return nn.AvgPool2d(kernel, stride, padding, divisor_override=1 if node.type == "SumPool2d" else None)


def _flatten(node: NirNode) -> nn.Module:
    start, end = (int(node.numbers(key).reshape(-1)[0]) for key in ("start_dim", "end_dim"))
    # NIR counts dimensions without samples, torch with them
    return nn.Flatten(start + 1 if start >= 0 else start, end + 1 if end >= 0 else end)


def _scale(node: NirNode) -> nn.Module:
    return Scale(torch.from_numpy(node.numbers("scale").astype(np.float32)))


_MAKERS: Mapping[str, Callable[[NirNode], nn.Module]] = {
    "Affine": _linear, "AvgPool2d": _pool, "Conv1d": _conv, "Conv2d": _conv, "Flatten": _flatten, "Linear": _linear,
    "Scale": _scale, "SumPool2d": _pool,
}  # fmt: skip


# --- shapes


def _shapes(plan: Plan, layers: Mapping[str, nn.Module]) -> dict[str, Shape]:
    """Return the shape of what each node gives, per sample and step, after a run on zeros.

    Raises:
        ModelError: a node does not take what reaches it.
    """
    shapes: dict[str, Shape] = {
        plan.input: plan.nodes[plan.input].integers("shape", _dims(plan.nodes[plan.input]))
    }
    waiting = [name for group in plan.groups for name in group if name != plan.input]
    while waiting:
        ready = next(name for name in waiting if any(s in shapes for s in plan.sources[name]))
        waiting.remove(ready)
        source = next(s for s in plan.sources[ready] if s in shapes)
        shapes[ready] = _shape_after(plan.nodes[ready], layers.get(ready), shapes[source])
    for name, sources in plan.sources.items():
        found = {shapes[source]: source for source in sources}
        if len(found) > 1:
            told = " and ".join(f"{list(shape)} from '{source}'" for shape, source in found.items())
            raise ModelError(
                f"{plan.nodes[name].label} gets values of different shapes, {told}; sums need equal ones."
            )
    _check_declared(plan.nodes[plan.output], shapes[plan.output])
    return shapes


def _dims(node: NirNode) -> int:
    return node.numbers("shape").size


def _shape_after(node: NirNode, layer: nn.Module | None, given: Shape) -> Shape:
    if layer is None:
        return given
    for name in ("beta", "threshold", "input_scale", "alpha", "scale"):
        value = getattr(layer, name, None)
        if isinstance(value, Tensor) and value.numel() > 1 and tuple(value.shape) != given:
            raise ModelError(
                f"{node.label} holds constants of shape {list(value.shape)}, but gets {list(given)}."
            )
    if getattr(layer, "is_neuron", False) or isinstance(layer, Delay):
        _check_declared(node, given)
        return given
    try:
        with torch.no_grad():
            return tuple(layer(torch.zeros(1, *given)).shape[1:])
    except (RuntimeError, IndexError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"{node.label} does not take what reaches it, shape {list(given)}: {reason}; check the edges and the shape "
            "of the input."
        ) from error


def _check_declared(node: NirNode, given: Shape) -> None:
    """Refuse a neuron node whose arrays have another shape than what reaches it; single numbers fit anything."""
    for key in ("shape", "delay", "r", "tau", "tau_mem", "tau_syn", "v_threshold", "threshold"):
        if key not in node.values:
            continue
        shape = node.numbers(key).shape
        declared = node.integers(key, _dims(node)) if key == "shape" else shape
        if declared != given and (key == "shape" or int(np.prod(shape)) > 1):
            raise ModelError(
                f"{node.label} is made for shape {list(declared)} ('{key}'), but gets {list(given)}."
            )
