"""A NIR graph in memory: nodes with numpy values, directed edges; which node types are known.

The Neuromorphic Intermediate Representation (Pedersen et al., "Neuromorphic intermediate representation: a unified
instruction set for interoperable brain-inspired computing", Nature Communications 15:8122, 2024) describes a network as
a graph of nodes in continuous time. It knows no time step and no kind of reset; both stand in ``metadata`` here, if
anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from axbar.errors import ModelError

__all__ = ["FIELDS", "NEURONS", "SPIKING", "Edge", "NirGraph", "NirNode", "Value"]

Value = str | NDArray[Any]
Edge = tuple[str, str]

#: type -> (fields that it must have, fields that it may have)
FIELDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Affine": (("weight", "bias"), ()),
    "AvgPool2d": (("kernel_size", "stride", "padding"), ()),
    "Conv1d": (("weight", "stride", "padding", "dilation", "groups", "bias"), ("input_shape",)),
    "Conv2d": (("weight", "stride", "padding", "dilation", "groups", "bias"), ("input_shape",)),
    "CubaLI": (("tau_syn", "tau_mem", "r", "v_leak"), ("w_in",)),
    "CubaLIF": (("tau_syn", "tau_mem", "r", "v_leak", "v_threshold"), ("v_reset", "w_in")),
    "Delay": (("delay",), ()),
    "Flatten": (("start_dim", "end_dim"), ("input_type",)),
    "I": (("r",), ()),
    "IF": (("r", "v_threshold"), ("v_reset",)),
    "Identity": ((), ("shape", "input_type")),
    "Input": (("shape",), ()),
    "LI": (("tau", "r", "v_leak"), ()),
    "LIF": (("tau", "r", "v_leak", "v_threshold"), ("v_reset",)),
    "Linear": (("weight",), ()),
    "Output": ((), ("shape",)),
    "Scale": (("scale",), ()),
    "SumPool2d": (("kernel_size", "stride", "padding"), ()),
    "Threshold": (("threshold",), ()),
}
SPIKING = frozenset({"LIF", "IF", "CubaLIF"})
#: what keeps a potential from step to step, so that a cycle through it can run
NEURONS = SPIKING | {"LI", "I", "CubaLI"}


@dataclass(frozen=True, eq=False)
class NirNode:
    """One node: its NIR type, its values and what programs noted beside them."""

    name: str
    type: str
    values: Mapping[str, Value] = field(default_factory=dict[str, Value])
    metadata: Mapping[str, Value] = field(default_factory=dict[str, Value])

    @property
    def label(self) -> str:
        """How errors call it."""
        return f"node '{self.name}' ({self.type})"

    def numbers(self, key: str) -> NDArray[np.float64]:
        """Return a value as float64.

        Raises:
            ModelError: it is no array of finite numbers.
        """
        value = self.values[key]
        if isinstance(value, str) or value.dtype.kind not in "fiub":
            raise ModelError(f"{self.label} has a {key} that is no number; write the file anew.")
        array = np.asarray(value, dtype=np.float64)
        if array.size == 0 or not np.isfinite(array).all():
            raise ModelError(
                f"{self.label} has a {key} that is empty, NaN or infinite; the training that made it diverged, or the "
                "file is damaged."
            )
        return array

    def integers(self, key: str, count: int) -> tuple[int, ...]:
        """Return ``count`` integers; one number stands for all of them.

        Raises:
            ModelError: there are more, fewer, or they are no integers from 0.
        """
        found = self.numbers(key).reshape(-1)
        given = np.repeat(found, count) if found.size == 1 else found
        if given.size != count or (given != np.rint(given)).any() or (given < 0).any():
            raise ModelError(
                f"{self.label} has {key} = {found.tolist()}; it takes {count} integer{'s' if count > 1 else ''} from 0."
            )
        return tuple(int(n) for n in given)


@dataclass(frozen=True, eq=False)
class NirGraph:
    """Nodes by name and the edges between them; a node may be a graph of its own."""

    nodes: Mapping[str, NirNode | NirGraph]
    edges: tuple[Edge, ...]
    metadata: Mapping[str, Value] = field(default_factory=dict[str, Value])
    version: str = ""
