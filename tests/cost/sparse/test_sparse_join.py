"""Level join: golden floors, a slow count in plain loops, and what must hold for any layer."""

from __future__ import annotations

import csv
import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sparse_cases import FLOWS, layers, published, small, tensors

from axbar.cost.sparse.dataflow import DATAFLOWS, Dataflow, find
from axbar.cost.sparse.join import collocated, match_counts
from axbar.cost.sparse.levels import level_counts
from axbar.errors import UsageError
from axbar.published.loas_layers import ALEXNET, RESNET19
from axbar.published.loas_tensors import synthetic

GOLDEN = Path(__file__).parents[2] / "golden" / "loas_expected_cycles.csv"
INNER = {"loas": "loas", "sparten_snn": "sparten"}


def _floors() -> dict[tuple[str, int, str], int]:
    with GOLDEN.open(encoding="utf-8") as file:
        table = csv.DictReader(line for line in file if not line.startswith("#"))
        rows = [r for r in table if r["cycles_join_floor"] and r["dataflow"] in INNER]
    keys = [(r["net"], int(r["layer"].removeprefix("Layer_")), INNER[r["dataflow"]]) for r in rows]
    return dict(zip(keys, (int(r["cycles_join_floor"]) for r in rows), strict=True))


def test_join_floors_of_every_published_layer() -> None:
    """Computed from the equations of LoAS (Yin et al., MICRO 2024) on the synthetic tensors, 46 values."""
    floors = _floors()
    found = {}
    for net, stored in (("alexnet", ALEXNET), ("resnet19", RESNET19)):
        for number, layer in enumerate(stored, 1):
            operands = tensors(*synthetic(layer))
            for name in ("loas", "sparten"):
                found[net, number, name] = level_counts(operands, find(name), "join").cycles
    assert len(floors) == 46
    assert found == floors


def _tiles(size: int, step: int) -> list[range]:
    return [range(first, min(first + step, size)) for first in range(0, size, step)]


def _slow(x: np.ndarray, w: np.ndarray, flow: Dataflow, *, piped: bool = False) -> int:
    """Count tile by tile and PE by PE, as the docstring says it."""
    _, rows, inputs = x.shape
    views = [x.any(axis=0)] if flow.packed else list(x)
    row_tiles, col_tiles = _tiles(rows, flow.tile.rows), _tiles(w.shape[1], flow.tile.cols)
    cycles = 0
    for view, ms, ns in itertools.product(views, row_tiles, col_tiles):
        seen: set[tuple[int, int]] = set()
        for ks in _tiles(inputs, flow.tile.chunk):
            if flow.product == "inner":
                cost = {(m, n): max(1, sum(view[m, k] and w[k, n] for k in ks)) for m in ms for n in ns}
                work = (
                    [sum(cost[m, n] for n in ns) for m in ms]
                    if flow.split == "row"
                    else [sum(cost[m, n] for m in ms) for n in ns]
                )
            elif flow.product == "outer":
                spiking = {k: max(1, sum(view[m, k] for m in ms)) for k in ks}
                work = [max(1, sum(spiking[k] for k in ks if w[k, n])) for n in ns]
                work += [len(ms)] if piped else []
            else:
                weights = {k: max(1, sum(w[k, n] for n in ns)) for k in ks}
                work = []
                for m in ms:
                    hit = {(m, n) for n in ns if any(view[m, k] and w[k, n] for k in ks)}
                    again = len(hit & seen) if piped else 0
                    work.append(max(1, sum(weights[k] for k in ks if view[m, k]) + again))
                    seen |= hit
            cycles += max(work)
    return cycles


@settings(max_examples=60, deadline=None)
@given(layers(), st.sampled_from([f for f in FLOWS if f != "ptb"]))
def test_cycles_equal_a_count_in_plain_loops(layer: tuple[np.ndarray, np.ndarray], name: str) -> None:
    x, w = layer
    flow = small(name)
    assert level_counts(tensors(x, w), flow, "join").cycles == _slow(x, w, flow)


