# pyright: standard
# (torch's own annotations are too thin for strict checking)
"""``save_nir``: write a feed-forward spiking network as a NIR graph.

The network is traced, so any module that ``axbar.trace`` follows can be written; batch norms are folded into the
layers before them. Each neuron layer becomes IF (β = 1), LIF or CubaLIF with

    τ = dt/(1 − β),    R = k τ/dt  (IF: k/dt),    τ_syn = dt/(1 − α),    w_in = τ_syn/dt,    v_leak = v_reset = 0

and metadata ``dt``, ``reset``, ``compare`` (> or >=), ``beta``, ``input_scale`` and ``alpha``, from which
``load_nir`` makes neurons that are equal to the last bit; those that ``from_module`` imported are written likewise.
Programs that ignore metadata read the same graph, but not the kind of reset. NIR has no max pool, no ReLU and no sum
node (edges that meet are summed).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from axbar.errors import ModelError, UsageError
from axbar.nn.neurons import IF, LIF, SynapticLIF
from axbar.workload._modules import evaluating, plain_modules
from axbar.workload._tags import tensors_in
from axbar.workload._trace import ready_batch, trace
from axbar.workload._types import LayerTrace, Workload
from axbar.workload.interchange._live_neurons import ImportedLIF, ImportedPromptLIF, ImportedSynapticLIF
from axbar.workload.interchange._nir_file import write_graph
from axbar.workload.interchange._nir_layers import Integrator
from axbar.workload.interchange._nir_types import Edge, NirGraph, NirNode, Value

__all__ = ["save_nir"]

Floats = NDArray[np.float64]
Shape = tuple[int, ...]
#: NIR type, values and metadata of a node
_Made = tuple[str, dict[str, Value], dict[str, Value]]


def save_nir(
    model: nn.Module, path: str | Path, dt: float = 1e-4, example: Tensor | NDArray[Any] | None = None
) -> None:
    """Write a network to a NIR file.

    Args:
        model: a spiking network without recurrent edges, max pools and ReLUs.
        path: the ``.nir`` file to write.
        dt: length of a step, in the unit that time constants are to have; snnTorch takes 1e-4.
        example: a batch that the network takes, ``[B, ...]`` images or ``[B, T, ...]`` sequences of two steps or more;
            made from ``model.input_shape`` unless given.

    Raises:
        UsageError: dt is out of range, or the example is missing.
        ModelError: the network holds what NIR can't; the sentence names the layer. h5py is missing.
        TraceError: the network can't be traced.

    >>> net = nn.Sequential(nn.Linear(4, 2), LIF(beta=0.9))
    >>> save_nir(net, "net.nir", example=torch.rand(1, 5, 4).transpose(0, 1))  # doctest: +SKIP
    """
    if isinstance(dt, bool) or not (np.isfinite(dt) and dt > 0):
        raise UsageError(f"dt = {dt!r} is no length of a time step; give a finite number above 0.")
    batch = _example(model, example)
    workload = trace(model, batch)
    _check_products(workload)
    _check_spikes(model, workload, batch)
    write_graph(_Writer(model, workload, float(dt)).graph(tuple(batch.shape)), Path(path))


def _example(model: nn.Module, given: Tensor | NDArray[Any] | None) -> Tensor:
    if given is not None:
        return torch.as_tensor(given)
    shape: Any = getattr(model, "input_shape", None) or getattr(model, "frame_shape", None)
    if shape is None:
        raise UsageError(
            f"{type(model).__name__} does not state its input_shape; pass example=, a batch that it takes."
        )
    # a network that takes its steps from the input says so by steps = None
    sequence = (1, 2, *shape) if getattr(model, "steps", 1) is None else (1, *shape)
    return torch.rand(sequence, generator=torch.Generator().manual_seed(0))


def _check_products(workload: Workload) -> None:
    """Refuse attention."""
    for layer in workload.matmuls:
        if layer.at_run_time:
            raise ModelError(
                f"'{layer.name}' multiplies two operands that are both computed at run time, as attention does, which "
                "no NIR node does; a network with attention can't be written."
            )


def _check_spikes(model: nn.Module, workload: Workload, batch: Tensor) -> None:
    """Refuse a network that reads or returns the potentials of spiking neurons: NIR nodes give spikes alone."""
    spiking = {layer.name for layer in workload.neurons if layer.neuron and layer.neuron.reset != "none"}
    for layer in workload.matmuls:
        if layer.operands[0].coding == "real" and spiking.intersection(layer.inputs):
            raise ModelError(
                f"'{layer.name}' reads other values of '{layer.inputs[0]}' than spikes, such as its potentials, which "
                "no NIR node hands on; let it read the spikes."
            )
    last = workload.layers[-1].name
    if last in spiking:
        with evaluating(model), torch.no_grad():
            out = next(tensors_in(model(ready_batch(model, batch))))
        if not bool(((out == 0) | (out == 1)).all()):
            raise ModelError(
                f"the network returns other values of '{last}' than spikes, such as its potentials, which no NIR node "
                "hands on; return the spikes."
            )


class _Writer:
    """Makes the nodes and edges of a traced network."""

    def __init__(self, model: nn.Module, workload: Workload, dt: float) -> None:
        self.layers, self.steps, self.dt = workload.layers, workload.steps, dt
        self.modules = dict(plain_modules(model))
        self.nodes: dict[str, NirNode] = {}
        self.edges: list[Edge] = []
        #: layer -> (nodes that its value is the sum of, shape of that value)
        self.made: dict[str, tuple[tuple[str, ...], Shape]] = {}

    def graph(self, batch: Shape) -> NirGraph:
        """Return the graph of a network that takes batches of that shape.

        Raises:
            ModelError: a layer has no NIR node.
        """
        first = next(layer for layer in self.layers if "input" in layer.inputs)
        shape = _sample(batch, first.geometry.in_shape)
        self.made["input"] = ((self._add("input", "Input", {"shape": np.array(shape)}, ()),), shape)
        read = {name for layer in self.layers for name in layer.inputs}
        for layer in self.layers:
            if layer is not self.layers[-1] and layer.name not in read:
                raise ModelError(
                    f"'{layer.name}' leads nowhere; NIR takes layers that all lead to the output."
                )
            self.made[layer.name] = (self._layer(layer), layer.geometry.out_shape)
        sources, logits = self.made[self.layers[-1].name]
        self._add("output", "Output", {"shape": np.array(logits)}, sources)
        metadata: dict[str, Value] = {"dt": np.array(self.dt)}
        if len(batch) == len(shape) + 1:  # images, presented at each step
            metadata["steps"] = np.array(self.steps)
        return NirGraph(self.nodes, tuple(self.edges), metadata)

    def _add(
        self,
        name: str,
        kind: str,
        values: Mapping[str, Value],
        sources: tuple[str, ...],
        metadata: Mapping[str, Value] | None = None,
    ) -> str:
        while name in self.nodes:
            name += "_"
        self.nodes[name] = NirNode(name, kind, values, metadata or {})
        self.edges += [(source, name) for source in sources]
        return name

    def _layer(self, layer: LayerTrace) -> tuple[str, ...]:
        """Write one layer; return the nodes whose values add up to its own."""
        for name in layer.inputs:
            if name not in self.made:
                raise ModelError(
                    f"'{layer.name}' reads what '{name}' gave a step before; recurrent networks can't be written."
                )
        if layer.op == "add":
            return self._sum(layer)
        if len(layer.inputs) != 1:
            raise ModelError(f"'{layer.name}' joins {', '.join(layer.inputs)}; NIR has no node for that.")
        makers: Mapping[str, Callable[[LayerTrace], _Made]] = {
            "conv2d": self._conv, "linear": self._linear, "pool": self._pool, "neuron": self._neuron,
        }  # fmt: skip
        if layer.op not in makers:
            raise ModelError(_unknown(layer))
        kind, values, metadata = makers[layer.op](layer)
        return (self._add(layer.name, kind, values, self._input(layer), metadata),)

    def _input(self, layer: LayerTrace) -> tuple[str, ...]:
        """Return what feeds a layer, behind a new Flatten where it reads a map as a row."""
        sources, shape = self.made[layer.inputs[0]]
        wanted = layer.geometry.in_shape
        if shape == wanted:
            return sources
        if len(wanted) != 1 or int(np.prod(shape)) != wanted[0]:
            raise ModelError(
                f"'{layer.name}' reads {list(wanted)} where {list(shape)} comes in; NIR has no node for that (odd "
                "padding, tokens, other views)."
            )
        values = {"start_dim": np.array(0), "end_dim": np.array(-1), "input_type": np.array(shape)}
        return (self._add(f"{layer.name}_flatten", "Flatten", values, sources),)

    def _sum(self, layer: LayerTrace) -> tuple[str, ...]:
        shapes = {self.made[name][1] for name in layer.inputs}
        if layer.kind != "add" or len(layer.inputs) < 2 or shapes != {layer.geometry.out_shape}:
            raise ModelError(_unknown(layer))
        return tuple(self._one(name) for name in layer.inputs)

    def _one(self, name: str) -> str:
        """Return the node of an operand; a sum gets one, so that it stays a sum of its own, rounded as it was."""
        sources, shape = self.made[name]
        if len(sources) == 1:
            return sources[0]
        alone = self._add(f"{name}_sum", "Scale", {"scale": np.ones(shape, np.float32)}, sources)
        self.made[name] = ((alone,), shape)
        return alone

    def _conv(self, layer: LayerTrace) -> _Made:
        g, weight = layer.geometry, _weight(layer)
        bias = np.zeros(weight.shape[0], np.float32) if layer.bias is None else layer.bias
        return "Conv2d", {
            "input_shape": np.array(g.in_shape[1:]), "weight": weight, "bias": bias, "stride": np.array(g.stride),
            "padding": np.array(g.padding), "dilation": np.array(g.dilation), "groups": np.array(g.groups),
        }, {}  # fmt: skip

    def _linear(self, layer: LayerTrace) -> _Made:
        if layer.bias is None:
            return "Linear", {"weight": _weight(layer)}, {}
        return "Affine", {"weight": _weight(layer), "bias": layer.bias}, {}

    def _pool(self, layer: LayerTrace) -> _Made:
        module, g = self.modules.get(_path(layer)), layer.geometry
        padded = g.padding != (0, 0)
        if (
            not isinstance(module, nn.AvgPool2d)
            or module.ceil_mode
            or (padded and not module.count_include_pad)
        ):
            raise ModelError(
                f"'{layer.name}' is a {layer.kind} pool that NIR has no node for; it takes nn.AvgPool2d without "
                "ceil_mode, zeros counted, so train the network with that."
            )
        if module.divisor_override not in (None, 1):
            raise ModelError(
                f"'{layer.name}' divides by {module.divisor_override}; NIR takes the mean or the sum."
            )
        values = {"kernel_size": g.kernel, "stride": g.stride, "padding": g.padding}
        kind = "AvgPool2d" if module.divisor_override is None else "SumPool2d"
        return kind, {key: np.array(value) for key, value in values.items()}, {}

    def _neuron(self, layer: LayerTrace) -> _Made:
        return neuron_node(self.modules.get(_path(layer)), layer.name, layer.geometry.out_shape, self.dt)


def _sample(batch: Shape, wanted: Shape) -> Shape:
    """Return the shape of one sample at one step of ``[B, ...]`` or ``[B, T, ...]``, as the first layer reads it."""
    images, frames = batch[1:], batch[2:]
    if images == wanted or frames == wanted:
        return wanted
    return images if int(np.prod(images)) == int(np.prod(wanted)) else frames


def _path(layer: LayerTrace) -> str:
    return layer.name.partition("#")[0]


def _weight(layer: LayerTrace) -> NDArray[np.float32]:
    assert layer.weight is not None
    return layer.weight


def _unknown(layer: LayerTrace) -> str:
    what = layer.op if layer.kind in ("", layer.op) else f"{layer.op}, {layer.kind}"
    return (
        f"'{layer.name}' ({what}) has no NIR node; NIR takes convolutions, linear layers, average pools, sums and "
        "spiking neurons, and returns their logits of each step: take the operation out of the network."
    )


def neuron_node(module: Any, name: str, shape: Shape, dt: float) -> _Made:
    """Return type, values and metadata of a neuron layer.

    Raises:
        ModelError: it does what a NIR neuron does not.
    """
    if type(module) is ImportedPromptLIF:
        raise ModelError(
            f"'{name}' resets at once (reset_delay = False of snnTorch) and asks a step later whether its potential is "
            "still above the threshold, which no NIR node does; give the neuron reset_delay=True or "
            "reset_mechanism='zero', or rebuild it as axbar.nn.LIF, and check the accuracy."
        )
    if type(module) not in (LIF, IF, SynapticLIF, ImportedLIF, ImportedSynapticLIF, Integrator):
        raise ModelError(
            f"'{name}' ({type(module).__name__}) has no NIR node; it takes LIF, IF and SynapticLIF."
        )
    for key, plain in (("mask_single_spikes", False), ("membrane_bits", None), ("share", 1)):
        if getattr(module, key, plain) != plain:
            raise ModelError(
                f"'{name}' has {key} = {getattr(module, key)}, which NIR can't hold; write it without."
            )
    beta, scale, alpha = (
        _full(_array(getattr(module, key, 0.0)), shape) for key in ("beta", "input_scale", "alpha")
    )
    values, kind = _currents(name, beta, scale, alpha, dt, synaptic=isinstance(module, SynapticLIF))
    metadata: dict[str, Value] = {"dt": np.array(dt), "beta": beta, "input_scale": scale}
    if "tau_syn" in values:
        metadata["alpha"] = alpha
    if not isinstance(module, Integrator):
        kind = {"I": "IF", "LI": "LIF", "CubaLI": "CubaLIF"}[kind]
        values |= {"v_threshold": _array(module.threshold), "v_reset": np.zeros(())}
        metadata |= {"reset": module.reset, "compare": ">" if module.strict else ">="}
    full: dict[str, Value] = {key: np.broadcast_to(value, shape).copy() for key, value in values.items()}
    return kind, full, metadata


def _currents(
    name: str, beta: Floats, scale: Floats, alpha: Floats, dt: float, synaptic: bool
) -> tuple[dict[str, Floats], str]:
    """Return the values of the NIR integrator with these decays and its type."""
    synaptic = synaptic or bool(alpha.any())
    if not synaptic and (beta == 1.0).all():
        return {"r": scale / dt}, "I"
    for key, decay in (("beta", beta), ("alpha", alpha if synaptic else np.zeros(()))):
        if (decay == 1.0).any():
            raise ModelError(
                f"'{name}' has {key} = 1, a time constant without end, which NIR writes only where no neuron of a "
                "layer leaks and none has a synapse; write a decay below 1."
            )
    tau = dt / (1.0 - beta)
    values = {"r": scale * tau / dt, "v_leak": np.zeros(())}
    if not synaptic:
        return {"tau": tau, **values}, "LI"
    tau_syn = dt / (1.0 - alpha)
    return {"tau_mem": tau, "tau_syn": tau_syn, "w_in": tau_syn / dt, **values}, "CubaLI"


def _full(value: Floats, shape: Shape) -> Floats:
    """Return one number as it is, and several as one per neuron, which readers compare with the node's values."""
    return value if value.size == 1 else np.broadcast_to(value, shape).copy()


def _array(value: Any) -> Floats:
    found = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
    return np.asarray(found, dtype=np.float64)
