"""What a network asks of hardware: layers, geometry and recorded activity.

Shapes leave out batch and time. ``T`` steps, ``B`` recorded samples, ``C``/``K`` channels, ``R``/``S``
kernel. What was not recorded is ``None``, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from axbar.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from axbar.workload._layers import LayerShape

__all__ = [
    "MATMUL_OPS",
    "STORED_OPS",
    "Coding",
    "Geometry",
    "GradTrace",
    "LayerTrace",
    "NeuronTrace",
    "Operand",
    "Workload",
]

Coding = Literal["spikes", "signed", "radix", "time", "real"]

#: operations that multiply inputs with stored weights
STORED_OPS = ("conv2d", "linear")
#: these, and products of two operands that are both computed at run time
MATMUL_OPS = (*STORED_OPS, "matmul")


@dataclass(frozen=True)
class Geometry:
    """Shape of one operation.

    Args:
        in_shape: ``(C, H, W)``, ``(F,)`` or ``(N, F)`` (N tokens) of one sample at one step.
        out_shape: the same of the output.
        kernel, stride, padding, dilation: ``(rows, columns)``; ``(1, 1)`` / ``(0, 0)`` for linear layers.
        groups: channel groups; ``C`` for depthwise.

    H products of run-time operands, ``[M, K] @ [K, N]`` each (the heads of attention), are a linear layer of H groups
    on M tokens: ``in_shape = (M, H K)``, ``out_shape = (M, H N)``, ``groups = H``.
    """

    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def __post_init__(self) -> None:
        for name in ("in_shape", "out_shape", "kernel", "stride", "padding", "dilation"):
            object.__setattr__(self, name, tuple(int(n) for n in getattr(self, name)))

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


@dataclass(frozen=True, eq=False)
class Operand:
    """One input of an operation and what was recorded of it.

    ``words[b, ...]`` packs the bits of one element: bit ``t`` is the spike at the ``t``-th step on which the
    layer runs (``spikes``, ``signed``); for ``real`` it is magnitude bit ``t`` of the integer code
    ``round(|x| / scale)``. A real operand that differs from step to step keeps one code array per step in
    ``words[b, step, ...]`` (``per_step`` is then true); otherwise the same codes are presented at every step.

    Args:
        shape: of one sample at one step.
        coding: how the element is represented.
        bits: bits of one element at one step (1 for spikes).
        steps: steps on which the operand is presented.
        words: ``[B, *shape]`` (``[B, steps, *shape]`` if ``per_step``), smallest unsigned type; None if not
            recorded.
        negative: bool, same shape as ``words``: the element is negative (signed codings); None otherwise. For
            ``signed`` spikes it is the packed word of the negative steps instead. Of 0 samples where elements are
            known to have signs, but were not recorded.
        rate: mean fraction of active bits, 0..1, if only that is known.
        scale: value of one code step for ``real`` and ``time``, of a spike for the others (1 unless converted from
            a conventional network).
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
    """Constants of a neuron layer: decay, threshold, reset semantics (see ``axbar.nn.neurons``).

    Where neurons of a layer differ in a constant, it is their mean.

    ``alpha`` is the decay of the synaptic current in front of the membrane; 0 for neurons without one. ``bits`` are
    those of a membrane where a technique fixed them, ``share`` the neurons that take turns on one membrane.
    """

    kind: str
    beta: float
    threshold: float
    reset: str
    input_scale: float = 1.0
    strict: bool = False
    alpha: float = 0.0
    bits: int | None = None
    share: int = 1


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """One node of the graph.

    Args:
        name: module path in the network; ``path#2`` for the second place in which a module is used,
            ``path.op_1`` for the first functional call of ``op`` in a module.
        op: ``conv2d``, ``linear``, ``matmul``, ``neuron``, ``pool``, ``add``, ``norm``, ``activation``, ...
        inputs: names of producing nodes; ``"input"`` is the network's input. Several names of a layer that is
            no ``add`` or ``mul`` mean that their outputs were joined (concatenated).
        geometry: shapes.
        steps: the steps 0..T-1 on which the operation runs (a constant first layer runs once).
        operands: inputs with recorded activity (empty where no hardware model asks for it). Of a ``matmul`` the left
            one, ``(M, H K)``, which drives an array, and the right one, ``(H, K, N)``, which is written into it.
        output: recorded output of neurons.
        weight: folded float weights ``[K, C/groups, R, S]`` or ``[K, F]``; None if there are none.
        bias: folded bias ``[K]`` or None.
        mask: bool, shape of weight: False where a technique removed the weight.
        bits, scale: weight bits and step where a technique fixed them.
        neuron: constants of a neuron layer.
        kind: which one of its op: ``max``, ``avg`` of pools, ``relu`` of activations, the class of a neuron.
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
    kind: str = ""
    #: results of ``axbar.workload._activity``; a layer never changes, so they are computed once
    cache: dict[Any, Any] = field(default_factory=dict[Any, Any], init=False, repr=False)

    @property
    def is_matmul(self) -> bool:
        """True if the layer is a matrix product, with stored weights or with what is written at run time."""
        return self.op in MATMUL_OPS

    @property
    def at_run_time(self) -> bool:
        """True if the layer multiplies two operands that are both computed at run time."""
        return self.op == "matmul"


@dataclass(frozen=True, eq=False)
class GradTrace:
    """Where the gradients of one training step are not zero, at one layer with weights.

    ``words[b, ...]`` packs the steps of one element of one sample as in ``Operand``. Which tensors these are
    stands in ``axbar.workload._grad``; counts and rates in ``axbar.workload._gradients``.

    Args:
        du: ``[B, *out_shape]``, bit ``t`` set where the gradient of the layer's output (the input of the
            membranes behind it) is not zero at the ``t``-th step on which the layer runs. A layer that runs
            once and is presented at every step has one bit, for the sum over the steps.
        df: ``[B, *shape]`` of the neurons that the layer feeds, bit ``t`` set where the derivative of their
            surrogate is not zero at their ``t``-th step; None where no neurons follow.
        steps: bits in use in ``du``.
        df_steps: bits in use in ``df``; 0 without it.
        neuron: name of the neuron layer of ``df``. Several layers may name the same (their outputs are added),
            so count its neurons once.
    """

    du: NDArray[np.unsignedinteger[Any]]
    df: NDArray[np.unsignedinteger[Any]] | None = None
    steps: int = field(kw_only=True)
    df_steps: int = field(default=0, kw_only=True)
    neuron: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, eq=False)
class Workload:
    """A traced network: a graph of layers and the activity of ``samples`` inputs.

    Args:
        name: of the network.
        layers: in execution order.
        steps: T.
        samples: B recorded samples; 0 when built from shapes and rates.
        spikes_of: whose activity was recorded.
        exit_step: ``[B]`` steps that each sample runs, 1..T; None without early exit.
        grad: name of each layer with weights -> masks of a traced training step; None if not recorded.
        meta: free text facts (versions, data).
    """

    name: str
    layers: tuple[LayerTrace, ...]
    steps: int
    samples: int = 0
    spikes_of: Literal["float", "digital", "on-chip", "assumed"] = "float"
    exit_step: NDArray[np.int64] | None = None
    grad: Mapping[str, GradTrace] | None = None
    meta: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def matmuls(self) -> tuple[LayerTrace, ...]:
        """The matrix products, with stored weights or run-time operands, in execution order."""
        return tuple(layer for layer in self.layers if layer.is_matmul)

    @property
    def neurons(self) -> tuple[LayerTrace, ...]:
        """The neuron layers, in execution order."""
        return tuple(layer for layer in self.layers if layer.op == "neuron")

    def layer(self, name: str) -> LayerTrace:
        """Return the layer of that name.

        Raises:
            UsageError: there is none (with the closest name).
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise UsageError(unknown_name("layer", name, [layer.name for layer in self.layers]))

    def summary(self) -> list[dict[str, Any]]:
        """Return one plain dict per layer: name, op, shapes, steps, params, macs, synops, spike rates.

        Counts are per sample over all steps; what is not known is None. With a traced training step, layers
        with weights also have ``du_rate`` and ``df_rate`` (see ``axbar.workload.du_rate``).
        """
        from axbar.workload._summary import summary

        return summary(self)

    def hash(self) -> str:
        """Return a hash of the content: layers, weights and activity; ``name`` and ``meta`` do not count."""
        from axbar.workload._file import content_hash

        return content_hash(self)

    def save(self, path: str | Path) -> None:
        """Write the workload to a ``.npz`` file, all at once or not at all.

        Raises:
            DataError: the file can't be written.
        """
        from axbar.workload._file import save

        save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Workload:
        """Read a workload that ``save`` wrote.

        Raises:
            UsageError: there is no such file.
            DataError: the file is truncated, or holds no workload.
        """
        from axbar.workload._file import load

        return load(Path(path))

    @classmethod
    def from_layers(
        cls,
        layers: Iterable[LayerShape | Mapping[str, Any]],
        *,
        name: str = "layers",
        steps: int | None = None,
    ) -> Workload:
        """Build a workload from shapes and spike rates alone; see ``LayerShape`` for what describes a layer.

        Raises:
            DataError: a layer has an unknown key or a value out of range.

        >>> layer = {"in_channels": 3, "out_channels": 8, "in_size": 32, "rate": 0.2}
        >>> w = Workload.from_layers([layer], steps=4)
        >>> w.layers[0].geometry.out_shape, w.samples
        ((8, 32, 32), 0)
        """
        from axbar.workload._layers import from_layers

        return from_layers(layers, name=name, steps=steps)

    @classmethod
    def from_csv(cls, path: str | Path, *, name: str | None = None, steps: int | None = None) -> Workload:
        """Build a workload from a table with one layer per line; columns are the fields of ``LayerShape``.

        Raises:
            UsageError: there is no such file.
            DataError: with the line and column that are wrong.
        """
        from axbar.workload._csv import from_csv

        return from_csv(Path(path), name=name, steps=steps)
