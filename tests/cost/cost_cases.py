"""Small workloads and chips for the tests of this folder."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from axbar.cost._types import Context
from axbar.spec import ImcSpec, load_hardware
from axbar.workload import LayerTrace, NeuronTrace, Operand, Workload
from axbar.workload._types import Geometry

LIF = NeuronTrace(kind="LIF", beta=0.5, threshold=1.0, reset="subtract")


def chip(**changes: Any) -> ImcSpec:
    """The default chip; ``crossbar__rows=32`` sets ``crossbar.rows``."""
    spec = load_hardware("imc-rram-65nm").replace({k.replace("__", "."): v for k, v in changes.items()})
    assert isinstance(spec, ImcSpec)
    return spec


def geometry(channels: int, outputs: int, size: int, kernel: int = 3, groups: int = 1) -> Geometry:
    """A convolution that keeps its size."""
    pad = (kernel // 2, kernel // 2)
    shapes = ((channels, size, size), (outputs, size, size))
    return Geometry(*shapes, kernel=(kernel, kernel), padding=pad, groups=groups)


def spiking(
    rng: np.random.Generator, shape: tuple[int, ...], steps: int = 4, rate: float = 0.3, batch: int = 2
) -> Operand:
    """Recorded random spikes, packed by step."""
    bits = rng.random((batch, steps, *shape)) < rate
    words = sum((bits[:, t].astype(np.uint8) << t for t in range(steps)), np.zeros((batch, *shape), np.uint8))
    return Operand(shape, steps=steps, words=words.astype(np.uint8))


def real(
    rng: np.random.Generator, shape: tuple[int, ...], bits: int = 8, signed: bool = False, batch: int = 2
) -> Operand:
    """Recorded random 8-bit magnitudes, presented once."""
    words = rng.integers(0, 2**bits, size=(batch, *shape)).astype(np.uint8)
    negative = rng.random(words.shape) < 0.5 if signed else None
    return Operand(shape, "real", bits=bits, steps=1, words=words, negative=negative)


def product(
    name: str, where: Geometry, operand: Operand, rng: np.random.Generator, source: str = "input"
) -> LayerTrace:
    """A convolution (or linear layer) with random weights."""
    conv = len(where.in_shape) == 3
    out = where.fan_out * where.groups
    weight = rng.normal(size=(out, where.fan_in)).astype(np.float32)
    if conv:
        weight = weight.reshape(out, -1, *where.kernel)
    steps = tuple(range(operand.steps))
    return LayerTrace(
        name, "conv2d" if conv else "linear", (source,), where, steps, (operand,), weight=weight
    )


def neuron(name: str, source: str, shape: tuple[int, ...], steps: int = 4) -> LayerTrace:
    """A layer of neurons."""
    same = Geometry(shape, shape)
    output = Operand(shape, steps=steps)
    return LayerTrace(name, "neuron", (source,), same, tuple(range(steps)), output=output, neuron=LIF)


def small_network(seed: int = 0, steps: int = 4, rate: float = 0.3) -> Workload:
    """Real-valued first convolution, a grouped spiking one, a linear read-out."""
    rng = np.random.default_rng(seed)
    first, second = geometry(3, 8, 6), geometry(8, 12, 6, groups=2)
    last = Geometry((12 * 36,), (5,))
    layers = (
        product("conv1", first, real(rng, first.in_shape), rng),
        neuron("lif1", "conv1", first.out_shape, steps),
        product("conv2", second, spiking(rng, second.in_shape, steps, rate), rng, "lif1"),
        neuron("lif2", "conv2", second.out_shape, steps),
        product("fc", last, spiking(rng, last.in_shape, steps, rate), rng, "lif2"),
    )
    return Workload("small", layers, steps, samples=2)


def mixed_network(steps: int = 3, seed: int = 1) -> Workload:
    """Something for every digital unit: pools of spikes and sums, norms, softmax, residual sum, activations."""
    rng = np.random.default_rng(seed)
    first, token, last = geometry(3, 8, 8), Geometry((4, 16), (4, 6)), Geometry((6,), (5,))
    map8, row = (8, 8, 8), (4, 6)
    layers = (
        product("conv1", first, real(rng, first.in_shape), rng),
        between("bn", "norm", "batch_norm", ("conv1",), map8, map8, steps),
        between("relu", "activation", "relu", ("bn",), map8, map8, steps),
        neuron("lif1", "relu", map8, steps),
        between("pool1", "pool", "max", ("lif1",), map8, (8, 4, 4), steps, kernel=(2, 2)),
        product("conv2", geometry(8, 8, 4), spiking(rng, (8, 4, 4), steps), rng, "pool1"),
        between("add", "add", "add", ("conv2", "pool1"), (8, 4, 4), (8, 4, 4), steps),
        between("mean", "pool", "avg", ("add",), (8, 4, 4), (8, 2, 2), steps, kernel=(2, 2)),
        product("query", token, spiking(rng, (4, 16), steps), rng, "mean"),
        between("ln", "norm", "layer_norm", ("query",), row, row, steps),
        between("soft", "softmax", "softmax", ("ln",), row, row, steps),
        between("gelu", "activation", "gelu", ("soft",), row, row, steps),
        product("fc", last, real(rng, (6,)), rng, "gelu"),
        between("top", "reduce", "topk", ("fc",), (5,), (1,), steps),
    )
    return Workload("mixed", layers, steps, samples=2)


def of_two(name: str, left: Operand, right: Operand, inputs: tuple[str, ...]) -> LayerTrace:
    """A product of two operands of run time: left ``(M, H K)``, right ``(H, K, N)``."""
    heads, _, outputs = right.shape
    where = Geometry(left.shape, (left.shape[0], heads * outputs), groups=heads)
    return LayerTrace(name, "matmul", inputs, where, tuple(range(left.steps)), (left, right))


def attention(seed: int = 2, tokens: int = 5, heads: int = 2, width: int = 6, batch: int = 2) -> Workload:
    """One layer of attention with its projections, recorded: qkv, scores, softmax, mix, proj."""
    rng = np.random.default_rng(seed)
    whole, row, shares = (tokens, heads * width), (tokens, heads * width), (tokens, heads * tokens)

    def numbers(*shape: int, signed: bool = True) -> Operand:
        return real(rng, shape, signed=signed, batch=batch)

    layers = (
        product("qkv", Geometry(whole, (tokens, 3 * heads * width)), numbers(*whole), rng),
        between("scale", "mul", "mul", ("qkv",), row, row, 1),
        of_two("scores", numbers(*row), numbers(heads, width, tokens), ("scale", "qkv")),
        between(
            "soft", "softmax", "softmax", ("scores",), (heads, tokens, tokens), (heads, tokens, tokens), 1
        ),
        of_two("mix", numbers(*shares, signed=False), numbers(heads, tokens, width), ("soft", "qkv")),
        product("proj", Geometry(row, row), numbers(*row), rng, "mix"),
    )
    return Workload("attention", layers, 1, samples=batch)


def every_unit() -> Workload:
    """The mixed network and behind it attention: no component is idle, in whatever unit products of run time are."""
    first, second = mixed_network(), attention()
    return dataclasses.replace(first, layers=(*first.layers, *second.layers))


def between(
    name: str,
    op: str,
    kind: str,
    inputs: tuple[str, ...],
    in_shape: tuple[int, ...],
    out_shape: tuple[int, ...],
    steps: int = 3,
    kernel: tuple[int, int] = (1, 1),
) -> LayerTrace:
    """A layer between products that has no weights."""
    where = Geometry(in_shape, out_shape, kernel, kernel)
    return LayerTrace(name, op, inputs, where, tuple(range(steps)), kind=kind)


def silent(workload: Workload) -> Workload:
    """The same network with inputs that are all zero."""
    layers = [
        dataclasses.replace(layer, operands=tuple(_zero(o) for o in layer.operands))
        for layer in workload.layers
    ]
    return dataclasses.replace(workload, layers=tuple(layers))


def _zero(operand: Operand) -> Operand:
    assert operand.words is not None
    return dataclasses.replace(operand, words=np.zeros_like(operand.words))


@dataclasses.dataclass
class Recorder(Context):
    """A context that writes down what a term reads."""

    read: set[tuple[str, str]] = dataclasses.field(default_factory=set[tuple[str, str]])

    def n(self, event: str) -> Any:
        self.read.add(("event", event))
        return super().n(event)

    def p(self, path: str) -> Any:
        self.read.add(("path", path))
        return super().p(path)

    def c(self, constant: Any) -> Any:
        self.read.add(("constant", constant.name))
        return super().c(constant)


def first_spikes() -> Workload:
    """One layer that reads times of first spikes."""
    rng = np.random.default_rng(3)
    times = dataclasses.replace(real(rng, (100,)), coding="time")
    return Workload("times", (product("fc", Geometry((100,), (5,)), times, rng),), 1, samples=2)
