"""The engine against loops that do what the definitions say, one tile and one non-zero after the other."""

from __future__ import annotations

import dataclasses
import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axbar.cost.sparse import (
    DATAFLOWS,
    Counters,
    Dataflow,
    check_inputs,
    functional,
    simulate,
    simulate_tensors,
)
from axbar.cost.sparse.cycles import tile_cycles
from axbar.cost.sparse.dataflow import Tile, find
from axbar.cost.sparse.functional import accumulate, check, checked_columns, integer_weights
from axbar.cost.sparse.traffic import traffic
from axbar.errors import DataError, UsageError

LAW = settings(max_examples=40, deadline=None)
#: dataflows that have a published model
PUBLISHED = [name for name, flow in DATAFLOWS.items() if flow.product != "dense"]


@st.composite
def layers(draw: st.DrawFn, steps: tuple[int, int] = (1, 9)) -> tuple[np.ndarray, np.ndarray]:
    """Spikes and integer weights, with repeated time steps at times (tiles of equal content)."""
    T, M, K, N = (draw(st.integers(*span)) for span in (steps, (1, 9), (1, 20), (1, 11)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x = rng.random((T, M, K)) < draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    if draw(st.booleans()):
        x = np.repeat(x[:1], T, axis=0)
    w = rng.integers(-3, 4, (K, N)) * (rng.random((K, N)) < draw(st.sampled_from([0.0, 0.2, 1.0])))
    return x, w


@st.composite
def small_flows(draw: st.DrawFn) -> Dataflow:
    """The dataflows with tiles and FIFOs so small that their edges show."""
    flow = find(draw(st.sampled_from(PUBLISHED)))
    rows, cols, chunk = (draw(st.integers(1, 8)) for _ in range(3))
    values = draw(st.integers(1, 60))
    return dataclasses.replace(
        flow, tile=Tile(flow.tile.steps, rows, cols, chunk),
        x=dataclasses.replace(flow.x, fifo_values=draw(st.integers(1, 60))),
        w=dataclasses.replace(flow.w, fifo_values=values),
    )  # fmt: skip


def _cut(extent: int, tile: int) -> list[slice]:
    return [slice(i, min(i + tile, extent)) for i in range(0, extent, tile)]


def _tiles(x: np.ndarray, w: np.ndarray, flow: Dataflow) -> list[tuple[Any, ...]]:
    """Visits in loop order: indices and tiles."""
    seen = x.any(axis=0)[np.newaxis] if flow.packed else x
    cuts = {
        "t": [slice(t, t + 1) for t in range(seen.shape[0])], "m": _cut(x.shape[1], flow.tile.rows),
        "k": _cut(x.shape[2], flow.tile.chunk), "n": _cut(w.shape[1], flow.tile.cols),
    }  # fmt: skip
    loops = flow.loops if "t" in flow.loops else "t" + flow.loops
    visits = []
    for at in itertools.product(*(range(len(cuts[letter])) for letter in loops)):
        i = dict(zip(loops, at, strict=True))
        part = {letter: cuts[letter][i[letter]] for letter in "tmkn"}
        tile_x, tile_w = seen[i["t"], part["m"], part["k"]], w[part["k"], part["n"]]
        visits.append(((i["t"], i["m"], i["k"]), (i["k"], i["n"]), tile_x, tile_w))
    return visits


def _slow_cycles(x: np.ndarray, w: np.ndarray, flow: Dataflow) -> tuple[int, int]:
    cycles = ops = 0
    for _, _, tile_x, tile_w in _tiles(x, w, flow):
        matches = tile_x.astype(int) @ (tile_w != 0).astype(int)
        per_pe = matches.sum(axis=1 if flow.split == "row" else 0)
        cycles += int(per_pe.max())
        ops += int(per_pe.sum())
    return cycles, ops


def _slow_traffic(x: np.ndarray, w: np.ndarray, flow: Dataflow) -> tuple[int, int]:
    """DRAM and SRAM bits of the published model, visit by visit, as its tables say."""
    T = x.shape[0]
    bits_x, bits_w = flow.x.value_bits or T, flow.w.value_bits
    dram = sram = 0
    queues: dict[str, list[tuple[Any, int]]] = {"x": [], "w": []}
    visits = _tiles(x, w, flow)
    last_x, last_w = visits[-1][0], visits[-1][1]
    for at_x, at_w, tile_x, tile_w in visits:
        for name, tile, form, bits in (("x", tile_x, flow.x, bits_x), ("w", tile_w, flow.w, bits_w)):
            key, nnz = (tile.shape, tile.tobytes()), int(np.count_nonzero(tile))
            queue = queues[name]
            if key not in [resident for resident, _ in queue]:
                while queue and sum(size for _, size in queue) + nnz > form.fifo_values:
                    queue.pop(0)
                if nnz <= form.fifo_values:
                    queue.append((key, nnz))
                meta = (tile.size if form.metadata == "mask" else nnz) * form.metadata_bits
                fill = (tile.size if form.dense else nnz) * bits + meta
                dram, sram = dram + fill, sram + fill
        nnz_x, nnz_w = int(tile_x.sum()), int(np.count_nonzero(tile_w))
        matches = int((tile_x.astype(int) @ (tile_w != 0).astype(int)).sum())
        match flow.name:
            case "loas":
                sram += matches * T + nnz_w * 8 + tile_w.size + (tile_x.size if at_x != last_x else 0)
            case "loas-nmtk":
                sram += matches * 8 + nnz_x * T + tile_x.size + (tile_w.size if at_w != last_w else 0)
            case "sparten":
                sram += matches * 8 + tile_x.size + (tile_w.size if at_w != last_w else 0)
            case "gospa":
                sram += 9 * nnz_x + 8 * nnz_w + tile_w.size
                dram += 2 * tile_x.shape[0] * tile_w.shape[1] * 8
            case _:
                psum = 2 * int((tile_w != 0).any(axis=0).sum()) * 8 * tile_x.shape[0]
                sram += 7 * nnz_x + tile_x.shape[0] * 14 * nnz_w + psum
                dram += psum * (T - 3) // T
        last_x, last_w = at_x, at_w
    firing, spikes = int(x.any(axis=0).sum()), int(x.sum())
    written = {
        "loas": firing * T + x[0].size, "loas-nmtk": firing * T + x[0].size, "sparten": x.size, "gospa": 8 * spikes,
        "gamma": 6 * spikes,
    }  # fmt: skip
    return dram + written[flow.name], sram


@LAW
@given(layers(), small_flows())
def test_cycles_and_operations_are_those_of_the_slow_loops(
    layer: tuple[np.ndarray, np.ndarray], flow: Dataflow
) -> None:
    found = tile_cycles(check_inputs(*layer), flow)
    assert (found.cycles, found.ops) == _slow_cycles(*layer, flow)
    assert -(-found.ops // flow.pes) <= found.cycles <= found.ops


@LAW
@given(layers(steps=(4, 4)), small_flows())
def test_published_traffic_is_that_of_the_slow_loops(
    layer: tuple[np.ndarray, np.ndarray], flow: Dataflow
) -> None:
    tensors = check_inputs(*layer)
    found = traffic(tensors, flow, matches=tile_cycles(tensors, flow).ops, published=True)
    assert (sum(found.dram_bits.values()), sum(found.sram_bits.values())) == _slow_traffic(*layer, flow)


@LAW
@given(layers(), st.sampled_from(sorted(DATAFLOWS)))
def test_every_dataflow_yields_the_dense_product(layer: tuple[np.ndarray, np.ndarray], name: str) -> None:
    x, w = layer
    tensors, flow = check_inputs(x, w), find(name)
    assert np.array_equal(accumulate(tensors, flow, integer_weights(w)), x.astype(np.int64) @ w)
    assert check(tensors, flow, None) in (0, x.shape[0] * x.shape[1] * w.shape[1])


def test_a_wrong_sum_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def off_by_one(*given: Any) -> np.ndarray:
        sums = accumulate(*given)
        sums[2, 1, 0] += 1
        return sums

    monkeypatch.setattr(functional, "accumulate", off_by_one)
    with pytest.raises(
        AssertionError, match=r"'loas' yields 4 instead of 3 at \(step, row\) \(2, 1\), column 0"
    ):
        simulate(np.ones((4, 2, 3)), np.ones((3, 2)), check="all")


def test_which_sums_are_checked() -> None:
    w = np.zeros((3, 50))
    w[1, 7:40] = 0.3  # no integers: checked as codes
    tensors = check_inputs(np.ones((4, 2, 3)), w)
    assert checked_columns(tensors, 4).tolist() == [7, 18, 28, 39]
    found = [
        simulate_tensors(tensors, find("gamma"), "join", check=c).checked_outputs
        for c in (True, "all", False)
    ]
    assert found == [4 * 2 * 4, 4 * 2 * 50, 0]
    assert simulate_tensors(tensors, find("gamma"), "join").outputs == 4 * 2 * 50


@LAW
@given(layers())
def test_operations_of_all_dataflows_and_corrections(layer: tuple[np.ndarray, np.ndarray]) -> None:
    x, w = layer
    tensors = check_inputs(x, w)
    acs = int(x.sum(axis=(0, 1)) @ (w != 0).sum(axis=1))
    for name in ("sparten", "gospa"):
        assert simulate_tensors(tensors, find(name), "published").ops == acs
    loas = simulate_tensors(tensors, find("loas"), "published")
    assert loas.acs == acs == x.shape[0] * loas.ops - loas.corrections
    assert acs <= x.shape[0] * loas.ops <= x.shape[0] * acs


@LAW
@given(layers(steps=(3, 6)), small_flows(), st.integers(0, 2**32))
def test_fewer_spikes_never_cost_more_cycles(
    layer: tuple[np.ndarray, np.ndarray], flow: Dataflow, seed: int
) -> None:
    x, w = layer
    fewer = x & (np.random.default_rng(seed).random(x.shape) < 0.7)
    assert tile_cycles(check_inputs(fewer, w), flow).cycles <= tile_cycles(check_inputs(x, w), flow).cycles


@LAW
@given(layers(steps=(1, 1)))
def test_one_step_of_loas_is_sparten_with_the_same_mapping(layer: tuple[np.ndarray, np.ndarray]) -> None:
    tensors, packed = check_inputs(*layer), find("loas-nmtk")
    by_step = dataclasses.replace(find("sparten"), tile=dataclasses.replace(packed.tile, steps=1))
    assert tile_cycles(tensors, packed) == tile_cycles(tensors, by_step)


@LAW
@given(layers(steps=(3, 6)), small_flows(), st.booleans())
def test_bits_of_unlimited_buffers_and_of_fills(
    layer: tuple[np.ndarray, np.ndarray], flow: Dataflow, published: bool
) -> None:
    tensors = check_inputs(*layer)
    matches = tile_cycles(tensors, flow).ops
    small = traffic(tensors, flow, matches=matches, published=published)
    fills = sum(bits for name, bits in small.dram_bits.items() if name not in ("psum", "out"))
    assert sum(small.sram_bits.values()) >= fills
    x, w = (dataclasses.replace(form, fifo_values=10**9) for form in (flow.x, flow.w))
    large = traffic(tensors, dataclasses.replace(flow, x=x, w=w), matches=matches, published=published)
    assert all(large.misses[name] <= small.misses[name] for name in "wx")
    if not published:  # every tile once: the operand itself
        steps = 1 if flow.packed else tensors.steps
        stored = {"mask": tensors.mask.size, "coordinate": tensors.weight_nnz}[flow.w.metadata]
        assert large.dram_bits["w"] == tensors.weight_nnz * flow.w.value_bits
        assert large.dram_bits["w_meta"] == stored * flow.w.metadata_bits
        if flow.x.dense:
            assert large.dram_bits["x"] == steps * tensors.words.size


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("fidelity", ["published", "join", "pipeline"])
def test_layers_with_nothing_to_do_say_so(name: str, fidelity: str) -> None:
    x, w = np.ones((4, 3, 5), dtype=bool), np.ones((5, 2))
    for given_x, given_w, word in (
        (x[:, :0], w, "empty"), (x[:, :, :0], w[:0], "empty"), (x, w[:, :0], "empty"), (x, 0 * w, "weight"),
        (x & False, w, "fires"),
    ):  # fmt: skip
        found = simulate(given_x, given_w, name, fidelity)
        assert (found.ops, found.acs, found.checked_outputs) == (0, 0, 0)
        assert word in found.notes[0]
        assert fidelity != "published" or found.cycles == 0


def test_what_can_not_be_simulated_is_refused_in_a_sentence() -> None:
    x, w = np.ones((2, 3, 5)), np.ones((5, 2))
    for bad_x, bad_w, words in (
        (np.ones((65, 1, 5)), w, "T = 65"), (2 * x, w, "other values"), (x, w[:4], "K = 5"), (x, w[0], "shape"),
        (x[0, 0], w, "shape"), (x, w * np.nan, "NaN"), (np.ones((0, 3, 5)), w, "T = 0"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=words):
            simulate(bad_x, bad_w)
    with pytest.raises(DataError, match="output spikes"):
        simulate(x, w, outputs=np.ones((2, 3, 3)))
    for wrong, words in (
        ({"dataflow": "lios"}, "did you mean 'loas'"), ({"fidelity": "joins"}, "did you mean 'join'"),
        ({"pes": 0}, "pes is 0"), ({"dataflow": "gamma", "fidelity": "published"}, "T = 2"),
        ({"dataflow": "sparten", "fidelity": "published", "balance": "greedy"}, "published model"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=words):
            simulate(x, w, **wrong)


def test_counters_add_and_turn_into_words() -> None:
    x, w = np.ones((4, 20, 5)), np.ones((5, 2))
    one, two = (simulate(part, w, "loas", "published") for part in (x, x[:, :3]))
    both = one + two
    assert both.cycles == one.cycles + two.cycles
    assert both.dram_total_bits == one.dram_total_bits + two.dram_total_bits
    assert both.utilisation == pytest.approx(both.ops / (16 * both.cycles))
    assert both.to_dict()["dram_bits"]["w"] == both.dram_bits["w"]
    with pytest.raises(UsageError, match="alike"):
        one + simulate(x, w, "sparten", "published")


def test_more_pes_and_recorded_outputs() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.random((4, 64, 100)) < 0.3, rng.integers(0, 2, (100, 48))
    few, many = (simulate(x, w, "loas", "published", pes=n) for n in (8, 32))
    assert (few.pes, many.pes) == (8, 32)
    assert many.cycles < few.cycles
    assert many.ops == few.ops
    silent = simulate(x, w, "loas", "join", outputs=np.zeros((4, 64, 48)))
    assert silent.dram_bits["out"] == 64 * 48  # the masks alone
    assert not any("as dense as the input" in note for note in silent.notes)


def _counts(seed: int) -> list[Counters]:
    rng = np.random.default_rng(seed)
    x, w = rng.random((4, 70, 300)) < 0.3, rng.integers(-4, 5, (300, 90))
    return [simulate(x, w, name, "published") for name in PUBLISHED]


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    code = "import test_sparse_engine as t; print([c.to_dict() for c in t._counts(1)])"
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert run.stdout.strip() == str([c.to_dict() for c in _counts(1)])
