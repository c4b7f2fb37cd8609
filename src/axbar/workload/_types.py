"""What a network asks of hardware: layers, geometry and recorded activity.

Shapes leave out batch and time. ``T`` steps, ``B`` recorded samples, ``C``/``K`` channels, ``R``/``S`` kernel.
What was not recorded is ``None``, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Coding", "Geometry", "LayerTrace", "NeuronTrace", "Operand", "Workload", "MATMUL_OPS"]

Coding = Literal["spikes", "signed", "radix", "time", "real"]

#: operations that multiply inputs with stored weights
MATMUL_OPS = ("conv2d", "linear")


@dataclass(frozen=True)
class Geometry:
    """Shape of one operation.

    Args:
        in_shape: ``(C, H, W)``, ``(F,)`` or ``(N, F)`` (N tokens) of one sample at one step.
        out_shape: the same of the output.
        kernel, stride, padding, dilation: ``(rows, columns)``; ``(1, 1)`` / ``(0, 0)`` for linear layers.
        groups: channel groups; ``C`` for depthwise.
    """

    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    @property
    def fan_in(self) -> int:
        """Rows of the unfolded weight matrix of one group (``C/groups * R * S`` or ``F``)."""
        channels = self.in_shape[0] if len(self.in_shape) == 3 else self.in_shape[-1]
        return channels // self.groups * self.kernel[0] * self.kernel[1]

    @property
    def fan_out(self) -> int:
        """Columns of the unfolded weight matrix of one group."""
        channels = self.out_shape[0] if len(self.out_shape) == 3 else self.out_shape[-1]
        return channels // self.groups

    @property
    def positions(self) -> int:
        """Input vectors per step and sample (output pixels, or tokens)."""
        if len(self.out_shape) == 3:
            return self.out_shape[1] * self.out_shape[2]
        return int(np.prod(self.out_shape[:-1], dtype=np.int64))


@dataclass(frozen=True)
class Operand:
    """One input of an operation and what was recorded of it.

    ``words[b, ...]`` packs the bits of one element: bit ``t`` is the spike at the ``t``-th step on which the layer
    runs (``spikes``, ``signed``); for ``real`` it is magnitude bit ``t`` of the integer code
    ``round(|x| / scale)``, of a layer that runs once; layers that run on several steps with real inputs keep one
    word array per step in ``words[b, step, ...]`` (``per_step`` is then true).

    Args:
        shape: of one sample at one step.
        coding: how the element is represented.
        bits: bits of one element at one step (1 for spikes).
        steps: steps on which the operand is presented.
        words: ``[B, *shape]`` (``[B, steps, *shape]`` if ``per_step``), smallest unsigned type; None if not recorded.
        negative: bool, same shape as ``words``: the element is negative (signed codings); None otherwise. For
            ``signed`` spikes it is the packed word of the negative steps instead.
        rate: mean fraction of active bits, 0..1, if only that is known.
        scale: value of one code step for ``real``; 1 otherwise.
    """

    shape: tuple[int, ...]
    coding: Coding = "spikes"
    bits: int = 1
    steps: int = 1
    words: NDArray[np.unsignedinteger[Any]] | None = None
    negative: NDArray[Any] | None = None
    rate: float | None = None
    scale: float = 1.0
    per_step: bool = False


@dataclass(frozen=True)
class NeuronTrace:
    """Constants of a neuron layer: decay, threshold, reset semantics (see ``axbar.nn.neurons``)."""

    kind: str
    beta: float
    threshold: float
    reset: str
    input_scale: float = 1.0
    strict: bool = False


@dataclass(frozen=True)
class LayerTrace:
    """One node of the graph.

    Args:
        name: module path in the network.
        op: ``conv2d``, ``linear``, ``neuron``, ``pool``, ``add``, ``norm``, ``activation``, ...
        inputs: names of producing nodes; ``"input"`` is the network's input.
        geometry: shapes.
        steps: the steps 0..T-1 on which the operation runs (a constant first layer runs once).
        operands: inputs with recorded activity (empty where no hardware model asks for it).
        output: recorded output of neurons.
        weight: folded float weights ``[K, C/groups, R, S]`` or ``[K, F]``; None if there are none.
        bias: folded bias ``[K]`` or None.
        mask: bool, shape of weight: False where a technique removed the weight.
        bits, scale: weight bits and step where a technique fixed them.
        neuron: constants of a neuron layer.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    geometry: Geometry
    steps: tuple[int, ...]
    operands: tuple[Operand, ...] = ()
    output: Operand | None = None
    weight: NDArray[np.float32] | None = None
    bias: NDArray[np.float32] | None = None
    mask: NDArray[np.bool_] | None = None
    bits: int | None = None
    scale: float | None = None
    neuron: NeuronTrace | None = None


@dataclass(frozen=True)
class Workload:
    """A traced network: a graph of layers and the activity of ``samples`` inputs.

    Args:
        name: of the network.
        layers: in execution order.
        steps: T.
        samples: B recorded samples; 0 when built from shapes and rates.
        spikes_of: whose activity was recorded.
        exit_step: ``[B]`` step after which each sample stops; None without early exit.
        grad: layer -> masks of a traced training step; None if not recorded.
        meta: free text facts (versions, data).
    """

    name: str
    layers: tuple[LayerTrace, ...]
    steps: int
    samples: int = 0
    spikes_of: Literal["float", "digital", "on-chip", "assumed"] = "float"
    exit_step: NDArray[np.int64] | None = None
    grad: Mapping[str, Any] | None = None
    meta: Mapping[str, str] = field(default_factory=dict[str, str])
