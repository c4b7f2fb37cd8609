"""What a traced run leaves behind, in numpy: one event per operation, values in little space.

An event knows the events that made its input, not yet names, layers or time steps; those are worked out
afterwards from all events together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.workload._types import NeuronTrace

__all__ = ["INPUT", "Affine", "Event", "Run", "Values"]

#: producer index of the network's input
INPUT = -1


@dataclass(frozen=True)
class Values:
    """A tensor as recorded: spikes as single bits, signed spikes as two, other numbers as float32."""

    shape: tuple[int, ...]
    nonzero: NDArray[np.uint8] | None
    negative: NDArray[np.uint8] | None
    real: NDArray[np.float32] | None

    @staticmethod
    def of(array: NDArray[Any]) -> Values:
        """Record ``array``."""
        nonzero, negative = array != 0, array < 0
        if np.array_equal(np.abs(array), nonzero):
            signs = np.packbits(negative) if negative.any() else None
            return Values(array.shape, np.packbits(nonzero), signs, None)
        return Values(array.shape, None, None, np.asarray(array, dtype=np.float32))

    def array(self) -> NDArray[Any]:
        """Return the values: int8 where all are -1, 0 or 1, else float32."""
        if self.real is not None:
            return self.real
        assert self.nonzero is not None
        found = _bits(self.nonzero, self.shape).astype(np.int8)
        if self.negative is not None:
            found[_bits(self.negative, self.shape)] = -1
        return found


def _bits(packed: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    size = int(np.prod(shape, dtype=np.int64))
    return np.unpackbits(packed, count=size).view(np.bool_).reshape(shape)


@dataclass(frozen=True)
class Affine:
    """``y = scale * x + shift`` per channel, in float64: what a norm does outside of training."""

    scale: NDArray[np.float64]
    shift: NDArray[np.float64]


@dataclass
class Event:
    """One call of one operation.

    Args:
        op, kind: as in ``LayerTrace``.
        path: of the module in which it happened.
        own: the operation is what the module at ``path`` is for, so it bears that name alone.
        site: calls from the same line of the same loop agree in it.
        producers: indices of the events that made its inputs, ``INPUT`` for the network's input.
        in_shape, out_shape: of the whole tensors.
        values: of the operand (weight layers) or of the output (neurons).
        right, right_shape: second operand of a product of run-time operands, as multiplied, and its shape.
        weight, bias: as used in the call.
        bits, scale: of the weights, where the module says that they are on a grid.
        options: stride, padding, ... of convolutions and pools.
        stored: the weight is the parameter of the layer module that was called.
        grad: of a layer in a traced training step: where the gradient of its output is not zero.
        slope: of neurons in one: where the derivative of their surrogate is not zero.
        rows: of its input, as in ``axbar.workload._tags.Tag``: a part of the entries, such as some of the steps.
        affine: of a norm that may be folded into the layer whose output it reads channel by channel.
    """

    op: str
    kind: str
    path: str
    own: bool
    site: tuple[Any, ...]
    producers: tuple[int, ...]
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    values: Values | None = None
    right: Values | None = None
    right_shape: tuple[int, ...] = ()
    weight: NDArray[Any] | None = None
    bias: NDArray[Any] | None = None
    bits: int | None = None
    scale: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    neuron: NeuronTrace | None = None
    affine: Affine | None = None
    stored: bool = False
    grad: Values | None = None
    slope: Values | None = None
    rows: tuple[int, int] | None = None

    @property
    def call(self) -> tuple[Any, ...]:
        """What is called where; equal in runs on different batches."""
        return (self.op, self.kind, self.path, self.site, tuple(self.options.items()))

    @property
    def group(self) -> tuple[Any, ...]:
        """Calls of one run with equal groups may be the same layer at different steps."""
        return (*self.call, self.in_shape, self.out_shape)

    def renumbered(self, numbers: Mapping[int, tuple[int, ...]]) -> Event:
        """Return the event with its producers replaced, each by one or several."""
        return replace(self, producers=tuple(dict.fromkeys(n for p in self.producers for n in numbers[p])))


@dataclass(frozen=True)
class Run:
    """All events of one forward pass, the network's output and the events that made it."""

    events: list[Event]
    outputs: tuple[int, ...]
    output: Any
    samples: int

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of the output."""
        return tuple(self.output.shape)
