"""DRAM traffic of feature maps: row by row in plain loops, limits, and cases by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sparse_cases import FLOWS

from axbar.cost.sparse.dataflow import Dataflow, find
from axbar.cost.sparse.featuremap import feature_map_traffic, needed_rows, stored_rows
from axbar.errors import DataError
from axbar.workload import Geometry
from axbar.workload._pack import pack

UNLIMITED = 1 << 40


def _conv(channels: int, size: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0) -> Geometry:
    out = (size + 2 * padding - kernel) // stride + 1
    return Geometry(
        (channels, size, size), (outputs, out, out), (kernel,) * 2, (stride,) * 2, (padding,) * 2
    )  # fmt: skip


def _buffers(flow: Dataflow, x: int, w: int = UNLIMITED) -> Dataflow:
    return dataclasses.replace(
        flow, x=dataclasses.replace(flow.x, fifo_values=x), w=dataclasses.replace(flow.w, fifo_values=w)
    )


def _map(seed: int, steps: int, shape: tuple[int, ...], rate: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(seed).random((steps, *shape)) < rate
    return x, pack(x)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 99), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2), st.sampled_from(FLOWS),
    st.sampled_from([0, UNLIMITED]),
)  # fmt: skip
def test_rows_are_read_as_often_as_needed(
    seed: int, kernel: int, stride: int, padding: int, name: str, capacity: int
) -> None:
    shape = _conv(3, 9, 4, kernel, stride, padding)
    x, words = _map(seed, 4, shape.in_shape)
    flow = _buffers(find(name), capacity)
    found = feature_map_traffic(words, 4, np.ones((shape.fan_in, 4)), shape, flow)
    reads: list[int] = []
    for row in range(shape.out_shape[1]):
        reads += [h for r in range(kernel) if 0 <= (h := row * stride + r - padding) < 9]
    reads = (
        sorted(set(reads)) if capacity or not any(x[:, :, h].any() or flow.x.dense for h in reads) else reads
    )
    per_row = []
    for h in range(9):
        spikes, fires = int(x[:, :, h].sum()), int(x[:, :, h].any(axis=0).sum())
        per_row.append(
            fires * 4 + 27 if flow.packed else 4 * 27 if flow.x.dense else spikes * (1 + flow.x.metadata_bits)
        )
    tiles = -(-4 // flow.tile.cols)
    assert tiles == 1
    assert found.dram_bits["x"] + found.dram_bits["x_meta"] == sum(per_row[h] for h in reads)


def test_unfolding_would_read_up_to_nine_times_as_much() -> None:
    shape = _conv(16, 12, 8, 3, padding=1)
    _, words = _map(0, 4, shape.in_shape)
    flow = _buffers(find("loas"), UNLIMITED)
    bits = feature_map_traffic(words, 4, np.ones((144, 8)), shape, flow).dram_bits
    firing = np.count_nonzero(words)
    assert bits["x"] == firing * 4
    assert bits["x_meta"] == 16 * 12 * 12
    unfolded = 12 * 12 * 144  # mask bits of the unfolded matrix
    assert unfolded == 9 * bits["x_meta"]


def test_strided_shortcut_reads_every_other_row() -> None:
    shape = _conv(4, 8, 6, 1, stride=2)
    assert np.concatenate(needed_rows(shape, 8)).tolist() == [0, 2, 4, 6]
    _, words = _map(1, 3, shape.in_shape)
    bits = feature_map_traffic(words, 3, np.ones((4, 6)), shape, find("loas")).dram_bits
    assert bits["x"] == 3 * np.count_nonzero(words[:, ::2])
    assert bits["x_meta"] == 4 * 4 * 8


@pytest.mark.parametrize(
    ("name", "x_passes", "w_passes"),
    [
        ("loas", 1, 9),
        ("loas-nmtk", 4, 5),
        ("sparten", 4, 5),
        ("gospa", 4, 3),
        ("gamma", 1, 9),
        ("ptb", 4, 36),
    ],
)
def test_passes_when_nothing_fits(name: str, x_passes: int, w_passes: int) -> None:
    """144 positions, 64 outputs."""
    shape = _conv(32, 12, 64, 3, padding=1)
    _, words = _map(2, 4, shape.in_shape)
    weights = np.ones((288, 64))
    found = feature_map_traffic(words, 4, weights, shape, _buffers(find(name), 0, 0))
    assert found.passes == {"x": x_passes, "w": w_passes}
    assert found.dram_bits["w"] == w_passes * 288 * 64 * 8
    assert not found.kept
    once = feature_map_traffic(words, 4, weights, shape, _buffers(find(name), UNLIMITED))
    assert once.passes == {"x": 1, "w": 1}
    assert all(once.dram_bits[stream] <= found.dram_bits[stream] for stream in once.dram_bits)


def test_pruned_weights_are_not_moved_but_where_dense() -> None:
    shape = _conv(8, 6, 4, 3)
    _, words = _map(3, 2, shape.in_shape)
    weights = np.zeros((72, 4))
    weights[:10] = 1
    bits = {name: feature_map_traffic(words, 2, weights, shape, find(name)).dram_bits for name in FLOWS}
    assert (bits["loas"]["w"], bits["loas"]["w_meta"]) == (40 * 8, 72 * 4)
    assert (bits["gamma"]["w"], bits["gamma"]["w_meta"]) == (40 * 8, 40 * 6)
    assert (bits["ptb"]["w"], bits["ptb"]["w_meta"]) == (72 * 4 * 8, 0)


def test_partial_sums_beyond_their_buffer_go_out_and_back() -> None:
    shape = _conv(64, 6, 8, 3, padding=1)  # 576 inputs: 3 chunks of 256 (GoSPA), 9 of 64 (Gamma)
    _, words = _map(4, 2, shape.in_shape)
    weights = np.ones((576, 8))
    gospa, gamma = (dataclasses.replace(find(n), psum_buffer_bits=0) for n in ("gospa", "gamma"))
    assert feature_map_traffic(words, 2, weights, shape, gospa).dram_bits["psum"] == 2 * 2 * (2 * 36 * 8 * 8)
    assert feature_map_traffic(words, 2, weights, shape, gamma).dram_bits["psum"] == 3 * 2 * 8 * (
        2 * 16 * 8 * 8
    )
    roomy = dataclasses.replace(gospa, psum_buffer_bits=2 * 36 * 8 * 8)
    assert feature_map_traffic(words, 2, weights, shape, roomy).dram_bits["psum"] == 0
    assert feature_map_traffic(words, 2, weights, shape, find("loas")).dram_bits["psum"] == 0


def test_output_is_stored_like_the_input_where_it_is_known() -> None:
    shape = _conv(4, 6, 5, 3)
    _, words = _map(5, 4, shape.in_shape)
    x, out = _map(6, 4, shape.out_shape)
    weights = np.ones((36, 5))
    unknown = feature_map_traffic(words, 4, weights, shape, find("loas"))
    assert unknown.dram_bits["out"] == 4 * 5 * 16
    assert "dense bits" in unknown.notes[0]
    known = feature_map_traffic(words, 4, weights, shape, find("loas"), out_words=out)
    assert known.dram_bits["out"] == 4 * int(x.any(axis=0).sum()) + 5 * 16
    assert not known.notes
    assert known.dram_total_bits == sum(known.dram_bits.values())


@pytest.mark.parametrize("shape", [(20,), (7, 20)])
def test_linear_layers_read_their_inputs_once(shape: tuple[int, ...]) -> None:
    geometry = Geometry(shape, (*shape[:-1], 10))
    _, words = _map(7, 4, shape)
    bits = feature_map_traffic(words, 4, np.ones((20, 10)), geometry, find("loas")).dram_bits
    assert (bits["x"], bits["x_meta"]) == (4 * np.count_nonzero(words), words.size)


def test_groups_hold_their_own_weights() -> None:
    geometry = dataclasses.replace(_conv(8, 6, 8, 3), groups=8)
    _, words = _map(8, 4, geometry.in_shape)
    found = feature_map_traffic(words, 4, np.ones((8, 1, 3, 3)), geometry, find("sparten"))
    assert found.dram_bits["w"] == 8 * 9 * 8
    assert found.passes == {"x": 1, "w": 1}


def test_stored_rows_add_up_to_the_map() -> None:
    x, words = _map(9, 5, (3, 7, 4))
    for name in FLOWS:
        form = find(name).x
        values, bits, meta = stored_rows(words, 5, form)
        expected = x.size if form.dense else x.any(axis=0).sum() if form.value_bits == 0 else x.sum()
        assert values.sum() == expected
        assert bits.sum() == expected * (form.value_bits or 5)
        if form.metadata == "mask":
            assert meta.sum() == x[0].size


def test_wrong_shapes_are_refused() -> None:
    geometry = _conv(4, 6, 5, 3)
    _, words = _map(10, 2, geometry.in_shape)
    with pytest.raises(DataError, match=r"takes one sample of \(4, 6, 6\)"):
        feature_map_traffic(words[:3], 2, np.ones((36, 5)), geometry, find("loas"))
    with pytest.raises(DataError, match=r"the layer has 180 \(1 x 36 x 5\)"):
        feature_map_traffic(words, 2, np.ones((36, 4)), geometry, find("loas"))
    with pytest.raises(DataError, match="output spikes"):
        feature_map_traffic(words, 2, np.ones((36, 5)), geometry, find("loas"), out_words=words)
