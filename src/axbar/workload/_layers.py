"""A workload from shapes and spike rates, for designs that have no network yet."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from axbar.errors import DataError, unknown_name
from axbar.workload._pack import MAX_STEPS
from axbar.workload._types import MATMUL_OPS, Geometry, LayerTrace, NeuronTrace, Operand, Workload

__all__ = ["ASSUMED_NEURON", "LayerShape", "build", "from_layers", "shape_of"]

#: constants of neurons of which nothing is known: the usual LIF
ASSUMED_NEURON = NeuronTrace(kind="LIF", beta=0.5, threshold=1.0, reset="subtract")

Pair = int | tuple[int, int]


@dataclass(frozen=True)
class LayerShape:
    """One layer as a designer would write it down.

    Args:
        in_channels: input channels, or input features of ``linear``; of ``matmul`` those of all H heads, H K.
        out_channels: output channels or features; of ``matmul`` H N.
        name: ``layer1``, ``layer2``, ... if empty.
        op: ``conv2d``, ``linear``, or ``matmul`` for H products ``[M, K] @ [K, N]`` of two operands computed at run
            time.
        in_size: rows and columns of the input image; tokens of a linear layer (1 for a plain one); M.
        kernel, stride, padding: one number, or (rows, columns); padding None keeps the size at stride 1 (half
            the kernel). Linear layers and products of run-time operands have none of them.
        groups: channel groups; ``in_channels`` for depthwise; H.
        rate: mean share of active bits of the input per step, 0..1.
        steps: time steps on which the layer runs; those of the workload if None.
        bits: bits of an input element; 1 for spikes, more for a real-valued input such as an image. Of ``matmul``
            both operands have these bits and this rate; the right one's numbers have signs.
        signed: numbers of the (left) input have signs, which some chips present apart.
        neuron: the layer feeds spiking neurons.
        inputs: names of the layers that feed this one; the one before it if empty. A ``matmul`` names two: of the left
            operand, which is presented, and of the right one, which stands in the place of weights.
    """

    in_channels: int
    out_channels: int
    name: str = ""
    op: str = "conv2d"
    in_size: Pair = 1
    kernel: Pair = 3
    stride: Pair = 1
    padding: Pair | None = None
    groups: int = 1
    rate: float = 0.15
    steps: int | None = None
    bits: int = 1
    signed: bool = False
    neuron: bool = True
    inputs: tuple[str, ...] = ()


_FIELDS = tuple(field.name for field in dataclasses.fields(LayerShape))
#: whole numbers -> smallest and largest value
_LIMITS = {
    "in_channels": (1, 2**31),
    "out_channels": (1, 2**31),
    "in_size": (1, 2**20),
    "kernel": (1, 2**16),
    "stride": (1, 2**16),
    "padding": (0, 2**16),
    "groups": (1, 2**31),
    "steps": (1, MAX_STEPS),
    "bits": (1, 16),
}


def from_layers(
    layers: Iterable[LayerShape | Mapping[str, Any]], *, name: str = "layers", steps: int | None = None
) -> Workload:
    """Return a workload without recorded samples; see ``Workload.from_layers``."""
    wheres = ((f"layer {number}", given) for number, given in enumerate(layers, start=1))
    return build([(where, shape_of(given, where)) for where, given in wheres], name=name, steps=steps)


def build(shapes: Sequence[tuple[str, LayerShape]], *, name: str, steps: int | None = None) -> Workload:
    """Chain checked descriptions, each with the words that begin an error about it."""
    if not shapes:
        raise DataError("a workload needs at least one layer, the list is empty.")
    total = steps if steps is not None else max((shape.steps or 1) for _, shape in shapes)
    check_number("steps", total, "the workload")
    nodes: list[LayerTrace] = []
    outputs: dict[str, str] = {}  # layer -> the node that holds its output (its neurons, if it has some)
    for number, (where, shape) in enumerate(shapes):
        label = shape.name or f"layer{number + 1}"
        if label == "input" or label in {node.name for node in nodes}:
            raise DataError(f"{where}: the name '{label}' is taken; give every layer its own name.")
        sources = tuple(_source(source, outputs, where) for source in shape.inputs)
        sources = sources or ((nodes[-1].name,) if nodes else ("input",))
        nodes += _nodes(shape, label, sources, total, where)
        outputs[label] = nodes[-1].name
    return Workload(name=name, layers=_with_rates(nodes), steps=total, samples=0, spikes_of="assumed")


def shape_of(given: LayerShape | Mapping[str, Any], where: str) -> LayerShape:
    """Check one description and return it as a ``LayerShape``; ``where`` begins the error's sentence."""
    if isinstance(given, LayerShape):
        values: dict[str, Any] = {key: getattr(given, key) for key in _FIELDS}
    else:
        values = dict(given)
    for key in values:
        if key not in _FIELDS:
            raise DataError(f"{where}: {unknown_name('column', key, _FIELDS)}")
    for key in ("in_channels", "out_channels"):
        if key not in values:
            raise DataError(f"{where}: '{key}' is missing; it is needed for every layer.")
    shape = LayerShape(**values)
    for key in _LIMITS:
        check_number(key, getattr(shape, key), where)
    _check_rest(shape, where)
    return shape


