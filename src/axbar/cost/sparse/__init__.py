"""Dual-sparse spiking accelerators: one engine, dataflows as data, counts in integers.

``simulate`` runs one layer, ``simulate_layers`` a workload, on any of ``DATAFLOWS`` at three levels of fidelity;
``KIND`` is the hardware kind ``sparse`` that estimates use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from axbar.cost.sparse._simulate import simulate, simulate_tensors
from axbar.cost.sparse.codec import Packed, bursts, pack, unpack
from axbar.cost.sparse.counters import Counters
from axbar.cost.sparse.dataflow import DATAFLOWS, Dataflow
from axbar.cost.sparse.tensors import LayerTensors, check_inputs

#: what needs specs and components, loaded on first use
_LATER = {
    "KIND": "axbar.cost.sparse.kind",
    "simulate_layers": "axbar.cost.sparse.layers",
}

__all__ = [
    "DATAFLOWS",
    "KIND",
    "Counters",
    "Dataflow",
    "LayerTensors",
    "Packed",
    "bursts",
    "check_inputs",
    "pack",
    "simulate",
    "simulate_layers",
    "simulate_tensors",
    "unpack",
]

if TYPE_CHECKING:
    from axbar.cost.sparse.kind import KIND
    from axbar.cost.sparse.layers import simulate_layers


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module 'axbar.cost.sparse' has no attribute '{name}'")