@settings(max_examples=40, deadline=None)
@given(layers(), st.sampled_from(["gospa", "gamma"]))
def test_pipelines_of_gospa_and_gamma_equal_a_count_in_plain_loops(
    layer: tuple[np.ndarray, np.ndarray], name: str
) -> None:
    x, w = layer
    flow = small(name)
    found = level_counts(tensors(x, w), flow, "pipeline").cycles
    if name == "gamma":
        fill = (2 + 2) * -(-x.shape[1] // 3)  # fetch, neuron, two levels of a merger of 4; sets of 3 rows
    else:
        fill = 3 * -(-w.shape[1] // 3) * -(-w.shape[0] // 4)
    assert found == _slow(x, w, flow, piped=True) + fill


@settings(max_examples=80, deadline=None)
@given(layers(), st.sampled_from(FLOWS), st.sampled_from(["none", "greedy"]))
def test_levels_are_in_order(layer: tuple[np.ndarray, np.ndarray], name: str, balance: str) -> None:
    operands, flow = tensors(*layer), small(name)
    if balance == "greedy" and name not in ("sparten", "ptb"):
        balance = "none"
    join = level_counts(operands, flow, "join", balance=balance)
    piped = level_counts(operands, flow, "pipeline", balance=balance)
    if balance == "none":
        assert published(operands, flow) <= join.cycles
    assert join.cycles <= piped.cycles
    assert (join.ops, join.acs, join.joins) == (piped.ops, piped.acs, piped.joins)
    assert join.ops <= join.cycles * flow.pes
    assert join.matched_joins <= min(join.joins, join.ops)


@settings(max_examples=80, deadline=None)
@given(
    layers(),
    st.sampled_from(FLOWS),
    st.sampled_from(["join", "pipeline"]),
    st.integers(0, 2**32 - 1),
    st.data(),
)
def test_removing_spikes_never_costs_cycles(
    layer: tuple[np.ndarray, np.ndarray], name: str, fidelity: str, seed: int, data: st.DataObject
) -> None:
    x, w = layer
    fewer = x & (np.random.default_rng(seed).random(x.shape) < data.draw(st.floats(0, 1)))
    flow = small(name)
    more, less = (level_counts(tensors(each, w), flow, fidelity) for each in (x, fewer))  # type: ignore[arg-type]
    assert less.cycles <= more.cycles
    assert less.acs <= more.acs


@settings(max_examples=60, deadline=None)
@given(layers(), st.sampled_from(["join", "pipeline"]))
def test_greedy_balance_never_costs_cycles(layer: tuple[np.ndarray, np.ndarray], fidelity: str) -> None:
    operands, flow = tensors(*layer), small("sparten")
    plain, greedy = (
        level_counts(operands, flow, fidelity, balance=b)  # type: ignore[arg-type]
        for b in ("none", "greedy")
    )
    assert greedy.cycles <= plain.cycles
    assert dataclasses.replace(greedy, cycles=0, notes=()) == dataclasses.replace(plain, cycles=0, notes=())


def test_greedy_balance_gains_on_unequal_columns() -> None:
    rng = np.random.default_rng(1)
    x = rng.random((2, 32, 256)) < 0.4
    w = rng.random((256, 64)) < np.linspace(0.02, 0.6, 64)
    operands = tensors(x, w)
    plain, greedy = (level_counts(operands, find("sparten"), "join", balance=b) for b in ("none", "greedy"))
    assert greedy.cycles < 0.97 * plain.cycles
    assert greedy.cycles >= plain.ops / 16


@given(layers())
def test_every_column_has_one_place(layer: tuple[np.ndarray, np.ndarray]) -> None:
    mask = layer[1]
    for tiles in (1, 2, 3):
        slots = collocated(mask, 3, tiles)
        assert sorted(slots[slots >= 0].tolist()) == list(range(mask.shape[1]))
        for group, lane in np.ndindex(*slots.shape[:2]):
            held = slots[group, lane]
            assert all(c < 0 or c // 3 == group * tiles + tile for tile, c in enumerate(held.tolist()))


@pytest.mark.parametrize(
    ("name", "floor"),
    [
        ("loas", 2 * 2 * 20),  # sets of rows x chunks x columns
        ("loas-nmtk", 2 * 2 * 20),  # sets of columns x chunks x rows
        ("sparten", 3 * 2 * 2 * 20),  # the same at each of 3 steps
        (
            "gospa",
            3 * 1 * 1 * 2 * 36,
        ),  # steps x tiles of rows x chunks x sets of columns x weights of a column
        ("gamma", 3 * 2 * 3 * 1),  # steps x sets of rows x chunks x tiles of columns
        ("ptb", 2 * 5 * 2),  # folds x groups of lanes x chunks
    ],
)
def test_silent_layer_takes_the_scan_floor(name: str, floor: int) -> None:
    x, w = np.zeros((3, 20, 144), dtype=bool), np.zeros((144, 20), dtype=bool)
    flow = DATAFLOWS[name]
    w[:36] = True
    operands = tensors(x, w)
    assert published(operands, flow) == 0
    assert level_counts(operands, flow, "join").cycles == floor
    counts = level_counts(operands, flow, "pipeline")
    assert counts.cycles >= floor
    assert (counts.ops, counts.acs, counts.corrections, counts.matched_joins) == (0, 0, 0, 0)


@given(layers(), st.sampled_from(["loas", "loas-nmtk"]))
def test_corrections_take_back_what_packing_adds(layer: tuple[np.ndarray, np.ndarray], name: str) -> None:
    x, w = layer
    counts = level_counts(tensors(x, w), small(name), "join")
    silent = sum((x.any(axis=0) & ~each).sum(axis=0) for each in x)
    assert counts.corrections == silent @ w.sum(axis=1)
    assert counts.acs == x.sum(axis=(0, 1)) @ w.sum(axis=1)


def test_matches_per_chunk() -> None:
    spikes = np.array([[1, 1, 0, 1, 1]], dtype=bool)
    mask = np.array([[1, 0], [1, 0], [1, 1], [0, 1], [1, 1]], dtype=bool)
    assert match_counts(spikes, mask, 2).tolist() == [[[2, 0]], [[0, 1]], [[1, 1]]]


@pytest.mark.parametrize("name", FLOWS)
def test_same_numbers_twice(name: str) -> None:
    rng = np.random.default_rng(3)
    x, w = rng.random((4, 40, 300)) < 0.2, rng.random((300, 40)) < 0.1
    first, second = (level_counts(tensors(x, w), find(name), "pipeline") for _ in range(2))
    assert first == second


def test_empty_layer_is_zero_with_a_reason() -> None:
    counts = level_counts(tensors(np.zeros((2, 0, 4), dtype=bool), np.ones((4, 3))), find("loas"), "join")
    assert counts.cycles == 0
    assert "empty" in counts.notes[0]


def test_unknown_words_are_refused() -> None:
    operands = tensors(np.ones((1, 2, 3), dtype=bool), np.ones((3, 2)))
    with pytest.raises(UsageError, match="pipelin'; did you mean 'pipeline'"):
        level_counts(operands, find("loas"), "pipelin")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="published"):
        level_counts(operands, find("loas"), "published")
    with pytest.raises(UsageError, match="balance"):
        level_counts(operands, find("sparten"), "join", balance="best")
    with pytest.raises(UsageError, match="'loas' has no balance 'greedy'"):
        level_counts(operands, find("loas"), "join", balance="greedy")