def check_number(key: str, value: Any, where: str) -> None:
    """Raise a ``DataError`` unless ``value`` is whole (or a pair of whole numbers) and in its range."""
    if value is None and key in ("steps", "padding"):
        return
    paired = key in ("in_size", "kernel", "stride", "padding") and isinstance(value, (tuple, list))
    parts = cast("Sequence[Any]", value if paired else (value,))
    low, high = _LIMITS[key]
    for part in parts:
        if isinstance(part, bool) or not isinstance(part, int) or not low <= part <= high:
            raise DataError(f"{where}: {key} is {value!r}; allowed: whole numbers from {low} to {high}.")
    if len(parts) not in (1, 2):
        raise DataError(f"{where}: {key} is {value!r}; give one number, or rows and columns.")


def _check_rest(shape: LayerShape, where: str) -> None:
    if shape.op not in MATMUL_OPS:
        raise DataError(f"{where}: {unknown_name('op', shape.op, MATMUL_OPS)}")
    rate: Any = shape.rate
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
        raise DataError(
            f"{where}: rate is {rate!r}; allowed: 0 to 1, the mean share of active inputs per step."
        )
    if shape.signed and shape.bits == 1:
        raise DataError(
            f"{where}: signed is set for inputs of 1 bit, which are spikes; give bits of 2 or more."
        )
    if shape.op == "matmul" and len(shape.inputs) != 2:
        raise DataError(
            f"{where}: inputs of a matmul name the layers of its left and its right operand, got "
            f"{len(shape.inputs)}; give two names, such as ('q', 'k')."
        )
    if shape.op == "linear" and shape.groups != 1:
        raise DataError(f"{where}: groups is {shape.groups}; a linear layer has none, give 1.")
    if shape.in_channels % shape.groups or shape.out_channels % shape.groups:
        raise DataError(
            f"{where}: groups is {shape.groups}, which does not divide in_channels {shape.in_channels} and "
            f"out_channels {shape.out_channels}."
        )


def _source(name: str, outputs: Mapping[str, str], where: str) -> str:
    if name == "input":
        return name
    if name not in outputs:
        known = unknown_name("input", name, (*outputs, "input"))
        raise DataError(f"{where}: {known} Only earlier layers can feed a layer.")
    return outputs[name]


def _pair(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _geometry(shape: LayerShape, where: str) -> Geometry:
    if shape.op != "conv2d":
        tokens = shape.in_size if isinstance(shape.in_size, int) else math.prod(shape.in_size)
        if shape.op == "matmul":
            return Geometry((tokens, shape.in_channels), (tokens, shape.out_channels), groups=shape.groups)
        lead = (tokens,) if tokens > 1 else ()
        return Geometry((*lead, shape.in_channels), (*lead, shape.out_channels))
    size, kernel, stride = _pair(shape.in_size), _pair(shape.kernel), _pair(shape.stride)
    padding = _pair(shape.padding) if shape.padding is not None else (kernel[0] // 2, kernel[1] // 2)
    free = [size[i] + 2 * padding[i] - kernel[i] for i in (0, 1)]
    if min(free) < 0:
        raise DataError(
            f"{where}: a kernel of {kernel[0]}x{kernel[1]} does not fit an input of {size[0]}x{size[1]} with "
            f"padding {padding[0]}x{padding[1]}; give a larger in_size or padding."
        )
    out = (free[0] // stride[0] + 1, free[1] // stride[1] + 1)
    return Geometry(
        (shape.in_channels, *size), (shape.out_channels, *out), kernel, stride, padding, groups=shape.groups
    )


def _nodes(
    shape: LayerShape, label: str, inputs: tuple[str, ...], total: int, where: str
) -> list[LayerTrace]:
    geometry = _geometry(shape, where)
    steps = shape.steps or total
    if steps > total:
        raise DataError(f"{where}: steps is {steps}, more than the {total} steps of the workload.")
    operands = (_operand(shape, geometry.in_shape, shape.signed, steps),)
    if shape.op == "matmul":
        right = (shape.groups, geometry.fan_in, geometry.fan_out)
        operands += (_operand(shape, right, shape.bits > 1, steps),)
    nodes = [LayerTrace(label, shape.op, inputs, geometry, tuple(range(steps)), operands)]
    if shape.neuron:
        same = Geometry(geometry.out_shape, geometry.out_shape)
        neuron = LayerTrace(
            f"{label}.neuron", "neuron", (label,), same, tuple(range(total)), neuron=ASSUMED_NEURON
        )
        nodes.append(
            replace(neuron, kind=ASSUMED_NEURON.kind, output=Operand(geometry.out_shape, steps=total))
        )
    return nodes


def _operand(shape: LayerShape, size: tuple[int, ...], signed: bool, steps: int) -> Operand:
    signs = np.zeros((0, *size), dtype=np.bool_) if signed else None  # of no recorded sample
    coding = "spikes" if shape.bits == 1 else "real"
    return Operand(size, coding, bits=shape.bits, steps=steps, negative=signs, rate=float(shape.rate))


def _with_rates(nodes: list[LayerTrace]) -> tuple[LayerTrace, ...]:
    """Give neurons the rate that the first spiking layer they feed was given; others stay unrecorded."""
    rates: dict[str, float | None] = {}
    for node in nodes:
        if node.operands and node.operands[0].coding == "spikes":
            for source in node.inputs:
                rates.setdefault(source, node.operands[0].rate)
    return tuple(
        replace(node, output=replace(node.output, rate=rates.get(node.name))) if node.output else node
        for node in nodes
    )
