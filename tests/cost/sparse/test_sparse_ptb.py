"""PTB: a slow count in plain loops, packing, traffic by hand, trends."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sparse_cases import layers, small, tensors

from axbar.cost.sparse.dataflow import Dataflow, find
from axbar.cost.sparse.levels import level_counts
from axbar.cost.sparse.ptb import ptb_cycles, ptb_joins, ptb_ops, ptb_traffic
from axbar.errors import UsageError


def _groups(x: np.ndarray, flow: Dataflow) -> list[list[np.ndarray]]:
    """Lanes, windows of a position side by side, in groups of C; a lane is a row of K booleans."""
    steps, rows, _ = x.shape
    length = flow.tile.steps or steps
    lanes = [
        x[first : first + length, m].any(axis=0) for m in range(rows) for first in range(0, steps, length)
    ]
    return [lanes[i : i + flow.tile.rows] for i in range(0, len(lanes), flow.tile.rows)]


def _slow(x: np.ndarray, w: np.ndarray, flow: Dataflow, fidelity: str) -> int:
    cycles = 0
    for _ in range(math.ceil(w.shape[1] / flow.tile.cols)):
        for group in _groups(x, flow):
            for first in range(0, w.shape[0], flow.tile.chunk):
                active = sum(
                    any(lane[k] for lane in group)
                    for k in range(first, min(first + flow.tile.chunk, w.shape[0]))
                )
                cycles += active if fidelity == "published" else max(1, active)
            cycles += flow.tile.rows + flow.tile.cols - 2 if fidelity == "pipeline" else 0
    return cycles


@settings(max_examples=60, deadline=None)
@given(layers(), st.sampled_from(["published", "join", "pipeline"]), st.integers(0, 3))
def test_cycles_equal_a_count_in_plain_loops(
    layer: tuple[np.ndarray, np.ndarray], fidelity: str, window: int
) -> None:
    x, w = layer
    flow = small("ptb")
    flow = dataclasses.replace(flow, tile=dataclasses.replace(flow.tile, steps=window))
    operands = tensors(x, w)
    assert ptb_cycles(operands, flow, fidelity) == _slow(x, w, flow, fidelity)  # type: ignore[arg-type]
    assert (
        ptb_ops(operands, flow) == sum(int(lane.sum()) for g in _groups(x, flow) for lane in g) * w.shape[1]
    )


@settings(max_examples=60, deadline=None)
@given(layers(), st.integers(1, 4))
def test_packing_shares_slots_of_disjoint_windows(layer: tuple[np.ndarray, np.ndarray], lanes: int) -> None:
    flow = small("ptb")
    flow = dataclasses.replace(flow, tile=dataclasses.replace(flow.tile, rows=lanes))
    operands = tensors(*layer)
    plain, packed = (ptb_cycles(operands, flow, "published", packed=p) for p in (False, True))
    folds = math.ceil(layer[1].shape[1] / flow.tile.cols)
    busiest = 0
    for group in _groups(layer[0], flow):
        for first in range(0, layer[1].shape[0], flow.tile.chunk):
            busiest += max(int(lane[first : first + flow.tile.chunk].sum()) for lane in group)
    assert max(folds * busiest, plain / 2) <= packed <= plain
    if lanes == 1:
        assert packed == plain


def test_packing_by_hand() -> None:
    """Inputs active in lanes {0}, {1}, {0, 1}, {1}: the first two share a slot, three slots are left."""
    x = np.array([[[1, 0, 1, 0], [0, 1, 1, 1]]], dtype=bool)
    flow = small("ptb")
    operands = tensors(x, np.ones((4, 2)))
    assert ptb_cycles(operands, flow, "join") == 4
    assert ptb_cycles(operands, flow, "join", packed=True) == 3


def test_packing_fills_whole_slots_first() -> None:
    """{0}, {1}, {1, 2}, {0, 2}: pairing the small ones with each other would leave three slots."""
    x = np.array([[[1, 0, 0, 1], [0, 1, 1, 0], [0, 0, 1, 1]]], dtype=bool)
    flow = small("ptb")
    flow = dataclasses.replace(flow, tile=dataclasses.replace(flow.tile, rows=3))
    assert ptb_cycles(tensors(x, np.ones((4, 2))), flow, "join", packed=True) == 2


def test_packing_of_many_lanes_is_refused() -> None:
    flow = find("ptb")
    flow = dataclasses.replace(flow, tile=dataclasses.replace(flow.tile, rows=16))
    operands = tensors(np.ones((1, 20, 9), dtype=bool), np.ones((9, 2)))
    assert level_counts(operands, flow, "join").cycles == 2 * 9
    with pytest.raises(UsageError, match="up to 8 lanes; the array has 16"):
        level_counts(operands, flow, "join", balance="greedy")


def test_longer_windows_take_fewer_cycles_and_weight_reads() -> None:
    """The point of batching: a weight serves all steps of a window."""
    rng = np.random.default_rng(0)
    operands = tensors(rng.random((8, 16, 200)) < 0.15, rng.random((200, 32)) < 0.1)
    flow = find("ptb")
    flows = [dataclasses.replace(flow, tile=dataclasses.replace(flow.tile, steps=s)) for s in (1, 2, 4, 8)]
    cycles = [level_counts(operands, f, "pipeline").cycles for f in flows]
    reads = [ptb_traffic(operands, f).sram_bits["w"] for f in flows]
    assert cycles == sorted(cycles, reverse=True)
    assert reads == sorted(reads, reverse=True)


def test_weights_are_dense() -> None:
    rng = np.random.default_rng(1)
    x = rng.random((4, 16, 64)) < 0.2
    empty, full = (level_counts(tensors(x, np.full((64, 20), v)), find("ptb"), "pipeline") for v in (0, 1))
    assert empty.cycles == full.cycles
    assert empty.ops == full.ops
    assert empty.acs == 0


def test_traffic_by_hand() -> None:
    """T = 5 in windows of 2, 2, 1; 2 positions, so 6 lanes in 3 groups of 2; 4 inputs, 4 outputs in 2 folds."""
    x = np.zeros((5, 2, 4), dtype=bool)
    x[0, 0, 0] = x[4, 0, 1] = x[2, 1, 3] = True
    flow = small("ptb")
    found = ptb_traffic(tensors(x, np.ones((4, 4))), flow)
    # active inputs: group 0 (two windows of position 0): input 0; group 1 (its last, and the first of position
    # 1): input 1; group 2: input 3. Steps of the lanes of a group: 4, 3, 3.
    assert found.dram_bits == {
        "w": 4 * 4 * 8,
        "x": 5 * 2 * 4,
        "w_meta": 0,
        "x_meta": 0,
        "psum": 0,
        "out": 5 * 2 * 4,
    }
    assert found.sram_bits["w"] == found.dram_bits["w"] + 3 * 4 * 8
    assert found.sram_bits["x"] == found.dram_bits["x"] + 2 * (4 + 3 + 3)
    assert ptb_joins(tensors(x, np.ones((4, 4))), flow) == (2 * 3, 2 * 3)


def test_what_does_not_fit_is_read_again() -> None:
    rng = np.random.default_rng(2)
    operands = tensors(rng.random((4, 8, 32)) < 0.5, np.ones((32, 40)))
    flow = find("ptb")
    tight = dataclasses.replace(
        flow,
        x=dataclasses.replace(flow.x, fifo_values=4 * 8 * 32 - 1),
        w=dataclasses.replace(flow.w, fifo_values=32 * 16 - 1),
    )
    roomy, cramped = ptb_traffic(operands, flow), ptb_traffic(operands, tight)
    assert cramped.dram_bits["x"] == 3 * roomy.dram_bits["x"]
    assert roomy.dram_bits["w"] == 32 * 40 * 8
    assert cramped.dram_bits["w"] == cramped.sram_bits["w"] // 2
    assert all(cramped.sram_bits[s] >= cramped.dram_bits[s] for s in cramped.dram_bits)


def test_pes_are_the_whole_array() -> None:
    flow = find("ptb")
    assert flow.pes == flow.tile.rows * flow.tile.cols == 64
    assert flow.with_pes(128).tile.cols == 32
    with pytest.raises(UsageError, match="multiple"):
        flow.with_pes(30)
