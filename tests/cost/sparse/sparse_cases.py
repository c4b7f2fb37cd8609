"""Small layers and dataflows with small tiles, so that edge tiles, several chunks and several sets all occur."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import strategies as st

from axbar.cost.sparse.cycles import tile_cycles
from axbar.cost.sparse.dataflow import DATAFLOWS, Dataflow, Tile
from axbar.cost.sparse.levels import level_counts
from axbar.cost.sparse.tensors import LayerTensors
from axbar.workload._pack import pack

FLOWS = tuple(DATAFLOWS)


def small(name: str) -> Dataflow:
    """Return a dataflow on 3 PEs (PTB: 2 x 3) with tiles of a few elements."""
    flow = DATAFLOWS[name]
    rows, cols = (3, 2) if flow.split == "row" else (2, 3)
    steps = 2 if flow.product == "dense" else flow.tile.steps
    return dataclasses.replace(flow, tile=Tile(steps, rows, cols, 4))


def tensors(x: np.ndarray, w: np.ndarray) -> LayerTensors:
    return LayerTensors(pack(x), x.shape[0], w.astype(np.int8))


@st.composite
def layers(draw: st.DrawFn, *, busiest: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """Spikes ``[T, M, K]`` and a weight mask ``[K, N]``, from empty to nearly full."""
    steps, rows, inputs, outputs = (draw(st.integers(1, n)) for n in (5, 8, 14, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.random((steps, rows, inputs)) < draw(st.floats(0, busiest))
    w = rng.random((inputs, outputs)) < draw(st.floats(0, busiest))
    return x, w


def published(layer: LayerTensors, flow: Dataflow) -> int:
    if flow.product == "dense":
        return level_counts(layer, flow, "published").cycles
    return tile_cycles(layer, flow).cycles
